package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// keepFile stays in the output directory: git has it, so that go:embed finds
// the directory in a clean clone.
const keepFile = ".keep"

// replaceAll makes the files the only content of dir. It refuses a directory
// with files that no build wrote: a wrong -o must not empty a home directory.
func replaceAll(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if !ours(entry.Name()) {
			return fmt.Errorf("%s has a file %q that no build wrote: not touching it", dir, entry.Name())
		}
	}
	for _, entry := range entries {
		if entry.Name() == keepFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

func ours(name string) bool {
	switch {
	case name == keepFile, name == "assets":
		return true
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, ".br"), ".gz")
	return name == "rivulet.js" || slices.ContainsFunc(pages, func(p struct{ name, file string }) bool { return p.file == name })
}

// report prints what a browser downloads.
func report(w io.Writer, files map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			continue
		}
		fmt.Fprintf(w, "%-42s %9d  br %8d  gz %8d\n", name, len(files[name]), len(files[name+".br"]), len(files[name+".gz"]))
	}
}
