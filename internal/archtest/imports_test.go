package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport says which parts of the house a part may import. Imports point
// downwards. Programs that only build or generate (package main below a part)
// and parts that are missing here are bound by nothing.
var mayImport = map[string][]string{
	"shared":    {"shared"},
	"jetstream": {"shared", "jetstream"},
	"server":    {"shared", "jetstream", "server", "web"},
	"wasm":      {"shared", "wasm"},
	"web":       {"web"},
	"e2e":       {"e2e"},
}

// impure are packages that do I/O, keep time, roll dice or run goroutines, or
// weigh too much in a browser (encoding/hex links fmt). shared does none of these.
var impure = []string{
	"context", "crypto/rand", "encoding/hex", "fmt", "io/fs", "io/ioutil", "log", "math/rand", "net", "os",
	"reflect", "runtime", "sync", "syscall", "testing", "time", "encoding/json", "regexp",
}

func TestImportsPointDownwards(t *testing.T) {
	for _, on := range []platform{native, browser} {
		for _, p := range list(t, on, "./...") {
			part, _, _ := strings.Cut(p.path(), "/")
			allowed, bound := mayImport[part]
			if !bound || p.tool() && part != "wasm" {
				continue
			}
			for _, imported := range p.Imports {
				to, _, _ := strings.Cut(inside(imported), "/")
				if to != "" && !slices.Contains(allowed, to) {
					t.Errorf("%s: %s imports %s; %s may import only %s", on.name, p.path(), inside(imported), part, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

// exempt is what a package under shared may import nevertheless: it is for Go
// programs, and the module does not link it.
var exempt = map[string][]string{"shared/typed": {"encoding/json", "reflect"}}

func TestSharedIsPure(t *testing.T) {
	for _, on := range []platform{native, browser} {
		for _, p := range list(t, on, "./shared/...") {
			if p.tool() {
				continue
			}
			for _, imported := range p.Imports {
				for _, bad := range impure {
					if (imported == bad || strings.HasPrefix(imported, bad+"/")) && !slices.Contains(exempt[p.path()], imported) {
						t.Errorf("%s: %s imports %s", on.name, p.path(), imported)
					}
				}
			}
			for _, name := range p.GoFiles {
				noGoroutines(t, filepath.Join(p.Dir, name), p.path()+"/"+name)
			}
		}
	}
}

func noGoroutines(t *testing.T, file, name string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return
	}
	ast.Inspect(tree, func(n ast.Node) bool {
		if _, ok := n.(*ast.GoStmt); ok {
			t.Errorf("%s starts a goroutine", name)
		}
		return true
	})
}

func TestOnlyTheBridgeTouchesJavaScript(t *testing.T) {
	for _, p := range list(t, browser, "./...") {
		if p.path() != "wasm/bridge" && slices.Contains(p.Imports, "syscall/js") {
			t.Errorf("%s imports syscall/js; only wasm/bridge does", p.path())
		}
	}
}
