//go:build !js

package client_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestLogInPages: a log of more records than one page has comes whole, in order.
func TestLogInPages(t *testing.T) {
	const records = 1100
	b := startBackend(t)
	d := b.join()
	var middle record.Revision
	for n := range records {
		if rev := update(t, d, set("/n", fmt.Sprint(n))); n == records/2 {
			middle = rev
		}
	}
	c := b.connect()
	count := func(after record.Revision, from int) {
		t.Helper()
		n := from
		last := after
		for e, err := range c.Log(testContext(t), board, after) {
			if err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprintf(`{"n":%d}`, n); string(e.Delta) != want || e.Position.Revision <= last || e.ID.Number != uint64(n+1) {
				t.Fatalf("event %d is %s at %d, number %d", n, e.Delta, e.Position.Revision, e.ID.Number)
			}
			last = e.Position.Revision
			n++
		}
		if n != records {
			t.Errorf("%d of %d records", n-from, records-from)
		}
	}
	count(0, 0)
	count(middle, records/2+1)
	for range c.Log(testContext(t), board, 0) {
		break // who has seen enough may stop
	}
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	for _, err := range c.Log(ctx, board, 0) {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that has ended: %v", err)
		}
	}
	for _, err := range c.Log(testContext(t), board, middle+100_000) {
		var bad *client.DocError
		if !errors.As(err, &bad) || bad.Code != wire.CodeBadKey || bad.Key != board {
			t.Errorf("after a revision that does not exist: %v", err)
		}
	}
}

// TestLogsAtOnce: more readers than the server lets wait all get theirs.
func TestLogsAtOnce(t *testing.T) {
	b := startBackend(t)
	d := b.join()
	update(t, d, set("/a", "1"))
	c := b.connect()
	var readers []<-chan error
	for range 30 {
		readers = append(readers, async(func() error {
			n := 0
			for _, err := range c.Log(testContext(t), board, 0) {
				if err != nil {
					return err
				}
				n++
			}
			if n != 1 {
				return fmt.Errorf("%d events", n)
			}
			return nil
		}))
	}
	for _, r := range readers {
		if err := settles(t, "Log", r); err != nil {
			t.Error(err)
		}
	}
}

// TestLogAcrossARestart goes on where it was.
func TestLogAcrossARestart(t *testing.T) {
	b := startBackend(t)
	d := b.join()
	update(t, d, set("/a", "1"))
	c := b.connect()
	b.stop()
	reader := async(func() error {
		for e, err := range c.Log(testContext(t), board, 0) {
			if err != nil {
				return err
			}
			if string(e.Delta) != `{"a":1}` {
				return fmt.Errorf("read %s", e.Delta)
			}
		}
		return nil
	})
	b.start()
	if err := settles(t, "Log", reader); err != nil {
		t.Error(err)
	}
}

// TestWatch: every mutation of everybody, with its place in its record.
func TestWatch(t *testing.T) {
	b := startBackend(t)
	d, other := b.join(), b.join()
	update(t, other, set("/before", "1"))
	waitRevision(t, d, other.Position().Revision)
	w := d.Watch()
	defer w.Close()
	rev := update(t, other, set("/a", "1"))
	own := update(t, d, set("/b", "2"))
	for _, want := range []struct {
		rev   record.Revision
		delta string
	}{{rev, `{"a":1}`}, {own, `{"b":2}`}} {
		e, err := w.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Position.Revision != want.rev || string(e.Delta) != want.delta || e.Index != 0 || e.Reset || e.Time.IsZero() || e.Author.IsZero() {
			t.Errorf("%+v, want %s at %d", e, want.delta, want.rev)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Next(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with nothing to come: %v", err)
	}
	update(t, d, set("/c", "3"))
	w.Close()
	if e, err := w.Next(testContext(t)); err != nil || string(e.Delta) != `{"c":3}` {
		t.Errorf("what came before Close: %s, %v", e.Delta, err)
	}
	if _, err := w.Next(testContext(t)); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

// TestWatchSurvivesAnEditThatIsTooLarge: an edit that grows too large when it runs
// again is given up. Watchers, who see what is committed only, hear nothing of it.
func TestWatchSurvivesAnEditThatIsTooLarge(t *testing.T) {
	b := startBackend(t)
	d, other := b.join(), b.connect()
	update(t, d, set("/size", "1"))
	far, err := other.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	w := far.Watch()
	defer w.Close()
	other.SetOffline(true)
	grows := async(func() error {
		_, err := far.Update(testContext(t), func(tx *doc.Tx) error {
			size, _ := tx.Get("/size")
			text := `"x"`
			if string(size) != "1" {
				text = fmt.Sprintf("%q", make([]byte, wire.MaxDelta))
			}
			return tx.Set("/text", []byte(text))
		})
		return err
	})
	waitPending(t, far, 1)
	update(t, d, set("/size", "2"))
	other.SetOffline(false)
	if err := settles(t, "Update", grows); err == nil {
		t.Error("an edit of 900 KiB was stored")
	}
	last := update(t, d, set("/last", "true"))
	for {
		e, err := w.Next(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if e.Reset {
			t.Errorf("a reset to %.100s", e.Delta)
		}
		if e.Position.Revision == last {
			break
		}
	}
	if got := string(far.Get()); got != `{"last":true,"size":2}` {
		t.Errorf("the document is %.200s", got)
	}
}
