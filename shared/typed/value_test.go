package typed_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type one[T any] struct {
	typed.Document
	Value typed.Field[T] `doc:"v"`
}

type inner struct {
	X *int           `json:"x"`
	M map[string]int `json:"m"`
}

type Base struct {
	Kind string `json:"kind"`
}

type record struct {
	Base
	S    []string          `json:"s"`
	P    *inner            `json:"p"`
	In   inner             `json:"in"`
	List []inner           `json:"list"`
	By   map[string]inner  `json:"by"`
	Any  any               `json:"any,omitempty"`
	When time.Time         `json:"when"`
	Raw  json.RawMessage   `json:"raw,omitempty"`
	N    int64             `json:"n,string"`
	Opt  int               `json:"opt,omitempty"`
	Tags map[string][]*int `json:"tags"`
}

// roundTrip writes a value and reads it back, from the document and from its text.
func roundTrip[T any](t *testing.T, value T, want string) {
	t.Helper()
	d := doc.New()
	b := bind[one[T]](t, d)
	if _, ok := b.Value.Get(); ok {
		t.Errorf("%v: there is a value before it was set", value)
	}
	update(t, d, func(tx *doc.Tx) error { return b.Value.Set(tx, value) })
	wantDoc(t, d, `{"v":`+want+`}`)
	for _, from := range []*doc.Doc{d, parse(t, string(d.Canonical()))} {
		got, ok, err := bind[one[T]](t, from).Value.Read(from)
		if !ok || err != nil || !reflect.DeepEqual(got, value) {
			t.Errorf("%#v is read as %#v, %v, error %v", value, got, ok, err)
		}
	}
}

func TestValuesRoundTrip(t *testing.T) {
	roundTrip(t, "", `""`)
	roundTrip(t, "<a> & \"b\" \u2028 \ufffd \\ufffd 🙂", `"<a> & \"b\" `+"\u2028 \ufffd"+` \\ufffd 🙂"`)
	roundTrip(t, []string{"\ufffd", `\ufffd`}, `["`+"\ufffd"+`","\\ufffd"]`)
	roundTrip(t, false, `false`)
	roundTrip(t, true, `true`)
	roundTrip(t, 0, `0`)
	roundTrip(t, int64(math.MinInt64), `-9223372036854775808`)
	roundTrip(t, uint64(math.MaxUint64), `18446744073709551615`)
	roundTrip(t, int8(-5), `-5`)
	roundTrip(t, 0.1, `0.1`)
	roundTrip(t, 1e300, `1e+300`)
	roundTrip[any](t, map[string]any{"n": json.Number("12345678901234567890.10"), "a": []any{nil, "x"}}, `{"a":[null,"x"],"n":12345678901234567890.10}`)
	roundTrip(t, json.RawMessage(`{"a":1}`), `{"a":1}`)
	roundTrip(t, []*int{nil}, `[null]`)
	roundTrip(t, []map[string]*int{{"in an array": nil}}, `[{"in an array":null}]`)
	roundTrip(t, map[int]string{-1: "x"}, `{"-1":"x"}`)
	roundTrip(t, []byte("abc"), `"YWJj"`)
	seven := 7
	roundTrip(t, &seven, `7`)
}

// Members of structs that are nil are left out, at any depth, and read as nil again;
// what is empty is kept.
func TestNilMembersAreLeftOut(t *testing.T) {
	roundTrip(t, record{}, `{"in":{},"kind":"","n":"0","when":"0001-01-01T00:00:00Z"}`)
	seven := 7
	full := record{
		Base: Base{Kind: "null"}, S: []string{}, P: &inner{X: &seven, M: map[string]int{}}, In: inner{X: &seven},
		By: map[string]inner{"null": {}}, Any: "null", When: time.Unix(0, 0).UTC(), N: math.MaxInt64, Opt: 1,
		Tags: map[string][]*int{"x": {nil, &seven}},
	}
	roundTrip(t, full, `{"any":"null","by":{"null":{}},"in":{"x":7},"kind":"null","n":"9223372036854775807","opt":1,`+
		`"p":{"m":{},"x":7},"s":[],"tags":{"x":[null,7]},"when":"1970-01-01T00:00:00Z"}`)
}

type refuser struct{}

func (refuser) MarshalJSON() ([]byte, error) { return nil, errors.New("not today") }

type sneaky string

func (s sneaky) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// refused tries to write a value.
func refused[T any](t *testing.T, value T, reason string) error {
	t.Helper()
	d := parse(t, `{"other":1}`)
	b := bind[one[T]](t, d)
	_, err := b.Update(func(tx *doc.Tx) error { b.Value.Set(tx, value); return nil })
	var encode *typed.EncodeError
	if !errors.As(err, &encode) || encode.Path != "/v" || encode.Type != reflect.TypeFor[T]() || !strings.Contains(err.Error(), reason) {
		t.Errorf("%T: error %v, want one that says %q", value, err, reason)
	}
	wantDoc(t, d, `{"other":1}`)
	return err
}

