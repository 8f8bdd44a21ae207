package doc_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// openReadOne opens a document of records and reads a field of one of them.
func openReadOne(t testing.TB, text []byte) *doc.Doc {
	d := doc.Open(text)
	if raw, ok := d.Value("/records").Field("r000050", "name"); !ok || raw != `"User 50"` {
		t.Fatal(raw)
	}
	return d
}

// TestL6_OpenDoesNotLookInside: what opening and one read allocate does not
// depend on what is in the records that nobody reads.
func TestL6_OpenDoesNotLookInside(t *testing.T) {
	plain := manyRecords(10_000)
	rich := []byte(strings.ReplaceAll(string(plain), `"note":"`, `"more":{"a":{"b":[1,{"c":{}}]},"d":{"e":{"f":"g"}}},"note":"`))
	allocs := func(text []byte) float64 {
		return testing.AllocsPerRun(3, func() { openReadOne(t, text) })
	}
	few, many := allocs(plain), allocs(rich)
	if many > few+8 || few > 200 {
		t.Errorf("%v allocations for 10,000 plain records, %v for rich ones", few, many)
	}
}

// TestL9_OpenTakesMemoryInProportion to the text, whatever its first members look
// like.
func TestL9_OpenTakesMemoryInProportion(t *testing.T) {
	records := strings.TrimSuffix(strings.TrimPrefix(string(manyRecords(10_000)), "{"), "}")
	var tiny strings.Builder
	for i := range 40 {
		fmt.Fprintf(&tiny, `"%02d":0,`, i)
	}
	for name, text := range map[string]string{
		"records":                     `{` + records + `}`,
		"a small member first":        `{"":0,` + records + `}`,
		"40 small members first":      `{` + tiny.String() + records + `}`,
		"small members in the object": `{"records":{"":0,"0":1,` + strings.TrimPrefix(records, `"records":{`) + `}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		openReadOne(t, []byte(text))
		runtime.ReadMemStats(&after)
		if took := float64(after.TotalAlloc-before.TotalAlloc) / float64(len(text)); took > 4 {
			t.Errorf("%s: opening allocated %.1f times the text", name, took)
		}
	}
}

// TestRawIsNoCopy: the text of what nobody changed is a part of what the document
// was opened from.
func TestRawIsNoCopy(t *testing.T) {
	d := openReadOne(t, manyRecords(1000))
	value := d.Value("/records/r000007")
	name := value.Member("name")
	offset := int(uintptr(unsafe.Pointer(unsafe.StringData(name.Raw()))) - uintptr(unsafe.Pointer(unsafe.StringData(value.Raw()))))
	if want := strings.Index(value.Raw(), `"User 7"`); offset != want {
		t.Errorf("the field is at %d of the text of its record, want %d", offset, want)
	}
	if n := testing.AllocsPerRun(10, func() { d.Value("/records/r000007").Raw(); d.Value("/records/r000008/name").Raw() }); n > 0 {
		t.Errorf("reading a field allocates %v times", n)
	}
}

// TestCanonicalIsTheInput, also when some of it has been looked into or written.
func TestCanonicalIsTheInput(t *testing.T) {
	text := manyRecords(300)
	for name, look := range map[string]func(*doc.Doc){
		"nothing":  func(*doc.Doc) {},
		"read":     func(d *doc.Doc) { d.Value("/records/r000007/name").Raw() },
		"derived":  func(d *doc.Doc) { d.Derive("/records/r000008/deep", &mirror{})() },
		"checksum": func(d *doc.Doc) { d.Checksum() },
		"reverted": func(d *doc.Doc) { revert(d, false, func(tx *doc.Tx) { tx.Set("/records/r000009", []byte("1")) }) },
		"written and back": func(d *doc.Doc) {
			d.Apply(d.Apply(parseDelta(t, `{"records":{"r000009":null,"r000010":{"name":1}}}`)).Inverse)
		},
	} {
		d := doc.Open(text)
		look(d)
		if string(d.Canonical()) != string(text) {
			t.Errorf("%s: the text is another one", name)
		}
		wantSize(t, d)
	}
}

// TestParseMakesCanonical compares with the one text that a document has.
func TestParseMakesCanonical(t *testing.T) {
	for text, want := range map[string]string{
		" {\t\"a\" :\r\n1 } ":                `{"a":1}`,
		`{"b":1,"a":2}`:                      `{"a":2,"b":1}`,
		`{"a":{"b":1,"a":2}}`:                `{"a":{"a":2,"b":1}}`,
		`{"a":[{"b":1,"a":2}]}`:              `{"a":[{"a":2,"b":1}]}`,
		`{"\u0041":"\u0041"}`:                `{"A":"A"}`,
		`{"\/":"\/"}`:                        `{"/":"/"}`,
		`{"\u001F":"\u001F"}`:                `{"\u001f":"\u001f"}`,
		`{"\u001f":"\u001f"}`:                `{"\u001f":"\u001f"}`,
		`{"\u000a":"\u000a"}`:                `{"\n":"\n"}`,
		`{"\u0022\u005c":"\u0022\u005C"}`:    `{"\"\\":"\"\\"}`,
		`{"\ud834\udd1e":"\uD834\uDD1E"}`:    `{"𝄞":"𝄞"}`,
		`{"\u007f":"\u2028"}`:                "{\"\x7f\":\"\u2028\"}",
		`{"a":[ 1 , null ]}`:                 `{"a":[1,null]}`,
		`{"a":[null,{"b":null,"a":[null]}]}`: `{"a":[null,{"a":[null],"b":null}]}`,
		`{"a":-0,"b":1E400,"c":1.50}`:        `{"a":-0,"b":1E400,"c":1.50}`,
		`{"é":1,"e":2,"z":3}`:                `{"e":2,"z":3,"é":1}`,
		`{"":{ }}`:                           `{"":{}}`,
		`{"a":"\\\"","b":"\\"}`:              `{"a":"\\\"","b":"\\"}`,
	} {
		d := parseDoc(t, text)
		if got := string(d.Canonical()); got != want {
			t.Errorf("%s becomes %s, want %s", text, got, want)
		}
		wantSize(t, d)
		for name := range decodeObject(t, []byte(want)) {
			if _, ok := d.Get(delta.PointerOf(name)); !ok {
				t.Errorf("%s has no member %q", want, name)
			}
		}
	}
	for _, text := range []string{`{"a":null}`, `{ "a":null}`, `{"b":{"c":1,"a":null}}`, `{"z":1,"a":{"b":{"c":null}}}`, `{"a":{"\u0041":null}}`} {
		_, err := doc.Parse([]byte(text))
		var syntax *jsontext.Error
		if !errors.As(err, &syntax) || syntax.Fault != jsontext.FaultType {
			t.Errorf("%s: error %v", text, err)
		}
	}
}

// TestParseAgainstOpen: what Parse takes for canonical is.
func TestParseAgainstOpen(t *testing.T) {
	r := newRandom(63)
	for range 3000 {
		text := r.object(documentShape)
		canonical := jsontext.AppendCanonical(nil, []byte(text))
		d := parseDoc(t, text)
		if string(d.Canonical()) != string(canonical) || string(doc.Open(canonical).Canonical()) != string(canonical) {
			t.Fatalf("%s becomes %s, want %s", text, d.Canonical(), canonical)
		}
		wantSize(t, d)
	}
}

// walk reads everything by Values, in the dumb form.
func walk(t testing.TB, v doc.Value) any {
	if !v.IsObject() {
		return decode(t, []byte(v.Raw()))
	}
	object := map[string]any{}
	for name, member := range v.Members() {
		object[name] = walk(t, member)
		if again := v.Member(name); again.Raw() != member.Raw() {
			t.Fatalf("member %q is %s and %s", name, member.Raw(), again.Raw())
		}
	}
	return object
}

// TestValuesShowTheDocument, of flat and large objects, looked into or not.
func TestValuesShowTheDocument(t *testing.T) {
	r := newRandom(64)
	for range 1000 {
		d := parseDoc(t, r.object(documentShape))
		if got, want := walk(t, d.Value("")), decode(t, d.Canonical()); !same(got, want) {
			t.Fatalf("values of %s show %s", d.Canonical(), encode(t, got))
		}
		root := decode(t, d.Canonical())
		for range 5 {
			p := r.pointer()
			v := d.Value(p)
			want, ok := lookup(root, p)
			if v.Present() != ok || ok && !same(walk(t, v), want) {
				t.Fatalf("the value at %q of %s is %s", p, d.Canonical(), v.Raw())
			}
			if raw, ok := d.Value("").Field(p.Names()...); raw != v.Raw() || ok != v.Present() {
				t.Fatalf("the field at %q of %s is %s", p, d.Canonical(), raw)
			}
		}
	}
	var none doc.Value
	if none.Present() || none.IsObject() || none.Raw() != "" || none.At("a", "b").Present() {
		t.Error("no value has something")
	}
	for range none.Members() {
		t.Error("no value has members")
	}
}

// TestL9_DeletedMembersAreLetGo: a large object from which all but one member was
// deleted does not hold on to what was in the others.
func TestL9_DeletedMembersAreLetGo(t *testing.T) {
	const members, size = 64, 64 << 10
	for name, remove := range map[string]func(d *doc.Doc, p delta.Pointer){
		"Apply":  func(d *doc.Doc, p delta.Pointer) { d.Apply(parseDelta(t, `{"`+p.Names()[0]+`":null}`)) },
		"Update": func(d *doc.Doc, p delta.Pointer) { d.Update(func(tx *doc.Tx) error { return tx.Delete(p) }) },
	} {
		var b strings.Builder
		for i := range members {
			fmt.Fprintf(&b, `,"m%02d":{"small":{}}`, i)
		}
		d := parseDoc(t, `{`+b.String()[1:]+`}`)
		before := heap()
		for i := range members {
			p := fmt.Sprintf(`{"m%02d":{"text":"%s"}}`, i, strings.Repeat("t", size))
			d.Apply(parseDelta(t, p))
		}
		for i := range members - 1 {
			remove(d, delta.PointerOf(fmt.Sprintf("m%02d", i)))
		}
		after := heap()
		if held := int(after) - int(before); held > 8*size {
			t.Errorf("%s: %d bytes are held for one member of %d", name, held, size)
		}
		wantSize(t, d)
	}
}

// TestL11_LargePatchOfASmallObject: members that come in descending order are not
// put one by one into a sorted text, which would take minutes.
func TestL11_LargePatchOfASmallObject(t *testing.T) {
	const members = 50_000
	var b strings.Builder
	for i := range members {
		fmt.Fprintf(&b, `,"%06d":1`, members-i)
	}
	d := parseDoc(t, `{"a":{"x":{}}}`)
	effect := d.Apply(parseDelta(t, `{"a":{`+b.String()[1:]+`}}`))
	wantSize(t, d)
	d.Apply(effect.Inverse)
	wantText(t, d, `{"a":{"x":{}}}`)
}
