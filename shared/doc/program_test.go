package doc_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// machine runs a program of bytes on a document and on the dumb model, with
// mirrors and listeners beside it, and compares after every step.
type machine struct {
	t         *testing.T
	code      []byte
	d         *doc.Doc
	m         *model
	mirrors   mirrors
	listeners []*listener
	numbers   *doc.Computed[string]
}

var (
	programNames  = []string{"a", "b", "c", "~/"}
	programValues = []string{
		`{}`, `1`, `"s"`, `[]`, `[1,{"a":null}]`, `{"a":1}`, `{"b":{"c":2}}`, `{"a":{"b":{"c":3}},"b":1}`, `{"c":{},"~/":{"a":[]}}`,
		`"` + strings.Repeat("y", 600) + `"`, `{"a":"` + strings.Repeat("z", 300) + `","b":{"a":1,"c":{}}}`, `{"b":"` + strings.Repeat("w", 510) + `"}`,
	}
)

// next returns the next byte of the program, below n; 0 past its end.
func (m *machine) next(n int) int {
	if len(m.code) == 0 {
		return 0
	}
	b := m.code[0]
	m.code = m.code[1:]
	return int(b) % n
}

func (m *machine) pointer() delta.Pointer {
	var p delta.Pointer
	for range m.next(4) {
		p = p.Member(programNames[m.next(len(programNames))])
	}
	return p
}

func (m *machine) value() string { return programValues[m.next(len(programValues))] }

// patch returns a patch that puts or deletes one or two members.
func (m *machine) patch() delta.Delta {
	value := m.value()
	if m.next(3) == 0 {
		value = "null"
	}
	for i := range 1 + m.next(3) {
		name := programNames[m.next(len(programNames))]
		other := ""
		if i > 0 && m.next(3) == 0 {
			if second := programNames[m.next(len(programNames))]; second != name {
				other = `,"` + second + `":null`
			}
		}
		value = `{"` + name + `":` + value + other + `}`
	}
	return parseDelta(m.t, value)
}

func (m *machine) check() {
	m.t.Helper()
	if got := m.d.Canonical(); !same(decode(m.t, got), m.m.root) {
		m.t.Fatalf("there is %s, the model says %s", got, encode(m.t, m.m.root))
	}
	m.mirrors.check(m.t, m.d)
}

// run is the program outside of transactions.
func (m *machine) run() {
	for len(m.code) > 0 {
		before := m.d.Canonical()
		switch m.next(9) {
		case 0, 1:
			m.transaction()
		case 2, 3:
			patch := m.patch()
			m.m.root = decodeObject(m.t, encode(m.t, mergePatch(m.m.root, decode(m.t, patch.Bytes()))))
			effect := m.d.Apply(patch)
			other := doc.Open(m.d.Canonical())
			if other.Apply(effect.Inverse); !bytes.Equal(other.Canonical(), before) {
				m.t.Fatalf("%s applied to %s, and back: %s", patch.Bytes(), before, other.Canonical())
			}
		case 4:
			p := m.pointer()
			m.mirrors = append(m.mirrors, mirrorsAt(m.d, p)...)
		case 5:
			if n := len(m.mirrors); n > 0 {
				i := m.next(n)
				m.mirrors[i].end()
				m.mirrors = slices.Delete(m.mirrors, i, i+1)
			}
		case 6:
			p := m.pointer()
			m.listeners = append(m.listeners, listen(m.d, p, doc.Scope(1+m.next(2))))
		case 7:
			if n := len(m.listeners); n > 0 {
				i := m.next(n)
				m.listeners[i].end()
				m.listeners = slices.Delete(m.listeners, i, i+1)
			}
		case 8:
			wantSize(m.t, m.d) // from here on the checksum is kept
		}
		m.check()
		writes := written(decode(m.t, before), m.m.root, "")
		for _, l := range m.listeners {
			l.expect(writes)
			l.check(m.t, string(before)+" to "+string(m.d.Canonical()))
		}
		wantGet(m.t, m.numbers, string(encode(m.t, decode(m.t, m.d.Canonical()))))
	}
}

