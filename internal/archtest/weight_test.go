package archtest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

// maxModule is the most that a browser may have to load before it can sync.
const maxModule = 800 << 10 // bytes of brotli

// banned are packages that the WebAssembly module must not link, and what they
// would cost or why they have no business there.
var banned = map[string]string{
	"net":                           "a browser has no sockets of its own",
	"net/http":                      "360 KB of brotli; the browser's own WebSocket is called through syscall/js",
	"crypto/tls":                    "comes with net/http",
	"encoding/json":                 "the documents are parsed by shared/jsontext",
	"fmt":                           "formatting by reflection; strconv does what is needed",
	"reflect":                       "keeps the linker from dropping methods",
	"github.com/tinylib/msgp/msgp":  "250 KB: links encoding/json, reflect and fmt; shared/msgpack has its few functions",
	"html/template":                 "pages are TypeScript's",
	"text/template":                 "pages are TypeScript's",
	"regexp":                        "nothing here matches patterns",
	"os":                            "a browser has no files",
	"log":                           "errors go to JavaScript as values",
	"context":                       "comes with reflection and timers; the bridge has callbacks",
	"github.com/klauspost/compress": "the browser inflates by itself",
}

// linked are the packages that the module does link, beyond those of an empty
// program, and what for. An entry that is no longer linked has to go.
var linked = map[string]string{
	"syscall/js": "the way to JavaScript",
}

func TestModuleLinksOnlyWhatItNeeds(t *testing.T) {
	empty := map[string]bool{}
	for _, p := range list(t, browser, "-deps", "runtime") {
		empty[p.ImportPath] = true
	}
	importers := map[string][]string{}
	closure := list(t, browser, "-deps", "./wasm")
	for _, p := range closure {
		if p.Error != nil {
			t.Fatalf("%s: %s", p.ImportPath, p.Error.Err)
		}
		for _, imported := range p.Imports {
			importers[imported] = append(importers[imported], p.ImportPath)
		}
	}
	seen := map[string]bool{}
	for _, p := range closure {
		path := p.ImportPath
		seen[path] = true
		if p.path() != "" || empty[path] || hidden(path) {
			continue
		}
		why, bad := banned[path]
		switch {
		case bad:
			t.Errorf("the module links %s: %s\n\timported by %s", path, why, strings.Join(importers[path], ", "))
		case linked[path] == "":
			t.Errorf("the module links %s, and linked does not say what for\n\timported by %s", path, strings.Join(importers[path], ", "))
		}
	}
	for path := range linked {
		if !seen[path] {
			t.Errorf("linked gives a reason for %s, which the module does not link", path)
		}
	}
}

// hidden are packages that only others of the standard library can ask for.
func hidden(path string) bool {
	return strings.HasPrefix(path, "internal/") || strings.Contains(path, "/internal/") || strings.HasPrefix(path, "vendor/")
}

// The module as make assets wrote it, compressed as it is served.
func TestModuleIsSmall(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "web", "dist", "assets", "*.wasm.br"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 {
		t.Fatalf("web/dist holds %d modules %v, want one; run make assets", len(files), files)
	}
	compressed, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	code, err := io.ReadAll(brotli.NewReader(bytes.NewReader(compressed)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(code, []byte("\x00asm")) {
		t.Errorf("%s is no WebAssembly", files[0])
	}
	t.Logf("%d KB, %d KB as brotli", len(code)>>10, len(compressed)>>10)
	if len(compressed) > maxModule {
		t.Errorf("the module is %d KB of brotli, more than %d KB", len(compressed)>>10, maxModule>>10)
	}
}
