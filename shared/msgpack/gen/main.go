// Command gen runs the msgp generator over Go files and writes its output
// twice: x_gen.go for native builds, on the runtime of tinylib/msgp, and
// x_gen_js.go for browsers, the same code on the runtime in shared/msgpack.
//
// It makes one change to that code: an array is not allocated before as many
// bytes are there as it claims to have elements.
package main

import (
	"bytes"
	"flag"
	"log"
	"os"
	"os/exec"
	"regexp"
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

// arrays matches the line before the allocation of an array, whose length was
// just read into a variable. Every element takes one byte at least.
var arrays = regexp.MustCompile(`(?m)^(\t+)if cap\(.+\) >= int\((\w+)\) \{$`)

func generate(file string) error {
	base := strings.TrimSuffix(file, ".go")
	native := base + "_gen.go"
	cmd := exec.Command("go", "tool", "msgp", "-file", file, "-o", native, "-unexported", "-io=false", "-tests=false")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return err
	}
	code, err := os.ReadFile(native)
	if err != nil {
		return err
	}
	code = arrays.ReplaceAll(code, []byte("${1}if uint64(len(bts)) < uint64(${2}) {\n${1}\terr = msgp.ErrShortBytes\n${1}\treturn\n${1}}\n$0"))
	const runtime = `"github.com/tinylib/msgp/msgp"`
	js := bytes.Replace(code, []byte(runtime), []byte(`msgp "github.com/rivulet-sync/rivulet/shared/msgpack"`), 1)
	if err := os.WriteFile(native, append([]byte("//go:build !js\n\n"), code...), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+"_gen_js.go", append([]byte("//go:build js\n\n"), js...), 0o644)
}
