package record_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestParseKey(t *testing.T) {
	space, id := strings.Repeat("s", record.MaxSpace), strings.Repeat("i", record.MaxID)
	for _, c := range []struct{ space, id string }{
		{"a", "b"}, {"A-z_09", "A-z_09.:@~"}, {"-", "."}, {space, id}, {"0", "~"},
	} {
		text := c.space + "/" + c.id
		k, err := record.ParseKey(text)
		if err != nil || k != (record.Key{Space: c.space, ID: c.id}) || k.String() != text || k.IsZero() {
			t.Errorf("%q: %+v, error %v", text, k, err)
		}
	}
	if !(record.Key{}).IsZero() {
		t.Error("the zero key is not zero")
	}
}

func TestL11_ParseKeyRefuses(t *testing.T) {
	space, id := strings.Repeat("s", record.MaxSpace), strings.Repeat("i", record.MaxID)
	for text, reason := range map[string]string{
		"":               "no '/'",
		"a":              "no '/'",
		"/":              "space before the '/' is empty",
		"/b":             "space before the '/' is empty",
		"a/":             "id after the '/' is empty",
		"a/b/c":          "an id has only",
		"a//b":           "an id has only",
		"a.b/c":          "a space has only",
		"a b/c":          "a space has only",
		"a:b/c":          "a space has only",
		"a/b c":          "an id has only",
		"a/b*":           "an id has only",
		"a/>":            "an id has only",
		"a/b\x00":        "an id has only",
		"a/b\n":          "an id has only",
		"é/b":            "a space has only",
		"a/é":            "an id has only",
		"a/\xff":         "an id has only",
		"a/%2f":          "an id has only",
		space + "s/b":    "longer than 64",
		"a/" + id + "i":  "longer than 128",
		space + "é/b":    "longer than 64",
		"\"<\x1b[2J>\"/": "id after the '/' is empty",
	} {
		k, err := record.ParseKey(text)
		var refused *record.KeyError
		if !k.IsZero() || !errors.As(err, &refused) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: %+v, error %v, want %q", text, k, err, reason)
		}
	}
}

var grammar = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,64}/[A-Za-z0-9_.:@~-]{1,128}\z`)

// FuzzParseKey compares with the grammar, and checks that an error can be shown
// to people: short, and without what would harm a terminal or a log.
func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"a/b", "space/id.1:x@y~z", "a", "a/b/c", "é/\xff", "a/" + strings.Repeat("é", 200), "\x1b\"/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := record.ParseKey(text)
		if (err == nil) != grammar.MatchString(text) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil {
			if k.String() != text {
				t.Fatalf("%q is shown as %q", text, k)
			}
			return
		}
		var refused *record.KeyError
		if !errors.As(err, &refused) || len(refused.Text) > 90 || !utf8.ValidString(refused.Text) {
			t.Fatalf("%q: error %#v", text, err)
		}
		if strings.ContainsFunc(refused.Text, func(r rune) bool { return unicode.IsControl(r) || r == '"' }) {
			t.Fatalf("%q is shown as %q", text, refused.Text)
		}
	})
}
