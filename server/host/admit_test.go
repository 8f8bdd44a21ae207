package host_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// admitted is who admits in these tests.
var admitted = record.ClientID{0xad}

// admit adds patches to the head of a document, numbered from a number on.
func (w *world) admit(from uint64, patches ...string) (record.Revision, error) {
	return w.registry.Admit(testContext(w.t), account(1), admitted, func(f *host.Front) error {
		for i, text := range patches {
			patch, err := delta.Parse([]byte(text))
			if err != nil {
				return err
			}
			if err := f.Add(record.MutationID{Number: from + uint64(i), Nonce: 7}, patch); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestAdmit adds mutations at the head, in one record, which those who have the document open are
// sent, and sees what is in the log before them.
func TestAdmit(t *testing.T) {
	w := newWorld(t)
	a := w.join(account(1))
	a.edit(`{"n":1}`)
	equal(t, "record", a.deltas(), `{"n":1}`)
	first := a.at.Revision
	rev, err := w.admit(1, `{"n":2}`, `{"m":1}`)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "record", a.deltas(), `{"n":2}{"m":1}`)
	equal(t, "revision", rev, a.at.Revision)
	if rev, err := w.admit(3); rev != 0 || err != nil {
		t.Errorf("nothing was added, and that is at %d: %v", rev, err)
	}
	var seen []string
	if _, err := w.registry.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
		equal(t, "head", f.Revision(), rev)
		equal(t, "deleted", f.Deleted(), 0)
		equal(t, "last", f.Last(), record.MutationID{Number: 2, Nonce: 7})
		if !f.After(first-1, func(rev record.Revision, m record.Mutation) { seen = append(seen, string(m.Delta)) }) {
			t.Error("what was just written is not known")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	equal(t, "seen", strings.Join(seen, " "), `{"n":1} {"n":2} {"m":1}`)
}

// TestAdmitThatFails leaves the document as it was, and to others.
func TestAdmitThatFails(t *testing.T) {
	w := newWorld(t, func(cfg *host.Config) { cfg.MaxDocument = 100 })
	a := w.join(account(1))
	unwanted := errors.New("unwanted")
	add := func(fail func() error) (err error) {
		defer func() {
			if r := recover(); r != nil {
				err = r.(error) //nolint:forcetypeassert // it is this test's
			}
		}()
		_, err = w.registry.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
			if err := f.Add(record.MutationID{Number: 1}, delta.Trusted([]byte(`{"half":1}`))); err != nil {
				return err
			}
			return fail()
		})
		return err
	}
	for name, err := range map[string]error{
		"error": add(func() error { return unwanted }),
		"panic": add(func() error { panic(unwanted) }),
	} {
		if !errors.Is(err, unwanted) {
			t.Errorf("%s: %v", name, err)
		}
	}
	long := `{"long":"` + strings.Repeat("x", 200) + `"}`
	if _, err := w.admit(1, `{"half":1}`, long); !errors.Is(err, host.ErrTooLarge) {
		t.Errorf("a document that is too large: %v", err)
	}
	a.edit(`{"n":1}`)
	equal(t, "record", a.deltas(), `{"n":1}`)
	equal(t, "document", w.read(account(1)).state, `{"n":1}`)
}

// TestAdmitIsRefused where only named mutations are taken, and where there is no room.
func TestAdmitIsRefused(t *testing.T) {
	w := newWorld(t, func(cfg *host.Config) {
		cfg.Policy = func(space string) host.Policy { return host.Only }
	})
	if _, err := w.admit(1, `{"n":1}`); !errors.Is(err, host.ErrMutatorsOnly) {
		t.Error(err)
	}
	w = newWorld(t)
	big := `{"n":"` + strings.Repeat("x", 600<<10) + `"}`
	if _, err := w.admit(1, big, big); !errors.Is(err, host.ErrNoRoom) {
		t.Error(err)
	}
	if _, err := w.admit(1, `{"n":"`+strings.Repeat("x", 1<<20)+`"}`); !errors.Is(err, host.ErrTooLarge) {
		t.Error(err)
	}
}

// TestL3_AdmitAfterAnotherServer: what was decided on a head is not stored on another one.
func TestL3_AdmitAfterAnotherServer(t *testing.T) {
	w := newWorld(t)
	a := w.join(account(1))
	a.edit(`{"n":1}`)
	equal(t, "record", a.deltas(), `{"n":1}`)
	other := host.NewRegistry(host.Config{Log: w.log})
	defer other.Close()
	_, err := w.registry.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
		patch := delta.Trusted([]byte(`{"n":2}`))
		if _, err := other.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
			return f.Add(record.MutationID{Number: 1, Nonce: 1}, patch)
		}); err != nil {
			return err
		}
		return f.Add(record.MutationID{Number: 1, Nonce: 2}, patch)
	})
	var conflict *deltalog.ConflictError
	if !errors.As(err, &conflict) {
		t.Errorf("%v", err)
	}
	equal(t, "record", a.deltas(), `{"n":2}`)
	if _, err := w.admit(2, `{"n":3}`); err != nil {
		t.Error(err)
	}
	equal(t, "record", a.deltas(), `{"n":3}`)
}

