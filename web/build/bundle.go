package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/evanw/esbuild/pkg/api"
)

// goNotice is kept in every bundle: each contains Go's wasm_exec.js.
const goNotice = `/*! Contains wasm_exec.js, Copyright 2018 The Go Authors, BSD-style license: https://go.dev/LICENSE */`

// bundle compiles one TypeScript entry point and returns its script and its
// style sheet (nil without one). wasmURL is the address of the module as the
// page will ask for it.
func bundle(entry, wasmURL string) (script, style []byte, err error) {
	wasmExec, err := wasmExecPath()
	if err != nil {
		return nil, nil, err
	}
	result := api.Build(api.BuildOptions{
		EntryPoints:       []string{entry},
		Outdir:            "out",
		Bundle:            true,
		Format:            api.FormatESModule,
		Platform:          api.PlatformBrowser,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		Charset:           api.CharsetUTF8,
		LegalComments:     api.LegalCommentsNone,
		Banner:            map[string]string{"js": goNotice},
		Define:            map[string]string{"RIVULET_WASM": strconv.Quote(wasmURL)},
		Plugins:           []api.Plugin{resolveTo("wasm_exec", wasmExec)},
		LogLevel:          api.LogLevelSilent,
	})
	if err := buildError(result.Errors); err != nil {
		return nil, nil, err
	}
	for _, file := range result.OutputFiles {
		switch filepath.Ext(file.Path) {
		case ".js":
			script = file.Contents
		case ".css":
			style = file.Contents
		}
	}
	return script, style, nil
}

// wasmExecPath is the JavaScript that starts a module made by this Go version.
func wasmExecPath() (string, error) {
	root, err := goCommand("env", "GOROOT")
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "lib", "wasm", "wasm_exec.js"), nil
}

func resolveTo(name, path string) api.Plugin {
	return api.Plugin{
		Name: name,
		Setup: func(build api.PluginBuild) {
			build.OnResolve(api.OnResolveOptions{Filter: "^" + name + "$"}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
				return api.OnResolveResult{Path: path}, nil
			})
		},
	}
}

func buildError(messages []api.Message) error {
	var errs []error
	for _, m := range messages {
		if m.Location == nil {
			errs = append(errs, errors.New(m.Text))
			continue
		}
		errs = append(errs, fmt.Errorf("%s:%d:%d: %s", m.Location.File, m.Location.Line, m.Location.Column, m.Text))
	}
	return errors.Join(errs...)
}