func TestValuesThatAreRefused(t *testing.T) {
	refused(t, math.NaN(), "NaN")
	refused(t, []float64{math.Inf(-1)}, "-Inf")
	refused[any](t, make(chan int), "chan int")
	refused[any](t, map[string]any{"f": func() {}}, "func()")
	refused[any](t, nil, "null cannot be a member")
	refused[*int](t, nil, "null cannot be a member")
	refused(t, []int(nil), "null cannot be a member")
	refused(t, map[string]*int{"gone": nil}, `member "gone" is null`)
	refused(t, record{By: map[string]inner{}, Any: map[string]any{"gone": nil}}, `member "gone" is null`)
	refused(t, record{Raw: json.RawMessage(`{"gone":null}`)}, `member "gone" is null`)
	refused(t, "\xff", "UTF-8")
	refused(t, []string{"a\xff"}, "UTF-8")
	refused(t, map[string]int{"\xff": 1}, "UTF-8")
	refused(t, record{P: &inner{M: map[string]int{`\` + "\xff": 1}}}, "UTF-8")
	refused(t, refuser{}, "not today")
	var syntax *jsontext.Error
	if err := refused(t, sneaky(`{"a":1,"a":2}`), "a"); !errors.As(err, &syntax) || syntax.Fault != jsontext.FaultDuplicate {
		t.Errorf("a member twice: %v", err)
	}
	if err := refused(t, sneaky(`"\ud800"`), "surrogate"); !errors.As(err, &syntax) || syntax.Fault != jsontext.FaultText {
		t.Errorf("half a surrogate pair: %v", err)
	}
	deep := strings.Repeat("[", jsontext.MaxDepth) + strings.Repeat("]", jsontext.MaxDepth)
	if err := refused(t, sneaky(deep), "deep"); !errors.As(err, &syntax) || syntax.Fault != jsontext.FaultDepth {
		t.Errorf("too deep: %v", err)
	}
}

// unreadable reads a value that is not of the type.
func unreadable[T any](t *testing.T, raw string) {
	t.Helper()
	d := parse(t, `{"v":`+raw+`}`)
	b := bind[one[T]](t, d)
	var none T
	if value, ok := b.Value.Get(); ok || !reflect.DeepEqual(value, none) {
		t.Errorf("%s as %T: Get returns %v, %v", raw, none, value, ok)
	}
	value, ok, err := b.Value.Read(d)
	var decode *typed.DecodeError
	if ok || !reflect.DeepEqual(value, none) || !errors.As(err, &decode) || decode.Path != "/v" || decode.Type != reflect.TypeFor[T]() {
		t.Errorf("%s as %T: Read returns %v, %v, %v", raw, none, value, ok, err)
	}
	if _, err := b.Update(func(tx *doc.Tx) error { b.Value.Edit(tx, func(*T) {}); return nil }); !errors.As(err, &decode) {
		t.Errorf("%s as %T: Edit returns %v", raw, none, err)
	}
	wantDoc(t, d, `{"v":`+raw+`}`)
}

func TestL11_MalformedValuesAreErrors(t *testing.T) {
	unreadable[string](t, `1`)
	unreadable[string](t, `{}`)
	unreadable[int](t, `"1"`)
	unreadable[int](t, `1.5`)
	unreadable[int](t, `9223372036854775808`)
	unreadable[int8](t, `128`)
	unreadable[uint](t, `-1`)
	unreadable[bool](t, `0`)
	unreadable[float64](t, `1e400`)
	unreadable[Card](t, `[]`)
	unreadable[Card](t, `{"lane":{},"title":"kept to itself"}`)
	unreadable[[]Card](t, `[{"rank":"x"}]`)
	unreadable[map[string]bool](t, `{"a":1}`)
	unreadable[map[int]bool](t, `{"a":true}`)
	unreadable[time.Time](t, `"yesterday"`)
}

// Zero and absent are not the same, a malformed value can be replaced, and a
// deleted one is absent.
func TestPresence(t *testing.T) {
	d := parse(t, `{"v":"not a number"}`)
	b := bind[one[int]](t, d)
	update(t, d, func(tx *doc.Tx) error { return b.Value.Set(tx, 0) })
	if n, ok := b.Value.Get(); n != 0 || !ok {
		t.Errorf("zero is read as %d, %v", n, ok)
	}
	update(t, d, func(tx *doc.Tx) error {
		b.Value.Delete(tx)
		if _, ok, err := b.Value.Read(tx); ok || err != nil {
			t.Errorf("deleted, it is there: %v, %v", ok, err)
		}
		return b.Value.Delete(tx)
	})
	wantDoc(t, d, `{}`)
}

func TestWatchTellsOfChanges(t *testing.T) {
	d := parse(t, `{"v":1}`)
	b := bind[one[int]](t, d)
	type told struct {
		n  int
		ok bool
	}
	var got []told
	stop := b.Value.Watch(func(n int, ok bool) { got = append(got, told{n, ok}) })
	for _, p := range []string{`{"v":2}`, `{"v":2}`, `{"w":3}`, `{"v":"x"}`, `{"v":null}`, `{"v":0}`} {
		d.Apply(patch(t, p))
	}
	b.Update(func(tx *doc.Tx) error { b.Value.Set(tx, 9); return errors.New("reverted") })
	stop()
	stop()
	d.Apply(patch(t, `{"v":5}`))
	if want := []told{{2, true}, {0, false}, {0, false}, {0, true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
}

type flatRecord struct {
	Name  string  `json:"name"`
	Title string  `json:"a title,omitempty"`
	N     int     `json:"n,omitempty"`
	Small int8    `json:"small"`
	U     uint16  `json:"u"`
	F     float32 `json:"f"`
	Yes   bool    `json:"yes"`
	Plain int64
	Not   int `json:"-"`
}

// Records of scalars, which are decoded without encoding/json, mean what that says.
func FuzzFlatRecord(f *testing.F) {
	for _, seed := range []string{
		`{"name":"x","a title":"\u0041\n","n":1,"small":-128,"u":65535,"f":0.1,"yes":true,"Plain":9,"other":{}}`,
		`{"NAME":"x"}`, `{"Name":"x","name":"y"}`, `{"nAme":1,"name":"x"}`, `{"\u017fmall":3}`, `{"small":128}`, `{"n":1.0}`, `{"n":1e2}`, `{"u":-1}`, `{"f":1e39}`,
		`{"f":"x"}`, `{"yes":1}`, `{"name":7}`, `{"name":{}}`, `{"n":"1"}`, `{"Not":1}`, `{"n":-0}`, `[]`, `"x"`, `7`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		d, err := doc.Parse([]byte(`{"v":` + raw + `}`))
		if err != nil {
			return
		}
		asJSON[flatRecord](t, d)
		asJSON[flatIntegers](t, d) // which is encoded without encoding/json too
	})
}

type flatIntegers struct {
	Name  string `json:"name"`
	Title string `json:"a title,omitempty"`
	N     int    `json:"n,omitempty"`
	Small int8   `json:"small"`
	U     uint16 `json:"u"`
	Yes   bool   `json:"yes,omitempty"`
}

func asJSON[T comparable](t *testing.T, d *doc.Doc) {
	t.Helper()
	canonical, _ := d.Get("/v")
	var want T
	wantErr := json.Unmarshal(canonical, &want)
	b := bind[one[T]](t, d)
	got, ok, err := b.Value.Read(d)
	if (err != nil) != (wantErr != nil) || ok != (err == nil) || ok && got != want {
		t.Fatalf("%s is read as %+v, error %v; encoding/json says %+v, %v", canonical, got, err, want, wantErr)
	}
	if !ok {
		return
	}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	update(t, d, func(tx *doc.Tx) error { return b.Value.Set(tx, got) })
	written, _ := d.Get("/v")
	if string(written) != string(jsontext.AppendCanonical(nil, text)) {
		t.Fatalf("%+v is written as %s; encoding/json says %s", got, written, text)
	}
	d.Apply(delta.Trusted([]byte(`{"v":null}`)))
	d.Apply(delta.Trusted([]byte(`{"v":` + string(canonical) + `}`)))
}

// What is written through a Field is what encoding/json writes, in canonical form.
func FuzzFieldOfAny(f *testing.F) {
	for _, seed := range []string{`1`, `"x"`, `{"a":[null,{"b":null}]}`, `{"a":null}`, `1e400`, `"\ufffd"`, `[[]]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := doc.Parse(append(append([]byte(`{"v":`), data...), '}'))
		if err != nil {
			return
		}
		b, err := typed.Bind[one[any]](d, typed.Options{})
		if err != nil {
			t.Fatal(err)
		}
		before, sum := string(d.Canonical()), d.Checksum()
		value, ok, err := b.Value.Read(d)
		if !ok || err != nil {
			return // {"v":1}{"w":2} is no value, nor is a member more
		}
		change, err := b.Update(func(tx *doc.Tx) error { return b.Value.Set(tx, value) })
		if err != nil || string(d.Canonical()) != before || d.Checksum() != sum {
			t.Fatalf("%s was read as %#v and written as %s, error %v", before, value, d.Canonical(), err)
		}
		if !change.Empty() {
			t.Fatalf("writing what was there is the change %s", change.Delta.Bytes())
		}
	})
}