func (m *machine) transaction() {
	before := m.d.Canonical()
	body := func(tx *doc.Tx) { m.steps(tx, 0) }
	if end := fate(m.next(4)); end == fails || end == panics {
		revert(m.d, end == panics, body)
		m.m.root = decodeObject(m.t, before)
		return
	}
	change, err := m.d.Update(func(tx *doc.Tx) error { body(tx); return nil })
	if err != nil {
		m.t.Fatal(err)
	}
	checkChange(m.t, m.d, before, m.m, change)
}

// steps is the program within a transaction, up to its end.
func (m *machine) steps(tx *doc.Tx, depth int) {
	for len(m.code) > 0 {
		switch m.next(8) {
		case 0:
			return
		case 1, 2:
			p, value := m.pointer(), m.value()
			if err := tx.Set(p, []byte(value)); (err == nil) != m.m.set(p, decode(m.t, []byte(value))) {
				m.t.Fatalf("set %q to %s: error %v", p, value, err)
			}
		case 3:
			p := m.pointer()
			if err := tx.Delete(p); (err == nil) != m.m.delete(p) {
				m.t.Fatalf("delete %q: error %v", p, err)
			}
		case 4:
			patch := m.patch()
			m.m.root = decodeObject(m.t, encode(m.t, mergePatch(m.m.root, decode(m.t, patch.Bytes()))))
			if err := tx.Merge(patch); err != nil {
				m.t.Fatal(err)
			}
		case 5, 6:
			if depth == 4 {
				break
			}
			before, end := encode(m.t, m.m.root), fate(m.next(3))
			savepoint(m.t, tx, end, func(tx *doc.Tx) { m.steps(tx, depth+1) })
			if end != commits {
				m.m.root = decodeObject(m.t, before)
			}
		case 7:
			value, err := m.numbers.In(tx)
			if want := string(encode(m.t, decode(m.t, m.d.Canonical()))); err != nil || value != want {
				m.t.Fatalf("computed %s, want %s, error %v", value, want, err)
			}
		}
		m.check()
	}
}

func runMachine(t *testing.T, code []byte) {
	d := doc.New()
	m := &machine{t: t, code: code, d: d, m: &model{map[string]any{}}}
	m.numbers = doc.Compute(d, func(r *doc.Reader) (string, error) { return string(encode(t, decodeAll(t, r, ""))), nil })
	m.run()
	m.mirrors.end()
	for _, l := range m.listeners {
		l.end()
	}
	d.Apply(parseDelta(t, `{"last":1}`)) // now the computed value is out of date
	if n := d.WatchedPlaces() + d.WatchersOfRoot(); n > 0 {
		t.Fatalf("%d places are watched still", n)
	}
	wantSize(t, d)
}

// decodeAll reads everything below p by way of the members of its objects.
func decodeAll(t testing.TB, r *doc.Reader, p delta.Pointer) any {
	if !r.IsObject(p) {
		text, _ := r.Get(p)
		return decode(t, text)
	}
	object := map[string]any{}
	for _, name := range r.Members(p) {
		object[name] = decodeAll(t, r, p.Member(name))
	}
	return object
}

// TestL7_Programs runs programs of random bytes; FuzzProgram looks for worse ones.
func TestL7_Programs(t *testing.T) {
	r := newRandom(73)
	for range 100 {
		code := make([]byte, 200)
		for i := range code {
			code[i] = byte(r.IntN(256))
		}
		runMachine(t, code)
		if t.Failed() {
			t.Fatalf("the program is %x", code)
		}
	}
}

func FuzzProgram(f *testing.F) {
	f.Add([]byte{0, 0, 1, 1, 0, 7, 4, 0, 3, 1, 0, 5, 1, 1, 1, 0, 1, 0, 0, 0})
	f.Add([]byte{4, 2, 0, 1, 2, 7, 0, 0, 0, 0, 5, 1, 3, 2, 0, 1, 0, 0, 8, 2, 10, 1, 1, 0, 1})
	f.Add([]byte{6, 2, 0, 1, 1, 0, 0, 1, 1, 0, 10, 5, 2, 1, 2, 0, 1, 9, 0, 4, 1, 1, 1, 0, 7, 0})
	f.Fuzz(func(t *testing.T, code []byte) {
		if len(code) < 2000 {
			runMachine(t, code)
		}
	})
}
