// Command gen runs the msgp generator over Go files and writes its output
// twice: x_gen.go for native builds, on the runtime of tinylib/msgp, and
// x_gen_js.go for browsers, the same code on the runtime in shared/msgpack.
//
// It makes two changes to that code: an array is not allocated before as many
// bytes are there as it claims to have elements; and in browsers what is sent only
// cannot be decoded, nor encoded what is received only, to save weight.
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
	only := make(map[string]*regexp.Regexp)
	name := func(unwanted *regexp.Regexp) func(string) error {
		return func(s string) error {
			files = append(files, s)
			only[s] = unwanted
			return nil
		}
	}
	flag.Func("file", "Go file with the types; may be repeated", name(nil))
	flag.Func("sent", "the same, of types that browsers send and never receive", name(readers))
	flag.Func("received", "the same, of types that browsers receive and never send", name(writers))
	flag.Parse()
	for _, file := range files {
		if err := generate(file, only[file]); err != nil {
			log.Fatalf("gen: %s: %v", file, err)
		}
	}
}

// arrays matches the line before the allocation of an array, whose length was
// just read into a variable. Every element takes one byte at least.
var arrays = regexp.MustCompile(`(?m)^(\t+)if cap\(.+\) >= int\((\w+)\) \{$`)

// readers and writers match the functions that decode and encode, and the type.
var (
	readers = regexp.MustCompile(`(?ms)^(func \(z \*?\w+\) UnmarshalMsg\(bts \[\]byte\) \(o \[\]byte, err error\) \{\n).*?^\}`)
	writers = regexp.MustCompile(`(?ms)^(func \(z \*?\w+\) MarshalMsg\(b \[\]byte\) \(o \[\]byte, err error\) \{\n).*?^\}`)
)

// imports matches an import and the package's name.
var imports = regexp.MustCompile(`(?m)^\t"[^"\n]*/(\w+)"\n`)

func generate(file string, unwanted *regexp.Regexp) error {
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
	if unwanted != nil {
		js = unwanted.ReplaceAll(js, []byte("${1}\treturn nil, msgp.ErrDirection\n}"))
		js = imports.ReplaceAllFunc(js, func(line []byte) []byte {
			if name := imports.FindSubmatch(line)[1]; !bytes.Contains(js, append(bytes.Clone(name), '.')) {
				return nil // nothing is left that needs it
			}
			return line
		})
	}
	if err := os.WriteFile(native, append([]byte("//go:build !js\n\n"), code...), 0o644); err != nil {
		return err
	}
	return os.WriteFile(base+"_gen_js.go", append([]byte("//go:build js\n\n"), js...), 0o644)
}
