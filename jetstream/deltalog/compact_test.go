package deltalog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// compactor compacts a log by stating how many records every document has.
type compactor struct {
	t    testing.TB
	log  *deltalog.Log
	keep time.Duration

	mu      sync.Mutex
	rebased []string
}

func (c *compactor) rebase(ctx context.Context, key record.Key) error {
	records := 0
	var tail deltalog.Tail
	for {
		var err error
		tail, err = c.log.Replay(ctx, key, tail, func(e deltalog.Entry) error {
			if e.Base != nil {
				fmt.Sscanf(string(e.Base.Content), "%d", &records) //nolint:errcheck // 0 would be noticed
			} else {
				records++
			}
			return nil
		})
		if err != nil {
			return err
		}
		_, err = c.log.AppendBase(ctx, key, tail, deltalog.Base{Time: 1, Content: fmt.Append(nil, records)})
		if errors.As(err, new(*deltalog.ConflictError)) {
			continue
		}
		if err != nil {
			return err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.rebased = append(c.rebased, key.ID)
		return nil
	}
}

func (c *compactor) compact(garbage uint64) []deltalog.Compacted {
	c.t.Helper()
	c.rebased = nil
	done, err := c.log.Compact(testContext(c.t), deltalog.Compaction{Keep: c.keep, Garbage: garbage, Rebase: c.rebase})
	if err != nil {
		c.t.Fatal(err)
	}
	return done
}

// counted replays a document and returns how many records it ever had, and how many of
// them can still be read.
func counted(t testing.TB, l *deltalog.Log, key record.Key) (records, readable int) {
	t.Helper()
	_, err := l.Replay(testContext(t), key, deltalog.Tail{}, func(e deltalog.Entry) error {
		if e.Base != nil {
			_, err := fmt.Sscanf(string(e.Base.Content), "%d", &records)
			return err
		}
		records++
		readable++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, readable
}

func documentsOf(n int) []record.Key {
	keys := make([]record.Key, n)
	for i := range keys {
		keys[i] = record.Key{Space: board.Space, ID: fmt.Sprint("d", i)}
	}
	return keys
}

// TestL2_Compaction: what is older than what is to be kept goes, of every document,
// and each can be read as before. A document that came meanwhile is not copied.
func TestL2_Compaction(t *testing.T) {
	now := time.Now()
	l, _ := newLog(t, func(c *deltalog.Config) { c.Clock = func() time.Time { return now } })
	c := &compactor{t: t, log: l, keep: time.Hour}
	keys := documentsOf(20)
	write := func(keys []record.Key, times int) {
		for i := range times {
			for _, key := range keys {
				_, tail := replay(t, l, key)
				add(t, l, key, tail, fmt.Sprintf(`{"n":%d}`, i))
			}
		}
	}
	write(keys[:10], 5)
	done := c.compact(0)
	equal(t, "documents", done[0].Documents, 10)
	equal(t, "dropped before their time", done[0].Messages, 0)
	write(keys[5:], 3)
	if done := c.compact(0); len(done) != 1 || done[0].Messages != 0 {
		t.Errorf("within the hour: %+v", done)
	}
	now = now.Add(time.Hour)
	done = c.compact(1 << 40)
	if len(done) != 1 || done[0].Documents != 0 || done[0].Messages < 50 {
		t.Fatalf("after an hour: %+v", done)
	}
	equal(t, "documents that were copied for nothing", len(c.rebased), 0)
	for i, key := range keys {
		want := map[bool]int{i < 10: 5}[true] + map[bool]int{i >= 5: 3}[true]
		records, _ := counted(t, l, key)
		equal(t, key.ID, records, want)
	}
	write(keys, 1)
	for i, key := range keys {
		want := map[bool]int{i < 10: 5}[true] + map[bool]int{i >= 5: 3}[true] + 1
		records, readable := counted(t, l, key)
		equal(t, key.ID, records, want)
		if readable > 4 {
			t.Errorf("%s: %d records are kept", key.ID, readable)
		}
	}
}

// TestL2_CompactionKeepsWhatCameMeanwhile: a record that is stored while a compaction is
// under way, before the document's base, is kept as long as any other.
func TestL2_CompactionKeepsWhatCameMeanwhile(t *testing.T) {
	now := time.Now()
	l, _ := newLog(t, func(c *deltalog.Config) { c.Clock = func() time.Time { return now } })
	c := &compactor{t: t, log: l, keep: time.Hour}
	tail := add(t, l, board, emptyTail(l, board), `{"n":1}`)
	_, err := l.Compact(testContext(t), deltalog.Compaction{Keep: c.keep, Rebase: func(ctx context.Context, key record.Key) error {
		now = now.Add(40 * time.Minute)
		tail = add(t, l, board, tail, `{"n":2}`)
		return c.rebase(ctx, key)
	}})
	if err != nil {
		t.Fatal(err)
	}
	now = now.Add(40 * time.Minute)
	c.compact(1 << 40)
	_, readable := counted(t, l, board)
	equal(t, "records that can be read, of one of 40 minutes ago and one of 80", readable, 2)
	now = now.Add(20 * time.Minute)
	c.compact(1 << 40)
	_, readable = counted(t, l, board)
	equal(t, "records that can be read in the end", readable, 0)
}

// TestL3_CreateDelayedPastCompaction: the first record of a document, of which nobody
// knew whether it was stored, arrives again when the log has been compacted. It finds
// that the document has existed.
func TestL3_CreateDelayedPastCompaction(t *testing.T) {
	l, n := newLog(t)
	c := &compactor{t: t, log: l}
	first := encode(t, emptyTail(l, board).Head, `{"a":1}`)
	publish(t, n, board, 0, first)
	_, tail := replay(t, l, board)
	add(t, l, board, tail, `{"a":2}`)
	c.compact(0)
	_, readable := counted(t, l, board)
	equal(t, "records left", readable, 0)
	_, err := l.Append(testContext(t), board, emptyTail(l, board), first)
	wantError[*deltalog.ConflictError](t, err)
	records, _ := counted(t, l, board)
	equal(t, "records", records, 2)
}

// TestL2_CompactionGivenUp: a compaction that ends in the middle has dropped nothing.
// The next server goes on with it.
func TestL2_CompactionGivenUp(t *testing.T) {
	now := time.Now()
	l, _ := newLog(t, func(c *deltalog.Config) { c.Clock = func() time.Time { return now } })
	keys := documentsOf(30)
	for _, key := range keys {
		add(t, l, key, add(t, l, key, emptyTail(l, key), `{"n":1}`), `{"n":2}`)
	}
	c := &compactor{t: t, log: l}
	var calls atomic.Int32
	broken := errors.New("broken")
	_, err := l.Compact(testContext(t), deltalog.Compaction{Garbage: 1, Rebase: func(ctx context.Context, key record.Key) error {
		if calls.Add(1) > 12 {
			return broken
		}
		return c.rebase(ctx, key)
	}})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	for _, key := range keys {
		_, readable := counted(t, l, key)
		equal(t, "records of "+key.ID, readable, 2)
	}
	done := len(c.rebased)
	equal(t, "compactions while another one may be under way", len(c.compact(1)), 0)
	now = now.Add(2 * time.Hour)
	compacted := c.compact(1)
	// A base that was on its way when the compaction ended may have been stored.
	if left := compacted[0].Documents; left == 0 || left > len(keys)-done {
		t.Errorf("%d documents were left after %d of %d", left, done, len(keys))
	}
	for _, key := range keys {
		records, readable := counted(t, l, key)
		equal(t, key.ID, records, 2)
		equal(t, "records kept of "+key.ID, readable, 0)
	}
	equal(t, "compactions of what nobody has written since", len(c.compact(0)), 0)
}

// TestL8_CompactionBesideWriters: documents that are written all the time lose nothing.
func TestL8_CompactionBesideWriters(t *testing.T) {
	l, _ := newLog(t)
	type document struct {
		sync.Mutex
		tail    deltalog.Tail
		written int
	}
	documents, stop := make(map[record.Key]*document), make(chan struct{})
	var wg sync.WaitGroup
	for _, key := range documentsOf(6) {
		d := &document{tail: emptyTail(l, key)}
		documents[key] = d
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				d.Lock()
				tail, err := l.Append(testContext(t), key, d.tail, encode(t, d.tail.Head, `{"n":1}`))
				d.tail, d.written = tail, d.written+1
				d.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	dropped := uint64(0)
	for range 5 {
		done, err := l.Compact(testContext(t), deltalog.Compaction{Rebase: func(ctx context.Context, key record.Key) error {
			d := documents[key]
			d.Lock()
			defer d.Unlock()
			tail, err := l.AppendBase(ctx, key, d.tail, deltalog.Base{Content: fmt.Append(nil, d.written)})
			d.tail = tail
			return err
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range done {
			dropped += c.Messages
		}
	}
	close(stop)
	wg.Wait()
	for key, d := range documents {
		records, _ := counted(t, l, key)
		equal(t, key.ID, records, d.written)
	}
	if dropped == 0 {
		t.Error("nothing was dropped")
	}
}

// TestErase: of an erased document no byte is left in the server's files, of another
// one in the same stream everything.
func TestErase(t *testing.T) {
	dir := t.TempDir()
	cfg := natsdConfig(t)
	cfg.Dir = dir
	l := openLog(t, startNode(t, cfg))
	other := record.Key{Space: board.Space, ID: "other"}
	tail, kept := emptyTail(l, board), emptyTail(l, other)
	for i := range 50 {
		tail = add(t, l, board, tail, fmt.Sprintf(`{"secret-of-ann":%d}`, i))
		kept = add(t, l, other, kept, fmt.Sprintf(`{"kept-of-bob":%d}`, i))
	}
	if _, err := l.Erase(testContext(t), board); !errors.Is(err, deltalog.ErrNotFound) {
		t.Errorf("a document that was not stated: %v", err)
	}
	state(t, l, board, tail, "{}")
	equal(t, "secrets in the files before", occurrences(t, dir, "secret-of-ann") >= 50, true)
	equal(t, "erased", must[int](t)(l.Erase(testContext(t), board)), 50)
	equal(t, "erased again", must[int](t)(l.Erase(testContext(t), board)), 0)
	equal(t, "secrets in the files", occurrences(t, dir, "secret-of-ann"), 0)
	all, end := replay(t, l, board)
	equal(t, "what can be read", all, "[{}]")
	equal(t, "head", end.Head, tail.Head)
	equal(t, "others in the files", occurrences(t, dir, "kept-of-bob"), 50)
	records, _ := counted(t, l, other)
	equal(t, "records of the other", records, 50)
}

func occurrences(t testing.TB, dir, text string) (n int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		n += bytes.Count(data, []byte(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
