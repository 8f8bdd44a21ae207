package inbox

import (
	"testing"
	"unicode/utf8"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// FuzzParse: whatever comes, what is taken for an event keeps the bounds, and is stored in its
// document's partition.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		line(board, "a", "", `{"n":1}`), line(board, "ä\\u00e4", "\\ud83d\\ude00", `{"o":{"x":null}}`), `{}`, `{"id":"\ud800"}`, "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Parse(data)
		if err != nil {
			return
		}
		if e.ID == "" || len(e.ID) > MaxID || len(e.Prev) > MaxID || !utf8.ValidString(e.ID+e.Prev) || e.ID == e.Prev {
			t.Errorf("%q after %q", e.ID, e.Prev)
		}
		if k, err := record.ParseKey(e.Key.String()); err != nil || k != e.Key {
			t.Errorf("%q: %v", e.Key, err)
		}
		if _, err := delta.Parse(e.Delta.Bytes()); err != nil || e.Delta.Len() > MaxDelta {
			t.Errorf("%q: %v", e.Delta.Bytes(), err)
		}
		if p := partitionOf(eventSubject(e.Key)); p < 0 || p >= Partitions {
			t.Errorf("partition %d", p)
		}
	})
}

// TestHash holds the hashes, which are in the log.
func TestHash(t *testing.T) {
	for id, want := range map[string]hash{"": 0, "a": 0xca978112ca1bbdca, "e1": 0x8b5cc4df7eec7d32} {
		if got := hashOf(id); got != want {
			t.Errorf("the hash of %q is %#x, want %#x", id, uint64(got), uint64(want))
		}
	}
	if got, want := client.String(), "1bb3903840fdb982131ebd9ea8b09c67"; got != want {
		t.Errorf("the client is %s, want %s", got, want)
	}
}
