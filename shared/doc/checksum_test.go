package doc_test

import (
	"encoding/hex"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

func checksum(t testing.TB, text string) string {
	sum := parseDoc(t, text).Checksum().Bytes()
	return hex.EncodeToString(sum[:])
}

// goldenChecksums fix the definition: it is in snapshots and on the wire, so that
// it must be the same natively, in WASM and in every version.
var goldenChecksums = map[string]string{
	`{}`:           "0b50aeb404614e4561cdbadfefb87da5",
	`{"a":1}`:      "6f0056e33a7cf1fab384b6713c01e817",
	`{"a":"1"}`:    "b0486689102e87166a99a9901e7d4c3a",
	`{"":{"":[]}}`: "b7dbd97a64333abda5d381fd227644ca",
	`{"é":"\u001f𝄞","nested":{"array":[1,null,{"b":null}],"empty":{},"exp":-1e400,"flag":true}}`: "4c086e0b160e9d1a3df52215b8b86936",
}

func TestChecksumIsDefined(t *testing.T) {
	for text, want := range goldenChecksums {
		if got := checksum(t, text); got != want {
			t.Errorf("%s has the checksum %s, want %s", text, got, want)
		}
	}
	if got, want := checksum(t, records(100)), "d5f85cdeea891d873fe53bc3708c9289"; got != want {
		t.Errorf("records have the checksum %s, want %s", got, want)
	}
}

// TestL4_ChecksumsDiffer has documents that a weaker sum would take for equal:
// the same leaves at other places, the same places with other leaves, the same
// bytes cut otherwise, kinds that look alike, what is empty in different ways.
func TestL4_ChecksumsDiffer(t *testing.T) {
	texts := []string{
		`{}`, `{"a":{}}`, `{"a":[]}`, `{"a":""}`, `{"a":0}`, `{"a":false}`, `{"a":[null]}`, `{"a":[[]]}`, `{"a":[{}]}`, `{"a":"{}"}`, `{"a":"[]"}`, `{"":{}}`,
		`{"a":{"a":{}}}`, `{"a":{"":{}}}`, `{"a":{},"b":{}}`, `{"a":{"b":{}}}`, `{"b":{"a":{}}}`, `{"ab":{}}`,
		`{"a":1}`, `{"a":"1"}`, `{"a":1.0}`, `{"a":1e0}`, `{"a":10}`, `{"a":-1}`, `{"a":[1]}`, `{"b":1}`, `{"a":true}`, `{"a":"true"}`,
		`{"a":1,"b":2}`, `{"a":2,"b":1}`, `{"a":1,"b":1}`, `{"a":2,"b":2}`, `{"a":[1,2]}`, `{"a":[2,1]}`,
		`{"a":{"b":1}}`, `{"a/b":1}`, `{"a~1b":1}`, `{"ab":1}`, `{"b":{"a":1}}`, `{"a":{"b":{"c":1}}}`, `{"a/b":{"c":1}}`, `{"a":{"b/c":1}}`, `{"a":{"":{"b":1}}}`, `{"a":"b1"}`,
		`{"a":{"x":1,"y":2},"b":{"x":3,"y":4}}`, `{"a":{"x":3,"y":4},"b":{"x":1,"y":2}}`, `{"a":{"x":1,"y":4},"b":{"x":3,"y":2}}`, `{"a":{"x":3,"y":2},"b":{"x":1,"y":4}}`,
		`{"x":{"a":1,"b":3},"y":{"a":2,"b":4}}`,
		`{"p":{"q":{"k":1}},"r":{}}`, `{"p":{},"r":{"q":{"k":1}}}`, `{"p":{"q":{}},"r":{"k":1}}`,
	}
	for i := range 64 { // moves of one leaf and one object among many
		texts = append(texts, `{"m":{"`+strconv.Itoa(i)+`":"v"}}`, `{"`+strconv.Itoa(i)+`":{"m":"v"}}`, `{"n":"`+strings.Repeat("n", i)+`"}`)
	}
	seen := map[string]string{}
	for _, text := range texts {
		sum := checksum(t, text)
		for half := range 2 { // each half tells them apart by itself
			key := strconv.Itoa(half) + sum[16*half:][:16]
			if other, ok := seen[key]; ok && other != text {
				t.Errorf("half %d of the checksum of %s is that of %s", half, text, other)
			}
			seen[key] = text
		}
	}
}

// TestL4_ChecksumFollowsChanges keeps the checksum over every kind of change of
// what is empty, small and large, and compares it with that of the text.
func TestL4_ChecksumFollowsChanges(t *testing.T) {
	large := `"` + strings.Repeat("x", 600) + `"`
	for _, first := range []string{`{}`, `{"a":{}}`, `{"a":{"b":{}}}`, `{"a":{"b":{"c":1}},"pad":` + large + `}`, `{"a":{"b":` + large + `,"c":{}}}`, `{"a":[]}`} {
		for _, patch := range []string{
			`{}`, `{"a":null}`, `{"a":{}}`, `{"a":{"b":null}}`, `{"a":{"b":{}}}`, `{"a":{"b":{"c":null}}}`, `{"a":{"b":{"c":{}}}}`, `{"a":{"b":null,"c":null,"d":null}}`,
			`{"a":{"b":1}}`, `{"a":{"c":null,"d":{"e":{"f":null}}}}`, `{"a":null,"pad":null}`, `{"a":` + large + `}`, `{"a":{"b":{"c":` + large + `}}}`, `{"":0}`,
		} {
			d := parseDoc(t, first)
			sum := d.Checksum()
			inverse := d.Apply(parseDelta(t, patch)).Inverse
			wantSize(t, d)
			d.Apply(inverse)
			if d.Checksum() != sum {
				t.Errorf("%s patched with %s and back: another checksum", first, patch)
			}
			change, err := d.Update(merge(t, patch))
			if err != nil {
				t.Fatal(err)
			}
			wantSize(t, d)
			if _, err := d.Update(script(merge(t, string(change.Inverse.Bytes())))); err != nil {
				t.Fatal(err)
			}
			if d.Checksum() != sum {
				t.Errorf("%s with %s merged and back: another checksum", first, patch)
			}
		}
	}
}

// TestL7_ChecksumInATransaction, asked for the first time or again, does not
// count what may be taken back.
func TestL7_ChecksumInATransaction(t *testing.T) {
	for _, known := range []bool{false, true} {
		for _, end := range []error{nil, errRefused} {
			d := parseDoc(t, `{"a":1}`)
			if known {
				d.Checksum()
			}
			if _, err := d.Update(func(tx *doc.Tx) error {
				if err := tx.Set("/a", []byte(`{"b":2}`)); err != nil {
					return err
				}
				if d.Checksum() != parseDoc(t, `{"a":{"b":2}}`).Checksum() {
					t.Error("within the transaction it is another one")
				}
				return end
			}); err != end {
				t.Fatal(err)
			}
			wantSize(t, d)
		}
	}
}

// TestL6_ChecksumIsKept: to ask for it after a change allocates nothing, and the
// change allocates no more for it in a large document.
func TestL6_ChecksumIsKept(t *testing.T) {
	cost := func(n int) float64 {
		d := parseDoc(t, records(n))
		run := applyLeaf(t, d)
		d.Checksum()
		return testing.AllocsPerRun(100, func() { run(); d.Checksum() })
	}
	small, large := cost(sizes[0]), cost(sizes[1])
	if large > small {
		t.Errorf("%v allocations among %d records, %v among %d", small, sizes[0], large, sizes[1])
	}
}

// TestL4_OpenSummed: the checksum that a document is opened with follows changes like one
// that was summed up.
func TestL4_OpenSummed(t *testing.T) {
	text := []byte(`{"a":{"b":1,"c":[1,2]},"d":{},"e":"x"}`)
	d := doc.OpenSummed(text, doc.Open(text).Checksum())
	for _, patch := range []string{`{"a":{"b":2}}`, `{"d":{"new":1}}`, `{"e":null,"a":{"c":null}}`, `{"a":{"b":null}}`} {
		d.Apply(delta.Trusted([]byte(patch)))
		if got, want := d.Checksum(), doc.Open(d.Canonical()).Checksum(); got != want {
			t.Errorf("after %s the checksum is %x, want %x", patch, got.Bytes(), want.Bytes())
		}
	}
}
