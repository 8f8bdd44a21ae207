package archtest

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "github.com/rivulet-sync/rivulet"

// root is the folder of go.mod.
var root = filepath.Join("..", "..")

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Name       string
	Dir        string
	GoFiles    []string
	Imports    []string
	Standard   bool // of the standard library
	Error      *struct{ Err string }
}

// tool says whether the package is a program.
func (p pkg) tool() bool { return p.Name == "main" }

// path is the package's place in the module, "" for packages of others.
func (p pkg) path() string { return inside(p.ImportPath) }

func inside(importPath string) string {
	rest, ok := strings.CutPrefix(importPath, module+"/")
	if !ok {
		return ""
	}
	return rest
}

// platform is what a package is built for.
type platform struct {
	name string
	env  []string
}

var (
	native  = platform{name: "native"}
	browser = platform{name: "GOOS=js", env: []string{"GOOS=js", "GOARCH=wasm"}}
)

// list runs go list in the root of the module. Packages that cannot be built
// on the platform are in the list with their Error.
func list(t *testing.T, on platform, args ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e", "-json=ImportPath,Name,Dir,GoFiles,Imports,Standard,Error"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), on.env...)
	out, err := cmd.Output()
	if err != nil {
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			t.Fatalf("go list %v: %v\n%s", args, err, failed.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
