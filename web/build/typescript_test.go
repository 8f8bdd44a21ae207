package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
)

// TestTypeScript runs web/test/*.test.ts: bundled by esbuild, run by Node's own
// test runner, without a package from npm. Clients that the tests create run the
// module of this source tree.
func TestTypeScript(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Fatal("the TypeScript tests need Node 20 or newer in PATH")
	}
	tests, err := filepath.Glob("../test/*.test.ts")
	if err != nil || len(tests) == 0 {
		t.Fatalf("no tests found: %v", err)
	}
	wasmExec, err := wasmExecPath()
	if err != nil {
		t.Fatal(err)
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
		Define: map[string]string{
			"RIVULET_WASM":   strconv.Quote(serveModule(t)),
			"RIVULET_SERVER": strconv.Quote(startServer(t)),
		},
		Plugins:   []api.Plugin{resolveTo("wasm_exec", wasmExec)},
		Sourcemap: api.SourceMapInline,
		Write:     true,
		LogLevel:  api.LogLevelSilent,
	})
	if err := buildError(result.Errors); err != nil {
		t.Fatal(err)
	}
	args := []string{"--test", "--enable-source-maps", "--experimental-websocket"}
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

// startServer returns the address of a server.
func startServer(t *testing.T) string {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Config{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv.URL()
}

// serveModule compiles the module and returns its address.
func serveModule(t *testing.T) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	module, err := wasmModule(root, "")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/wasm")
		w.Write(module)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}
