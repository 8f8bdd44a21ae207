package server_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func wantState(t *testing.T, d *server.Document, want string) server.State {
	t.Helper()
	state, err := d.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(state.JSON) != want {
		t.Fatalf("the document is %s, want %s", state.JSON, want)
	}
	return state
}

func patch(t testing.TB, d *server.Document, text string) record.Revision {
	t.Helper()
	rev, err := d.Patch(t.Context(), []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

func count(tx *doc.Tx) error {
	_, err := tx.Add("/n", 1)
	return err
}

func TestDocument(t *testing.T) {
	srv := start(t, server.Config{})
	d := srv.Doc(board)
	if at := wantState(t, d, `{}`).At; at.Revision != 0 {
		t.Errorf("a document that was never written is at %s", at)
	}
	first := patch(t, d, `{"title":"Plans"}`)
	second, err := d.Update(t.Context(), count)
	if err != nil {
		t.Fatal(err)
	}
	if at := wantState(t, d, `{"n":1,"title":"Plans"}`).At; at.Revision != second || second <= first {
		t.Errorf("at %s after r%d and r%d", at, first, second)
	}
	// Nothing changed: there is no record, and the revision is that of what was seen.
	if rev := patch(t, d, `{"n":1}`); rev != second {
		t.Errorf("r%d for nothing, want r%d", rev, second)
	}
	if _, err := d.Patch(t.Context(), []byte(`{"a":1,"a":2}`)); err == nil {
		t.Error("a malformed patch was taken")
	}
	unwanted := errors.New("unwanted")
	if _, err := d.Update(t.Context(), func(tx *doc.Tx) error {
		if err := tx.Set("/half", []byte("true")); err != nil {
			return err
		}
		return unwanted
	}); !errors.Is(err, unwanted) {
		t.Errorf("Update returns %v", err)
	}
	wantState(t, d, `{"n":1,"title":"Plans"}`)
}

// TestL3_L8_UpdatesCount: server and browsers increment one counter as fast as they
// can, at once. Nothing is lost, and nothing is counted twice.
func TestL3_L8_UpdatesCount(t *testing.T) {
	srv := start(t, server.Config{})
	const writers, each = 8, 100
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			if w%2 == 0 {
				d := srv.Doc(board)
				for range each {
					if _, err := d.Update(t.Context(), count); err != nil {
						t.Error(err)
					}
				}
				return
			}
			d := open(t, connect(t, srv.URL()), board)
			for range each {
				if _, err := d.Update(t.Context(), count); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	wantState(t, srv.Doc(board), fmt.Sprintf(`{"n":%d}`, writers*each))
}

// TestUpdateThatPanics: the panic is its caller's, and the document goes on.
func TestUpdateThatPanics(t *testing.T) {
	d := start(t, server.Config{}).Doc(board)
	func() {
		defer func() {
			if r := recover(); r != "boom" {
				t.Errorf("recovered %v", r)
			}
		}()
		_, _ = d.Update(t.Context(), func(tx *doc.Tx) error {
			if err := tx.Set("/half", []byte("true")); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	done := make(chan struct{})
	go func() { // as t.FailNow ends a goroutine
		defer close(done)
		_, _ = d.Update(context.Background(), func(*doc.Tx) error { goexit(); return nil })
	}()
	<-done
	patch(t, d, `{"a":1}`)
	wantState(t, d, `{"a":1}`)
}

func TestUpdateGivenUp(t *testing.T) {
	d := start(t, server.Config{}).Doc(board)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	inside, release := make(chan struct{}), make(chan struct{})
	go func() {
		_, err := d.Update(t.Context(), func(tx *doc.Tx) error {
			close(inside)
			<-release
			return tx.Set("/slow", []byte("1"))
		})
		if err != nil {
			t.Error(err)
		}
	}()
	<-inside
	result := make(chan error)
	go func() {
		_, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("/never", []byte("1")) })
		result <- err
	}()
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("Update returns %v", err)
	}
	close(release)
	patch(t, d, `{"after":1}`)
	wantState(t, d, `{"after":1,"slow":1}`)
}

func TestL9_UpdateTooLarge(t *testing.T) {
	d := start(t, server.Config{Documents: host.Config{MaxDocument: 2000}}).Doc(board)
	patch(t, d, `{"a":1}`)
	for _, size := range []int{3000, 2 << 20} {
		value := append(append([]byte(`{"large":"`), bytes.Repeat([]byte{'x'}, size)...), `"}`...)
		if _, err := d.Patch(t.Context(), value); !errors.Is(err, host.ErrTooLarge) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
	wantState(t, d, `{"a":1}`)
}

// TestL4_WatchFollows: what Watch tells adds up to the document, whoever writes and
// however slowly it is read.
func TestL4_WatchFollows(t *testing.T) {
	t.Parallel()
	srv := start(t, server.Config{})
	d := srv.Doc(board)
	patch(t, d, `{"before":true}`)
	const writes = 300
	for _, slow := range []bool{false, true} {
		t.Run(strconv.FormatBool(slow), func(t *testing.T) {
			end := fmt.Sprintf("end-%t", slow)
			started := make(chan struct{})
			go func() {
				<-started
				large := bytes.Repeat([]byte{'x'}, 30<<10)
				for n := range writes {
					if _, err := d.Patch(t.Context(), fmt.Appendf(nil, `{"k%d":"%s%d"}`, n%20, large, n)); err != nil {
						t.Error(err)
					}
				}
				patch(t, d, `{"`+end+`":true}`)
			}()
			var view *doc.Doc
			states, last := 0, record.Revision(0)
			for change, err := range d.Watch(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if change.Revision < last || change.Revision == last && change.State == nil {
					t.Fatalf("r%d after r%d", change.Revision, last)
				}
				last = change.Revision
				if change.State != nil {
					states++
					if view, err = doc.Parse(change.State); err != nil {
						t.Fatal(err)
					}
				}
				for _, p := range change.Deltas {
					view.Apply(p)
				}
				if states == 1 && last <= change.Revision && !isClosed(started) {
					close(started)
					if slow {
						for { // until more waits than is kept
							state, err := d.Get(t.Context())
							if err != nil {
								t.Fatal(err)
							}
							if bytes.Contains(state.JSON, []byte(end)) {
								break
							}
						}
					}
				}
				if view.Value(delta.Pointer("/" + end)).Present() {
					break
				}
			}
			state, err := d.Get(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if got := view.Canonical(); !bytes.Equal(got, state.JSON) {
				t.Errorf("the changes add up to %d bytes, the document has %d", len(got), len(state.JSON))
			}
			if slow == (states == 1) {
				t.Errorf("%d states", states)
			}
		})
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestL12_WatchFolded: who reads slowly what is written at one place is told what all of it
// amounts to, and nothing of the rest of the document.
func TestL12_WatchFolded(t *testing.T) {
	d := start(t, server.Config{Documents: host.Config{KeepBytes: 16 << 20}}).Doc(board)
	patch(t, d, fmt.Sprintf(`{"filler":%q}`, strings.Repeat("x", 300_000)))
	var view *doc.Doc
	folded := 0
	for change, err := range d.Watch(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if change.State != nil {
			if view != nil {
				t.Fatal("told the state again")
			}
			view = doc.Open(change.State)
			for n := range 320 { // more than waits for a reader
				patch(t, d, fmt.Sprintf(`{"drag":{"n":%d,"trail":%q}}`, n, strings.Repeat(strconv.Itoa(n%10), 15_000)))
			}
			patch(t, d, `{"drag":null,"end":true}`)
		}
		for _, p := range change.Deltas {
			view.Apply(p)
		}
		if change.Folded {
			folded++
			if !change.Time.IsZero() || change.Deleted || len(change.Deltas) != 2 {
				t.Errorf("the change is %+v", change)
			}
		}
		if view.Value("/end").Present() {
			break
		}
	}
	state, err := d.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := view.Canonical(); folded != 1 || !bytes.Equal(got, state.JSON) {
		t.Errorf("%d times folded: %d bytes, the document has %d", folded, len(got), len(state.JSON))
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	d := start(t, server.Config{}).Doc(board)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range d.Watch(ctx) {
		if err == nil {
			cancel()
		} else if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
}

func TestDocumentOfThePast(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	d := start(t, server.Config{Documents: host.Config{Clock: func() time.Time {
		now = now.Add(time.Second)
		return now
	}}}).Doc(board)
	var revs []record.Revision
	for n := range 5 {
		revs = append(revs, patch(t, d, fmt.Sprintf(`{"n":%d}`, n)))
	}
	for n, rev := range revs {
		want := fmt.Sprintf(`{"n":%d}`, n)
		state, err := d.At(t.Context(), rev)
		if err != nil || string(state.JSON) != want || state.At.Revision != rev {
			t.Errorf("at r%d: %s %s, %v", rev, state.At, state.JSON, err)
		}
		state, err = d.AtTime(t.Context(), time.UnixMilli(1_000_000+int64(n+1)*1000+500))
		if err != nil || string(state.JSON) != want {
			t.Errorf("%d s later: %s, %v", n+1, state.JSON, err)
		}
	}
	if _, err := d.At(t.Context(), revs[0]-1); !errors.Is(err, server.ErrNoRevision) {
		t.Errorf("before its first revision: %v", err)
	}
	if _, err := d.AtTime(t.Context(), time.UnixMilli(0)); !errors.Is(err, server.ErrNoRevision) {
		t.Errorf("before its time: %v", err)
	}
}

// TestL7_Transact: two documents change together, and a function that fails changes none.
func TestL7_Transact(t *testing.T) {
	srv := start(t, server.Config{})
	a, b := record.Key{Space: "bank", ID: "ann"}, record.Key{Space: "bank", ID: "bob"}
	transfer := func(n int64) error {
		_, err := srv.Transact(t.Context(), []record.Key{a, b}, func(txs []*doc.Tx) error {
			if left, err := txs[0].Add("/balance", -n); err != nil || left < 0 {
				return errors.Join(err, errors.New("not enough"))
			}
			_, err := txs[1].Add("/balance", n)
			return err
		})
		return err
	}
	patch(t, srv.Doc(a), `{"balance":10}`)
	if err := transfer(7); err != nil {
		t.Fatal(err)
	}
	if err := transfer(7); err == nil || err.Error() != "not enough" {
		t.Errorf("a second one: %v", err)
	}
	wantState(t, srv.Doc(a), `{"balance":3}`)
	wantState(t, srv.Doc(b), `{"balance":7}`)
}

func goexit() { runtime.Goexit() }
