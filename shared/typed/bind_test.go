package typed_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/typed"
)

type mistakes struct {
	typed.Document
	Untagged typed.Field[int]
	Empty    typed.Field[int] `doc:""`
	Reserved typed.Field[int] `doc:"$"`
	Broken   typed.Field[int] `doc:"\xff"`
	One      typed.Field[int] `doc:"same"`
	Two      typed.Text       `doc:"same"`
	hidden   typed.Counter    `doc:"hidden"`
	Plain    string           `doc:"plain"`
	Pointer  *typed.Text      `doc:"pointer"`
	Untied   struct {
		In typed.Text `doc:"in"`
	}
	Deep struct {
		Loose typed.Counter
	} `doc:"deep"`
	Channel typed.Field[map[string][]chan int]        `doc:"channel"`
	Keys    typed.Field[map[struct{ X int }]int]      `doc:"keys"`
	Scalars typed.Table[int]                          `doc:"scalars"`
	Typo    typed.Table[Card]                         `doc:"typo" index:"lane,rnak"`
	Deeper  typed.Table[struct{ At struct{ X int } }] `doc:"deeper" index:"/At/Y"`
	Again   typed.Table[Card]                         `doc:"again" index:"lane;lane"`
	Indexed typed.Text                                `doc:"indexed" index:"lane"`
	List    typed.List[int]                           `doc:"list"`
	Mine    map[string]int
	Skipped typed.Text `doc:"-"`
}

var _ = mistakes{}.hidden

// Each mistake is reported, by the name of the field, and nothing is opened.
func TestBindReportsMistakes(t *testing.T) {
	want := []string{
		"Untagged: has no tag doc",
		"Empty: its tag doc is empty",
		`Reserved: its tag doc is "$", which is reserved`,
		"Broken: its tag doc is not UTF-8",
		`Two: its tag doc "same" is used twice in one object`,
		"hidden: is not exported",
		"Plain: has the tag doc but is no part of a document: a string is kept in a typed.Field[string]",
		"Pointer: has the tag doc but is no part of a document: a *typed.Text is kept in a typed.Field[*typed.Text]",
		"Untied: has no tag doc",
		"Deep.Loose: has no tag doc",
		"Channel: chan int has no JSON",
		"Keys: map[struct { X int }]int has no JSON: its keys are no names",
		"Scalars: the JSON of a int is no object, as a record must be",
		`Typo: its tag index: typed_test.Card has no member "rnak"`,
		`Deeper: its tag index: struct { X int } has no member "Y"`,
		"Again: its tag index: table: index lane is declared twice",
		"Indexed: has the tag index but is no table",
		"List: a list needs the options Tag and NewID",
	}
	_, err := typed.Bind[mistakes](doc.New(), typed.Options{})
	if err == nil {
		t.Fatal("no mistake was found")
	}
	got := strings.Split(err.Error(), "\n")
	for i, line := range got {
		got[i] = strings.TrimPrefix(line, "typed: typed_test.mistakes.")
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("mistake %d of\n%s\nwant\n%s", i, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	var one *typed.BindError
	if !errors.As(err, &one) || one.Field != "Untagged" || one.Type != reflect.TypeFor[mistakes]() {
		t.Errorf("the error has %+v", one)
	}
}

// Tags of encoding/json that lose a field are mistakes too.
func TestLostMembersAreMistakes(t *testing.T) {
	number := reflect.TypeFor[int]()
	for _, c := range []struct {
		fields []reflect.StructField
		want   string
	}{
		{[]reflect.StructField{{Name: "A", Type: number, Tag: `json:"x"`}, {Name: "B", Type: number, Tag: `json:"x,omitempty"`}}, `have the JSON name "x"`},
		{[]reflect.StructField{{Name: "a", PkgPath: "p", Type: number, Tag: `json:"x"`}}, "has a tag json but is not exported"},
		{[]reflect.StructField{{Name: "X", Type: number}, {Name: "B", Type: number, Tag: `json:"X"`}}, ""},
		{[]reflect.StructField{{Name: "A", Type: number, Tag: `json:"-"`}, {Name: "B", Type: number, Tag: `json:"A"`}}, ""},
		{[]reflect.StructField{{Name: "A", Type: reflect.TypeFor[func()](), Tag: `json:"-"`}}, ""},
	} {
		got := typed.Unfit(reflect.StructOf(c.fields))
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%v: %q, want %q", c.fields, got, c.want)
		}
	}
}

type homeless struct {
	Name typed.Field[string] `doc:"name"`
}

type nested struct {
	typed.Document
	In struct {
		typed.Document
		Name typed.Field[string] `doc:"name"`
	} `doc:"in"`
}

type listed struct {
	typed.Document
	List typed.List[int] `doc:"list"`
}

func TestBindNeedsADocument(t *testing.T) {
	d := doc.New()
	if _, err := typed.Bind[homeless](d, typed.Options{}); err == nil || !strings.Contains(err.Error(), "does not embed typed.Document") {
		t.Errorf("without a Document: %v", err)
	}
	if _, err := typed.Bind[nested](d, typed.Options{}); err == nil || !strings.Contains(err.Error(), "nested.In.Document") {
		t.Errorf("with one in the wrong place: %v", err)
	}
	if _, err := typed.Bind[int](d, typed.Options{}); err == nil || !strings.Contains(err.Error(), "int: is not a struct") {
		t.Errorf("an int: %v", err)
	}
	bad := options("no tag")
	if _, err := typed.Bind[listed](d, bad); err == nil || !strings.Contains(err.Error(), "listed.List: order key") {
		t.Errorf("with a tag that is none: %v", err)
	}
}

type base struct {
	Name typed.Field[string] `doc:"name"`
}

type composed struct {
	typed.Document
	base
	In struct {
		base
		Deep struct {
			Count typed.Counter `doc:"a/b~"`
		} `doc:"deep"`
	} `doc:"in"`
	Mine int
}

// Embedded structs are no objects of their own; objects are made when something is
// first written into them.
func TestBindWalksStructs(t *testing.T) {
	d := doc.New()
	c := bind[composed](t, d)
	update(t, d, func(tx *doc.Tx) error {
		c.Name.Set(tx, "outer")
		c.In.Name.Set(tx, "inner")
		return c.In.Deep.Count.Add(tx, 2)
	})
	wantDoc(t, d, `{"in":{"deep":{"a/b~":2},"name":"inner"},"name":"outer"}`)
	if at := c.In.Deep.Count.At(); at != "/in/deep/a~1b~0" {
		t.Errorf("the counter is at %s", at)
	}
}
