// Command build makes the browser side of Rivulet: it compiles the replica to
// WebAssembly, bundles the TypeScript client and the demo pages with esbuild
// (no Node), names every asset by its content and writes everything, with
// brotli and gzip variants, to the directory that package web embeds.
//
//	go run ./web/build
//
// The output depends on nothing but the sources and the Go version.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	var cfg config
	flag.StringVar(&cfg.wasm, "wasm", "", "`path` of a compiled module; without it ./wasm is compiled")
	flag.StringVar(&cfg.out, "o", "", "output `directory` (default web/dist in the module)")
	flag.StringVar(&cfg.cache, "cache", "", "`directory` for compressed files (default: in the user's cache directory)")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintln(os.Stderr, "build: unexpected argument", flag.Arg(0))
		flag.Usage()
		os.Exit(2)
	}
	if err := run(cfg); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
}

type config struct {
	wasm  string
	out   string
	cache string
}

func run(cfg config) error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}
	if cfg.out == "" {
		cfg.out = filepath.Join(root, "web", "dist")
	}
	if cfg.cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no cache directory, name one with -cache: %w", err)
		}
		cfg.cache = filepath.Join(base, "rivulet-web-build")
	}
	module, err := wasmModule(root, cfg.wasm)
	if err != nil {
		return err
	}
	files, err := site(filepath.Join(root, "web"), module)
	if err != nil {
		return err
	}
	if files, err = withCompressed(files, cfg.cache); err != nil {
		return err
	}
	if err := replaceAll(cfg.out, files); err != nil {
		return err
	}
	report(os.Stdout, files)
	return nil
}

func moduleRoot() (string, error) {
	mod, err := goCommand("env", "GOMOD")
	if err != nil {
		return "", err
	}
	if mod == "" || mod == os.DevNull {
		return "", fmt.Errorf("not in a Go module: run it in the repository")
	}
	return filepath.Dir(mod), nil
}

// wasmModule returns the module at path, or compiles ./wasm.
func wasmModule(root, path string) ([]byte, error) {
	if path != "" {
		return os.ReadFile(path)
	}
	dir, err := os.MkdirTemp("", "rivulet-wasm-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path = filepath.Join(dir, "rivulet.wasm")
	// Without inlining a page loads about 70 KB less (of brotli), and a keystroke takes about half as long again, 0.2 ms
	// more: internal/archtest has the bound.
	cmd := exec.Command("go", "build", "-ldflags=-s -w", "-gcflags=all=-l", "-trimpath", "-o", path, "./wasm")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("compile ./wasm: %w", err)
	}
	return os.ReadFile(path)
}

func goCommand(args ...string) (string, error) {
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
