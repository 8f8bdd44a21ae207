package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/rivulet-sync/rivulet"

// Build returns the path of the rivulet binary under test: $RIVULET_BIN, or the
// one of this source tree, built once a process with its web assets.
func Build(t testing.TB) string {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatalf("e2e: %v", err)
	}
	return bin
}

var build = sync.OnceValues(func() (string, error) {
	if bin := os.Getenv("RIVULET_BIN"); bin != "" {
		return exec.LookPath(bin)
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "rivulet")
	for _, args := range [][]string{
		{"run", "./web/build"},
		{"build", "-trimpath", "-o", bin, "./cmd/rivulet"},
	} {
		cmd := exec.Command("go", args...)
		cmd.Dir = root
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, out)
		}
	}
	return bin, nil
})

// Root returns the folder of Rivulet's source.
var Root = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("where is the source of %s? %w", module, err)
	}
	return strings.TrimSpace(string(out)), nil
})

// Data returns the path of one of the real inputs for tests, which stand in
// shared/data next to the checkout.
func Data(t testing.TB, name string) string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatalf("e2e: %v", err)
	}
	path := filepath.Join(root, "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("e2e: the test data ../shared/data/%s is missing next to the checkout: %v", name, err)
	}
	return path
}

// scratch is a folder of this process, removed by Main.
var scratch = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "rivulet-e2e-") })

// Main is the TestMain of a package that uses this one: it runs the tests, those
// of a *testing.M, then closes the browser and removes what was built.
func Main(m interface{ Run() int }) {
	code := m.Run()
	closeBrowser()
	if dir, err := scratch(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}
