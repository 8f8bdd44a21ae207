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

// banned are packages that the WebAssembly module must not have in its import
// graph, and why not.
var banned = map[string]string{
	"net":                          "a browser has no sockets of its own",
	"net/http":                     "360 KB of brotli; wasm/bridge calls the browser's WebSocket instead",
	"crypto/tls":                   "comes with net/http",
	"encoding/json":                "shared/jsontext reads and writes documents; reflection would add 60 KB",
	"encoding/hex":                 "links fmt for one error message",
	"fmt":                          "formats by reflection; strconv does what is needed",
	"github.com/tinylib/msgp/msgp": "250 KB: links encoding/json, reflect and fmt; shared/msgpack has its few functions",
	"html/template":                "the pages are TypeScript's",
	"text/template":                "the pages are TypeScript's",
	"regexp":                       "nothing here matches patterns",
	"os":                           "a browser has no files",
	"log":                          "errors go to JavaScript as values",
	"log/slog":                     "errors go to JavaScript as values",
	"context":                      "the engine is driven by callbacks, which nothing cancels",
}

// linked are the packages that the code of the module asks for, with the reason
// of each. What the standard library asks for in turn is bound by banned only.
var linked = map[string]string{
	"github.com/cespare/xxhash/v2": "the chain hash of positions",
	"encoding/binary":              "xxhash reads words with it; its reflection (and reflect) is not reached and not linked",
	"syscall/js":                   "the way to JavaScript",
	"math/rand/v2":                 "spreads reconnects",
	"time":                         "waits between reconnects",
	"bytes":                        "compares and joins deltas",
	"cmp":                          "order of subscribers",
	"errors":                       "sentinels",
	"iter":                         "walks over JSON without an intermediate map",
	"maps":                         "order of members",
	"math":                         "floats of MessagePack",
	"math/bits":                    "hashes",
	"slices":                       "order of members",
	"sort":                         "one sort for all types, where slices has one for each",
	"strconv":                      "numbers to text and back",
	"strings":                      "pointers and keys",
	"unicode/utf16":                "escapes in JSON",
	"unicode/utf8":                 "JSON is checked to be UTF-8",
	"unsafe":                       "hashes of strings without a copy, in xxhash",
}

func TestModuleLinksOnlyWhatItNeeds(t *testing.T) {
	importers := map[string][]string{}
	asked := map[string]bool{}
	closure := list(t, browser, "-deps", "./wasm")
	for _, p := range closure {
		if p.Error != nil {
			t.Fatalf("%s: %s", p.ImportPath, p.Error.Err)
		}
		for _, imported := range p.Imports {
			importers[imported] = append(importers[imported], p.ImportPath)
			if !p.Standard && inside(imported) == "" {
				asked[imported] = true
			}
		}
	}
	for path, by := range importers {
		if why, bad := banned[path]; bad {
			t.Errorf("the module links %s: %s\n\timported by %s", path, why, strings.Join(by, ", "))
		}
	}
	for path := range asked {
		if banned[path] == "" && linked[path] == "" {
			t.Errorf("the module links %s, and linked does not say what for\n\timported by %s", path, strings.Join(importers[path], ", "))
		}
	}
	for path := range linked {
		if !asked[path] {
			t.Errorf("linked gives a reason for %s, which nothing in the module asks for", path)
		}
	}
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
