// Command gen runs the msgp generator over Go files and writes its output
// twice: x_gen.go for native builds, on the runtime of tinylib/msgp, and
// x_gen_js.go for browsers, the same code on the runtime in shared/msgpack.
package main

import (
	"bytes"
	"flag"
	"log"
	"os"
	"os/exec"
	"strings"
)

func main() {
	var files []string
	flag.Func("file", "Go file with the types; may be repeated", func(s string) error {
		files = append(files, s)
		return nil
	})
	flag.Parse()
	for _, file := range files {
		if err := generate(file); err != nil {
			log.Fatalf("gen: %s: %v", file, err)
		}
	}
}

func generate(file string) error {
	base := strings.TrimSuffix(file, ".go")
	native := base + "_gen.go"
	cmd := exec.Command("go", "tool", "msgp", "-file", file, "-o", native, "-io=false", "-tests=false")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	code, err := os.ReadFile(native)
	if err != nil {
		return err
	}
	const runtime = `"github.com/tinylib/msgp/msgp"`
	js := bytes.Replace(code, []byte(runtime), []byte(`msgp "github.com/rivulet-sync/rivulet/shared/msgpack"`), 1)
	if err := os.WriteFile(native, append([]byte("//go:build !js\n\n"), code...), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+"_gen_js.go", append([]byte("//go:build js\n\n"), js...), 0o644)
}
