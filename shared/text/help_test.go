package text_test

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/text"
)

// object is a document's object that one text lives in: a [text.Store] which
// keeps the merge patch of the transaction under way, and its reads.
type object struct {
	members map[string]string
	state   *text.State
	patch   []change // one a member
	values  []string
	gaps    [][2]string
}

// change is one member of a merge patch with what was there before, "" for none.
type change struct{ key, was, raw string }

func newObject() *object {
	return &object{members: make(map[string]string), state: text.New()}
}

func (o *object) Set(key, raw string) { o.put(key, raw) }
func (o *object) Delete(key string)   { o.put(key, "") }

func (o *object) ReadValue(key string)       { o.values = append(o.values, key) }
func (o *object) ReadGap(left, right string) { o.gaps = append(o.gaps, [2]string{left, right}) }

func (o *object) put(key, raw string) {
	at := -1
	for i := range o.patch {
		if o.patch[i].key == key {
			at = i
		}
	}
	if at < 0 {
		o.patch = append(o.patch, change{key, o.members[key], raw})
	} else {
		o.patch[at].raw = raw
	}
	o.write(key, raw)
}

// write changes a member without a trace in the patch.
func (o *object) write(key, raw string) {
	if raw == "" {
		delete(o.members, key)
	} else {
		o.members[key] = raw
	}
	o.state.Changed(key, raw, raw != "")
}

// commit ends the transaction and returns its length as a merge patch, when the
// text is member t of the document.
func (o *object) commit() int {
	n := len(`{"t":{}}`)
	separator := 0
	for _, c := range o.patch {
		if c.was == c.raw {
			continue
		}
		n += separator + len(`"":`) + len(c.key)
		separator = 1
		if c.raw == "" {
			n += len("null")
		} else {
			n += len(c.raw)
		}
	}
	o.patch, o.values, o.gaps = o.patch[:0], o.values[:0], o.gaps[:0]
	return n
}

// canonical returns the document.
func (o *object) canonical() []byte {
	members := map[string]json.RawMessage{"$": json.RawMessage(`"text"`)}
	for key, raw := range o.members {
		members[key] = json.RawMessage(raw)
	}
	out := []byte(`{"t":{`)
	for i, key := range slices.Sorted(maps.Keys(members)) {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(jsontext.AppendString(out, key), ':')
		out = append(out, members[key]...)
	}
	return append(out, "}}"...)
}

type patch struct {
	pos, del int
	ins      string
}

// strokes are patches without pointers, so that the collector does not spend its time
// on the input of a benchmark.
type strokes struct {
	ins string
	all []stroke
}

type stroke struct{ pos, del, from, to int32 }

// paper is the keystrokes of automerge-paper, with the text that they lead to.
var paper = sync.OnceValues(func() (s strokes, end string) {
	tr, err := loadTrace("automerge-paper.json.gz")
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	for _, txn := range tr.Txns {
		for _, p := range txn.Patches {
			from := b.Len()
			b.WriteString(p.ins)
			s.all = append(s.all, stroke{int32(p.pos), int32(p.del), int32(from), int32(b.Len())})
		}
	}
	s.ins = b.String()
	return s, tr.EndContent
})

// collect frees what reading a trace has left, and lets those who wait for that go on,
// as they do whenever a page has nothing to do.
func collect() {
	runtime.GC()
	for range 100 {
		runtime.Gosched()
	}
}

// each calls fn for each stroke.
func (s *strokes) each(fn func(pos, del int, ins string)) {
	for _, k := range s.all {
		fn(int(k.pos), int(k.del), s.ins[k.from:k.to])
	}
}

func (p *patch) UnmarshalJSON(data []byte) error {
	return json.Unmarshal(data, &[]any{&p.pos, &p.del, &p.ins})
}

type trace struct {
	StartContent, EndContent string
	Txns                     []struct {
		Parents []int
		Agent   int
		Patches []patch
	}
}

// readTrace reads one of the recorded editing sessions.
func readTrace(t testing.TB, name string) trace {
	t.Helper()
	tr, err := loadTrace(name)
	if err != nil {
		t.Fatalf("the recorded session: %v", err)
	}
	return tr
}

func loadTrace(name string) (tr trace, err error) {
	file, err := os.Open("../../../shared/data/" + name)
	if err != nil {
		return tr, err
	}
	defer file.Close()
	unzip, err := gzip.NewReader(file)
	if err != nil {
		return tr, err
	}
	return tr, json.NewDecoder(unzip).Decode(&tr)
}

// units is a text as editors count.
func units(s string) []uint16 { return utf16.Encode([]rune(s)) }

// applyTo applies a splice to a text in units.
func applyTo(model []uint16, sp text.Splice) []uint16 {
	return slices.Replace(model, sp.Pos, sp.Pos+sp.Del, units(sp.Ins)...)
}

// widened is the dumb version of what a splice does to surrogate pairs.
func widened(model []uint16, pos, del int) (int, int) {
	divides := func(i int) bool {
		return i > 0 && i < len(model) && utf16.IsSurrogate(rune(model[i-1])) && model[i-1] < 0xdc00
	}
	if divides(pos) {
		pos, del = pos-1, del+1
	}
	if divides(pos + del) {
		del++
	}
	return pos, del
}

var alphabet = []string{"a", "b", "e", " ", "\n", `"`, `\`, "\x00", "\x1f", "é", "€", "𝄞", "👍", "x", "y", "z"}

func randomText(r *rand.Rand, most int) string {
	s := ""
	for range r.IntN(most + 1) {
		s += alphabet[r.IntN(len(alphabet))]
	}
	return s
}

// typist makes edits as a person does: mostly next to the last one.
type typist struct {
	r   *rand.Rand
	pos int
}

func (p *typist) edit(length int) (pos, del int, ins string) {
	p.pos = min(p.pos, length)
	switch n := p.r.IntN(100); {
	case n < 60:
		ins = alphabet[p.r.IntN(len(alphabet))]
	case n < 80 && p.pos > 0:
		p.pos, del = p.pos-1, 1
	case n < 85 && p.pos < length:
		del = 1
	case n < 92:
		p.pos = p.r.IntN(length + 1)
		ins = randomText(p.r, 3)
	case n < 94:
		ins = randomText(p.r, 400)
	default:
		p.pos = p.r.IntN(length + 1)
		del = min(p.r.IntN(1+p.r.IntN(60)), length-p.pos)
		ins = randomText(p.r, 4)
	}
	pos = p.pos
	p.pos += len(units(ins))
	return pos, del, ins
}

func canonical(raw string) bool {
	return jsontext.Validate([]byte(raw)) == nil && string(jsontext.AppendCanonical(nil, []byte(raw))) == raw
}
