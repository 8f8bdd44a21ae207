// Package golden keeps encoded bytes in files that people can read and tests
// compare with: MessagePack in hexadecimal, one value a line, with the names of
// the fields. It is for tests only.
//
// A file of a released version is never rewritten: bytes like these are in logs
// and in browsers.
package golden

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// Bytes returns the bytes that the file holds. With update set the file is
// written first: title, then data, which is the encoding of value.
func Bytes(t testing.TB, update bool, file, title string, data []byte, value any) []byte {
	t.Helper()
	if update {
		text := "# " + title + "\n" + Dump(t, data, value)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var digits strings.Builder
	for line := range strings.Lines(string(text)) {
		code, _, _ := strings.Cut(line, "#")
		digits.WriteString(strings.Join(strings.Fields(code), ""))
	}
	golden, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return golden
}

// Dump writes MessagePack as a file of this package has it. The value is what it
// was encoded from; its fields give the names.
func Dump(t testing.TB, data []byte, value any) string {
	t.Helper()
	d := dumper{t: t}
	for len(data) > 0 {
		data = d.item(data, "", 0, reflect.Indirect(reflect.ValueOf(value)))
	}
	return d.out.String()
}

type dumper struct {
	t   testing.TB
	out strings.Builder
}

// item writes one value and what is in it, and returns what follows.
func (d *dumper) item(data []byte, name string, indent int, v reflect.Value) []byte {
	d.t.Helper()
	if msgp.NextType(data) == msgp.ArrayType {
		n, rest, err := msgp.ReadArrayHeaderBytes(data)
		if err != nil {
			d.t.Fatal(err)
		}
		d.line(data[:len(data)-len(rest)], indent, name, fmt.Sprintf("array of %d", n))
		for i := range int(n) {
			child, childName := element(v, i)
			rest = d.item(rest, childName, indent+1, child)
		}
		return rest
	}
	value, rest, err := msgp.ReadIntfBytes(data)
	if err != nil {
		d.t.Fatal(err)
	}
	text := fmt.Sprint(value)
	switch value := value.(type) {
	case string:
		text = fmt.Sprintf("%q", value)
	case []byte:
		text = fmt.Sprintf("%d bytes", len(value))
		if len(value) > 0 && value[0] == '{' {
			text += ": " + strings.ReplaceAll(string(value), "\n", `\n`)
		}
	}
	d.line(data[:len(data)-len(rest)], indent, name, text)
	return rest
}

// element returns the i-th field of a struct or element of a slice, and its
// name; nothing where the encoding has no such part of the value.
func element(v reflect.Value, i int) (reflect.Value, string) {
	if v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
	case v.Kind() == reflect.Struct && i < v.NumField():
		return v.Field(i), v.Type().Field(i).Name
	case v.Kind() == reflect.Slice && i < v.Len():
		return v.Index(i), fmt.Sprint(i)
	}
	return reflect.Value{}, ""
}

// line writes bytes, sixteen in a row, and behind the first row what they are.
func (d *dumper) line(data []byte, indent int, name, text string) {
	if name != "" {
		text = name + ": " + text
	}
	for first := true; len(data) > 0; first = false {
		n := min(16, len(data))
		row := strings.Repeat("  ", indent) + fmt.Sprintf("% x", data[:n])
		if data = data[n:]; first {
			row = fmt.Sprintf("%-56s # %s", row, text)
		}
		d.out.WriteString(row + "\n")
	}
}
