//go:build !js

package client_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// TestL3_UpdateAcrossRestarts: updates wait for the server to come back, and
// count once. Those made while it was away do, too.
func TestL3_UpdateAcrossRestarts(t *testing.T) {
	b := startBackend(t)
	d, other := b.join(), b.join()
	const rounds = 2
	for range rounds {
		update(t, d, increment("/n"))
		b.stop()
		var waiting []<-chan error
		for _, d := range []*client.Doc{d, other, d} {
			waiting = append(waiting, async(func() error {
				_, err := d.Update(testContext(t), increment("/n"))
				return err
			}))
		}
		b.start()
		for _, w := range waiting {
			if err := settles(t, "Update", w); err != nil {
				t.Fatal(err)
			}
		}
	}
	update(t, other, increment("/n"))
	if got, want := string(other.Get()), fmt.Sprintf(`{"n":%d}`, 4*rounds+1); got != want {
		t.Errorf("the document is %s, want %s", got, want)
	}
}

// TestUpdateWithACancelledContext returns at once; the edit stays pending, and is
// stored when the server is back.
func TestUpdateWithACancelledContext(t *testing.T) {
	b := startBackend(t)
	d := b.join()
	update(t, d, set("/a", "1"))
	b.stop()
	ctx, cancel := context.WithCancel(testContext(t))
	waiting := async(func() error { _, err := d.Update(ctx, set("/b", "1")); return err })
	waitPending(t, d, 1)
	cancel()
	if err := settles(t, "Update", waiting); !errors.Is(err, context.Canceled) {
		t.Errorf("the error is %v", err)
	}
	if _, err := d.Update(ctx, set("/c", "1")); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that had ended before: %v", err)
	}
	if got := string(d.Get()); got != `{"a":1,"b":1}` || d.Pending() != 1 {
		t.Errorf("%s, %d pending", got, d.Pending())
	}
	b.start()
	update(t, d, set("/d", "1"))
	if got := string(b.join().Get()); got != `{"a":1,"b":1,"d":1}` {
		t.Errorf("the server has %s", got)
	}
}

// TestUpdateErrors: what the function returns ends the transaction, the first
// time and when it runs again; what changes nothing is not stored.
func TestUpdateErrors(t *testing.T) {
	b := startBackend(t)
	d := b.join()
	errNo := errors.New("no")
	if _, err := d.Update(testContext(t), func(tx *doc.Tx) error {
		return errors.Join(set("/a", "1")(tx), errNo)
	}); !errors.Is(err, errNo) {
		t.Errorf("the error is %v", err)
	}
	rev := update(t, d, set("/a", "1"))
	if same := update(t, d, set("/a", "1")); same != rev {
		t.Errorf("a transaction that changes nothing is at %d, the document at %d", same, rev)
	}
	// Made offline, on what has changed since.
	offline := d
	other := b.join()
	c := b.connect()
	var err error
	if offline, err = c.Open(testContext(t), board); err != nil {
		t.Fatal(err)
	}
	c.SetOffline(true)
	waiting := async(func() error {
		_, err := offline.Update(testContext(t), func(tx *doc.Tx) error {
			if value, _ := tx.Get("/a"); string(value) != "1" {
				return errNo
			}
			return tx.Set("/a", []byte("2"))
		})
		return err
	})
	waitPending(t, offline, 1)
	update(t, other, set("/a", "7"))
	c.SetOffline(false)
	if err := settles(t, "Update", waiting); !errors.Is(err, errNo) {
		t.Errorf("the error of the second run is %v", err)
	}
	if got := string(offline.Get()); got != `{"a":7}` {
		t.Errorf("the document is %s", got)
	}
}

// TestPatchAtRace: of several patches for one revision one wins, and the others
// are told that the document has moved.
func TestPatchAtRace(t *testing.T) {
	b := startBackend(t)
	docs := []*client.Doc{b.join(), b.join(), b.join()}
	for round := range 20 {
		rev := update(t, docs[0], set("/round", fmt.Sprint(round)))
		var wg sync.WaitGroup
		errs := make([]error, len(docs))
		revs := make([]record.Revision, len(docs))
		for i, d := range docs {
			waitRevision(t, d, rev)
			wg.Go(func() {
				revs[i], errs[i] = d.PatchAt(testContext(t), rev, patch(t, fmt.Sprintf(`{"winner":"%d of %d"}`, i, round)))
			})
		}
		wg.Wait()
		winner := -1
		for i, err := range errs {
			switch {
			case err == nil && winner >= 0:
				t.Fatalf("round %d: %d and %d both won", round, winner, i)
			case err == nil:
				winner = i
			case !errors.Is(err, client.ErrMoved):
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if winner < 0 {
			t.Fatalf("round %d: nobody won", round)
		}
		if got, want := string(docs[winner].Get()), fmt.Sprintf(`{"round":%d,"winner":"%d of %d"}`, round, winner, round); got != want {
			t.Fatalf("the document is %s, want %s", got, want)
		}
		if _, err := docs[winner].PatchAt(testContext(t), rev, patch(t, `{"late":1}`)); !errors.Is(err, client.ErrMoved) {
			t.Fatalf("an old revision: %v", err)
		}
		for _, d := range docs {
			waitRevision(t, d, revs[winner])
		}
	}
	if _, err := docs[0].Patch(testContext(t), patch(t, `{"round":null,"winner":null}`)); err != nil {
		t.Fatal(err)
	}
	if got := string(docs[0].Get()); got != `{}` {
		t.Errorf("the document is %s", got)
	}
}

// waitRevision waits until a document has read up to a revision.
func waitRevision(t testing.TB, d *client.Doc, rev record.Revision) {
	t.Helper()
	w := d.Watch()
	defer w.Close()
	for d.Position().Revision < rev {
		if _, err := w.Next(testContext(t)); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOpen returns the same document each time, and refuses what is no key.
func TestOpen(t *testing.T) {
	b := startBackend(t)
	c := b.connect()
	first, err := c.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := c.Open(testContext(t), board); err != nil || again != first {
		t.Errorf("opened again: %p, %v, want %p", again, err, first)
	}
	if first.Key() != board || first.Position().Revision != 0 {
		t.Errorf("%s at %s", first.Key(), first.Position())
	}
	var bad *client.DocError
	if _, err := c.Open(testContext(t), record.Key{Space: "no key", ID: "x"}); !errors.As(err, &bad) || bad.Code != wire.CodeBadKey {
		t.Errorf("a key that is none: %v", err)
	}
	update(t, first, set("/a", "1")) // the connection is still good
	first.Read(func(view *doc.Doc) {
		if value, _ := view.Get("/a"); string(value) != "1" {
			t.Errorf("read %s", value)
		}
	})
}
