package deltalog_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGoldenSubjects holds the layout, which is fixed for ever: a difference
// here is a bug, not a reason for -update.
func TestGoldenSubjects(t *testing.T) {
	keys := []string{
		"a/a", "demo/board", "acme/board", "acme/board-2", "acme/board.v2", "acme/2024:q1",
		"acme/~ann@example.com", "Space_1/-", "space-2/_", "9/...",
		strings.Repeat("s", record.MaxSpace) + "/" + strings.Repeat("~", record.MaxID),
	}
	var out bytes.Buffer
	for _, text := range keys {
		key := must[record.Key](t)(record.ParseKey(text))
		fmt.Fprintln(&out, text, deltalog.Stream(key), deltalog.Subject(key))
	}
	const golden = "testdata/subjects.golden"
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	equal(t, "subjects", out.String(), string(must[[]byte](t)(os.ReadFile(golden))))
}

func TestParseSubjectRefuses(t *testing.T) {
	good := deltalog.Subject(record.Key{Space: "acme", ID: "b.c"})
	if key := must[record.Key](t)(deltalog.ParseSubject(good)); key.String() != "acme/b.c" {
		t.Fatal(key)
	}
	for _, bad := range []string{
		"", "rv", good + ".x", strings.TrimPrefix(good, "rv."), "RV" + good[2:],
		strings.Replace(good, "%2E", "%2e", 1), strings.Replace(good, "b%2E", "%62%2E", 1),
		strings.Replace(good, "%2E", "%2", 1), strings.Replace(good, "%2E", "%", 1),
		strings.Replace(good, "%2E", "%00", 1), strings.Replace(good, "b%2Ec", "", 1),
		strings.Replace(good, "acme", "acmf", 1), strings.Replace(good, "rv.0", "rv.1", 1),
		strings.Replace(good, "b%2Ec", "*", 1), strings.Replace(good, "b%2Ec", ">", 1),
	} {
		_, err := deltalog.ParseSubject(bad)
		if e := wantError[*deltalog.SubjectError](t, err); e.Subject != bad {
			t.Errorf("%q names %q", bad, e.Subject)
		}
	}
}

func FuzzParseSubject(f *testing.F) {
	for _, text := range []string{"acme/board", "a/~@:.", "a/%"} {
		if key, err := record.ParseKey(text); err == nil {
			f.Add(deltalog.Subject(key))
		}
		f.Add(text)
	}
	f.Add("rv.00.00.a.%")
	f.Add("rv.00.00.a.%2")
	f.Fuzz(func(t *testing.T, text string) {
		// Whatever parses is the subject of what was parsed.
		if key, err := deltalog.ParseSubject(text); err == nil {
			if back := deltalog.Subject(key); back != text {
				t.Fatalf("%q parses as %s, whose subject is %q", text, key, back)
			}
		}
		// Whatever is a key survives the way there and back.
		if key, err := record.ParseKey(text); err == nil {
			back, err := deltalog.ParseSubject(deltalog.Subject(key))
			if err != nil || back != key {
				t.Fatalf("%s comes back as %s, %v", key, back, err)
			}
		}
	})
}