// TestL8_AdmitWaitsForATurn: what would write what is reserved for a client waits for that
// client, once; what would not does not.
func TestL8_AdmitWaitsForATurn(t *testing.T) {
	w := reserving(t, time.Hour)
	far, near, other := w.join(account(1)), w.join(account(1)), w.join(account(1))
	all := []*member{far, near, other}
	lose(t, "n", far, near, other)
	lost := near.edit(`{"n":"near"}`, value("/n")) // has the next turn
	if _, err := w.admit(1, `{"elsewhere":1}`); err != nil {
		t.Fatal(err)
	}
	see(t, `{"elsewhere":1}`, all...)
	decided, ended := make(chan struct{}, 2), make(chan error, 1)
	go func() {
		_, err := w.registry.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
			decided <- struct{}{}
			return f.Add(record.MutationID{Number: 2, Nonce: 7}, delta.Trusted([]byte(`{"n":"admitted"}`)))
		})
		ended <- err
	}()
	<-decided
	other.edit(`{"elsewhere":2}`)
	see(t, `{"elsewhere":2}`, all...)
	far.edit(`{"n":"far"}`, value("/n"))
	see(t, `{"n":"far"}`, all...)
	// Now it is the turn of near, which has lost.
	see(t, `{"n":"admitted"}`, far, other)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	equal(t, "decisions", len(decided), 1)
	for reading := true; reading; {
		switch f := near.next().(type) {
		case *wire.Commit:
			equal(t, "record", deltasOf(t, f.Record), `{"n":"admitted"}`)
			reading = false
		case *wire.Conflict:
			equal(t, "conflict", f.ID, lost.ID)
		}
	}
}

// TestL9_AdmitWaitsNoLonger than the reservation lasts whose client gives no answer.
func TestL9_AdmitWaitsNoLonger(t *testing.T) {
	const long = 200 * time.Millisecond
	w := reserving(t, long)
	far, near := w.join(account(1)), w.join(account(1))
	began := lose(t, "n", far, near)
	if _, err := w.admit(1, `{"n":"admitted"}`); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < long {
		t.Errorf("it waited %s: the reservation was passed over", waited)
	}
	see(t, `{"n":"admitted"}`, far, near)
}

// TestL8_AdmitBesideATransaction: a transaction over several documents has what it has borrowed
// to itself.
func TestL8_AdmitBesideATransaction(t *testing.T) {
	w := newWorld(t)
	borrowed, end := make(chan struct{}), make(chan struct{})
	over := make(chan error, 2)
	go func() {
		_, err := w.registry.Transact(testContext(t), []record.Key{account(1), account(2)}, w.client(90), func(txs []*doc.Tx) error {
			close(borrowed)
			<-end
			return errors.Join(txs[0].Set("/n", []byte("1")), txs[1].Set("/n", []byte("1")))
		})
		over <- err
	}()
	<-borrowed
	go func() {
		_, err := w.registry.Admit(testContext(t), account(1), admitted, func(f *host.Front) error {
			seen := 0
			f.After(0, func(record.Revision, record.Mutation) { seen++ })
			if seen != 1 {
				t.Errorf("it sees %d mutations of the transaction", seen)
			}
			return f.Add(record.MutationID{Number: 1, Nonce: 7}, delta.Trusted([]byte(`{"n":2}`)))
		})
		over <- err
	}()
	close(end)
	if err := errors.Join(<-over, <-over); err != nil {
		t.Fatal(err)
	}
	equal(t, "document", w.read(account(1)).state, `{"n":2}`)
}
