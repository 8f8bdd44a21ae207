package host_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func account(i int) record.Key { return record.Key{Space: "bank", ID: fmt.Sprint("a", i)} }

// transfer moves money from one document to another.
func transfer(txs []*doc.Tx) error {
	if _, err := txs[0].Add("/n", -1); err != nil {
		return err
	}
	_, err := txs[1].Add("/n", 1)
	return err
}

func (w *world) transact(fn func([]*doc.Tx) error, keys ...record.Key) []record.Revision {
	w.t.Helper()
	revs, err := w.registry.Transact(testContext(w.t), keys, w.client(200), fn)
	if err != nil {
		w.t.Fatal(err)
	}
	return revs
}

func TestTransact(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(account(1)), w.join(account(2))
	revs := w.transact(transfer, account(2), account(1))
	equal(t, "record", a.deltas(), `{"n":1}`)
	equal(t, "record", b.deltas(), `{"n":-1}`)
	if !slices.Equal(revs, []record.Revision{b.at.Revision, a.at.Revision}) {
		t.Errorf("revisions %d, the records are at %d and %d", revs, b.at.Revision, a.at.Revision)
	}
	// What fails has changed nothing, however it fails, and holds up nobody.
	unwanted := errors.New("unwanted")
	for name, fail := range map[string]func() error{
		"error": func() error { return unwanted },
		"panic": func() error { panic(unwanted) },
	} {
		func() {
			defer func() { recover() }() //nolint:errcheck // the function's own
			_, err := w.registry.Transact(testContext(t), []record.Key{account(1), account(2)}, w.client(200), func(txs []*doc.Tx) error {
				if err := transfer(txs); err != nil {
					return err
				}
				return fail()
			})
			if name == "error" && !errors.Is(err, unwanted) {
				t.Errorf("%s: %v", name, err)
			}
		}()
		for _, m := range []*member{a, b} {
			m.edit(fmt.Sprintf(`{"after":%q}`, name))
			equal(t, "record", m.deltas(), fmt.Sprintf(`{"after":%q}`, name))
		}
	}
	// A document that is only read gets a record: that nobody else writes it is part of it.
	revs = w.transact(func(txs []*doc.Tx) error {
		n, _ := txs[0].Get("/n")
		return txs[1].Set("/seen", n)
	}, account(1), account(2))
	equal(t, "record", a.deltas(), `{}`)
	equal(t, "record", b.deltas(), `{"seen":1}`)
	// One that changes nothing leaves no trace.
	again := w.transact(func([]*doc.Tx) error { return nil }, account(1), account(2))
	if !slices.Equal(revs, again) {
		t.Errorf("at %d after nothing, before it at %d", again, revs)
	}
	for name, keys := range map[string][]record.Key{
		"none": nil, "twice": {account(1), account(1)}, "two spaces": {account(1), board},
	} {
		if _, err := w.registry.Transact(testContext(t), keys, w.client(200), transfer); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestL8_TransfersOnTwoNodes: transactions over random documents on two nodes, beside
// edits of single ones, by programs and by clients. The sum stays what it is, and every
// transaction that is said to be done has happened once.
func TestL8_TransfersOnTwoNodes(t *testing.T) {
	t.Parallel()
	a := newWorld(t)
	b := worldOn(t, a.node).others()
	const accounts, each = 4, 25
	var wg sync.WaitGroup
	for i, w := range []*world{a, b, a, b} {
		random := rand.New(rand.NewPCG(3, uint64(i)))
		wg.Go(func() {
			for range each {
				from := random.IntN(accounts)
				to := (from + 1 + random.IntN(accounts-1)) % accounts
				_, err := w.registry.Transact(testContext(t), []record.Key{account(from), account(to)}, w.client(byte(100+i)), transfer)
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
		wg.Go(func() {
			h, err := w.registry.Attach(account(i), w.client(byte(150+i)))
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Close()
			for range each {
				if _, err := h.Run(testContext(t), func(tx *doc.Tx) error { _, err := tx.Add("/edits", 1); return err }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	sum, edits := 0, 0
	for i := range accounts {
		view := doc.Open([]byte(a.read(account(i)).state))
		sum += number(view, "/n")
		edits += number(view, "/edits")
	}
	equal(t, "sum", sum, 0)
	equal(t, "edits", edits, 4*each)
}

func number(d *doc.Doc, p delta.Pointer) int {
	n, _ := strconv.Atoi(d.Value(p).Raw())
	return n
}

// TestL3_TransactionSubmittedTwice: a client's transaction that is submitted again, by another
// connection or at another node, has one effect; another one under its number is refused.
func TestL3_TransactionSubmittedTwice(t *testing.T) {
	w := newWorld(t)
	other := worldOn(t, w.node).others()
	id := record.MutationID{Number: 5, Nonce: 77}
	submit := func(in *world, id record.MutationID, patch string) ([]record.Revision, error) {
		var parts []host.Part
		for i := range 2 {
			m := in.join(account(i))
			defer m.handle.Close()
			parts = append(parts, host.Part{
				Handle: m.handle, Base: m.at.Revision, Delta: delta.Trusted([]byte(patch)), Reads: []delta.Read{value("/n")},
			})
		}
		return in.registry.Submit(testContext(t), w.client(1).id, id, parts)
	}
	if _, err := submit(w, id, `{"n":1}`); err != nil {
		t.Fatal(err)
	}
	for _, in := range []*world{w, other} {
		if _, err := submit(in, id, `{"n":1}`); err != nil {
			t.Errorf("again: %v", err)
		}
		var refused *host.PartError
		if _, err := submit(in, record.MutationID{Number: 5, Nonce: 78}, `{"n":2}`); !errors.As(err, &refused) || refused.Code != wire.CodeUnknownMutation {
			t.Errorf("another one under its number: %v", err)
		}
	}
	if _, err := submit(other, record.MutationID{Number: 9, Nonce: 1}, `{"n":2}`); err != nil {
		t.Error(err)
	}
	for i := range 2 {
		equal(t, "records", len(w.read(account(i)).records), 2)
	}
}

// TestL8_TransactionOnAnOldBase: what was written since to anything that any part has read
// is a conflict of all of it, and nothing is stored.
func TestL8_TransactionOnAnOldBase(t *testing.T) {
	w := newWorld(t)
	a, b := w.join(account(1)), w.join(account(2))
	parts := []host.Part{
		{Handle: a.handle, Base: a.at.Revision, Delta: delta.Trusted([]byte(`{"n":1}`)), Reads: []delta.Read{value("/n")}},
		{Handle: b.handle, Base: b.at.Revision, Delta: delta.Trusted([]byte(`{"n":1}`)), Reads: []delta.Read{value("/n")}},
	}
	b.edit(`{"n":7}`)
	b.deltas()
	id := record.MutationID{Number: 1, Nonce: 1}
	if _, err := w.registry.Submit(testContext(t), a.id, id, parts); !errors.Is(err, host.ErrConflict) {
		t.Errorf("on an old base: %v", err)
	}
	equal(t, "records of the other", len(w.read(account(1)).records), 0)
	parts[1].Base = b.at.Revision
	revs, err := w.registry.Submit(testContext(t), a.id, id, parts)
	if err != nil || len(revs) != 2 {
		t.Fatal(revs, err)
	}
	equal(t, "record", a.deltas(), `{"n":1}`)
	equal(t, "record", b.deltas(), `{"n":1}`)
	parts[0].Base = a.at.Revision
	w.remove(account(2))
	var refused *host.PartError
	if _, err := w.registry.Submit(testContext(t), a.id, record.MutationID{Number: 2, Nonce: 1}, parts); !errors.As(err, &refused) || refused.Code != wire.CodeDeleted {
		t.Errorf("on a document that was deleted: %v", err)
	}
}

// TestL10_OneDocumentOfATransactionIsHeldUp: while one document cannot be appended to,
// the other one is not held up, though a transaction waits for both.
func TestL10_OneDocumentOfATransactionIsHeldUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.join(account(1)), w.join(account(2))
	held := w.log.hold(t, account(2))
	b.edit(`{"x":1}`)
	held.wait(t)
	done := make(chan error, 1)
	go func() {
		_, err := w.registry.Transact(testContext(t), []record.Key{account(1), account(2)}, w.client(200), transfer)
		done <- err
	}()
	for i := range 20 {
		a.edit(fmt.Sprintf(`{"i":%d}`, i))
		equal(t, "record", a.deltas(), fmt.Sprintf(`{"i":%d}`, i))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := w.registry.Transact(ctx, []record.Key{account(1), account(2)}, w.client(201), transfer); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who has no more time: %v", err)
	}
	w.log.release(account(2))
	if err := <-done; err != nil {
		t.Error(err)
	}
	equal(t, "record", b.deltas(), `{"x":1}`)
	equal(t, "record", b.deltas(), `{"n":1}`)
	equal(t, "record", a.deltas(), `{"n":-1}`)
}
