package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// TestTypeScript runs web/test/*.test.ts: bundled by esbuild, run by Node's own
// test runner, without a package from npm.
func TestTypeScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the TypeScript tests need Node 20 or newer in PATH")
	}
	tests, err := filepath.Glob("../test/*.test.ts")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests found: %v", err)
	}
	out := t.TempDir()
	result := api.Build(api.BuildOptions{
		EntryPoints:  tests,
		Outdir:       out,
		OutExtension: map[string]string{".js": ".mjs"},
		Bundle:       true,
		Format:       api.FormatESModule,
		Platform:     api.PlatformNode,
		Target:       api.ES2022,
		Sourcemap:    api.SourceMapInline,
		Write:        true,
		LogLevel:     api.LogLevelSilent,
	})
	if err := buildError(result.Errors); err != nil {
		t.Fatal(err)
	}
	args := []string{"--test", "--enable-source-maps"}
	for _, file := range result.OutputFiles {
		args = append(args, file.Path)
	}
	cmd := exec.CommandContext(t.Context(), node, args...)
	cmd.Env = append(os.Environ(), "NODE_OPTIONS=")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if testing.Verbose() {
		t.Logf("%s", output)
	}
}
