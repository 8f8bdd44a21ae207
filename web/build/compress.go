package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/andybalholm/brotli"
)

// withCompressed adds name.br and name.gz to each file that they make smaller.
// Brotli at its best takes seconds a megabyte, so its results are kept in
// cacheDir by the hash of what went in.
func withCompressed(files map[string][]byte, cacheDir string) (map[string][]byte, error) {
	all := make(map[string][]byte, 3*len(files))
	for name, data := range files {
		all[name] = data
		br, err := cached(filepath.Join(cacheDir, brotliKey(data)), func() ([]byte, error) {
			if len(data) >= slow {
				fmt.Fprintf(os.Stderr, "compressing %s, once: about ten seconds\n", name)
			}
			return brotlied(data)
		})
		if err != nil {
			return nil, fmt.Errorf("brotli %s: %w", name, err)
		}
		gz, err := gzipped(data)
		if err != nil {
			return nil, fmt.Errorf("gzip %s: %w", name, err)
		}
		if len(br) < len(data) {
			all[name+".br"] = br
		}
		if len(gz) < len(data) {
			all[name+".gz"] = gz
		}
	}
	return all, nil
}

// slow is the size in bytes from which on compressing takes long enough to say so.
const slow = 1 << 20

func brotliKey(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]) + ".11.22.br"
}

func brotlied(data []byte) ([]byte, error) {
	var out bytes.Buffer
	// A window of 4 MiB makes the module 2 KB smaller than one of 16 MiB does.
	w := brotli.NewWriterOptions(&out, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 22})
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func gzipped(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// cached returns the file at path, or makes it. A file appears there whole or
// not at all, so that two builds at once do not disturb each other.
func cached(path string, make func() ([]byte, error)) ([]byte, error) {
	data, err := os.ReadFile(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	if data, err = make(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err != nil {
		return nil, err
	}
	return data, os.Rename(tmp.Name(), path)
}
