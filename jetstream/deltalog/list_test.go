package deltalog_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestList(t *testing.T) {
	l, _ := newLog(t)
	ctx := testContext(t)
	// Other spaces, of which some share the stream, are not listed.
	var mine, last = []string{"-", "a.b", "board", "z~@"}, deltalog.Tail{}
	for _, id := range mine {
		last = add(t, l, record.Key{Space: "demo", ID: id}, emptyTail(l, record.Key{Space: "demo", ID: id}), `{"n":1}`)
	}
	last = add(t, l, record.Key{Space: "demo", ID: "z~@"}, last, `{"n":2}`)
	for i := range 40 {
		key := record.Key{Space: "demo" + string(rune('a'+i%26)) + string(rune('a'+i/26)), ID: "board"}
		add(t, l, key, emptyTail(l, key), `{}`)
	}
	got := must[[]deltalog.Listed](t)(l.List(ctx, "demo"))
	equal(t, "documents", len(got), len(mine))
	for i, d := range got {
		equal(t, "id", d.Key.ID, mine[i])
	}
	equal(t, "records", got[3].Records, 2)
	equal(t, "empty space", len(must[[]deltalog.Listed](t)(l.List(ctx, "nobody"))), 0)
	if _, err := l.List(ctx, "a/b"); err == nil {
		t.Error("a space that is none was listed")
	}

	latest := must[deltalog.Entry](t)(l.Latest(ctx, got[3].Key))
	equal(t, "latest", latest.Position, last.Head)
	if _, err := l.Latest(ctx, record.Key{Space: "demo", ID: "none"}); !errors.Is(err, deltalog.ErrNotFound) {
		t.Errorf("latest of nothing: %v", err)
	}
}
