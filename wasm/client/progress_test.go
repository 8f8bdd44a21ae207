//go:build !js

package client_test

import (
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// blind looks at nothing.
type blind struct{}

func (blind) Reset([]byte)                              {}
func (blind) Patched(delta.Delta)                       {}
func (blind) Changed()                                  {}
func (blind) Committed(record.Position, *record.Record) {}
func (blind) Settled(uint64, replica.Outcome)           {}
func (blind) Peer(record.ClientID, []byte)              {}
func (blind) Failed(wire.Code, string)                  {}

// TestLinkBackoffOfUsefulConnections: connections that are cut at once all the time, but
// bring an edit into the log each, are made again as soon as ever. Those that bring
// nothing are failures, though a document was opened on them.
func TestLinkBackoffOfUsefulConnections(t *testing.T) {
	s := newScene()
	s.random = 1
	d := s.Engine().Open(board, blind{})
	s.Start()
	at := record.Position{Epoch: 1, Revision: 10, Chain: 7}
	var wait time.Duration
	for n := range uint32(12) {
		useful := n >= 6
		s.Dialed(nil)
		s.welcome()
		opened := &wire.Opened{Request: n + 1, Doc: 5, At: at, Head: at.Revision}
		if n == 0 {
			opened.Snapshot = []byte(`{}`)
		}
		s.Received(wire.Encode(opened))
		if useful {
			if _, err := d.Mutate(1, func(v *doc.Doc) (doc.Change, error) {
				return v.Update(func(tx *doc.Tx) error { _, err := tx.Add("/n", 1); return err })
			}, nil); err != nil {
				t.Fatal(err)
			}
			id := record.MutationID{Number: uint64(n - 5), Nonce: s.random}
			rec := record.Record{Epoch: 1, Prev: at.Revision, PrevChain: at.Chain, Mutations: []record.Mutation{
				{Client: record.ClientID{1}, ID: id, Delta: []byte(`{"n":1}`)},
			}}
			data, err := rec.Encode()
			if err != nil {
				t.Fatal(err)
			}
			at = record.Position{Epoch: 1, Revision: at.Revision + 1, Chain: record.ChainOf(data)}
			s.Received(wire.Encode(&wire.Commit{Doc: 5, Revision: at.Revision, Record: data}))
			if d.Pending() != 0 {
				t.Fatal("the edit is still pending")
			}
		}
		s.Dropped(-1, "at once")
		before := wait
		wait = s.State().RetryIn
		switch {
		case useful && wait > 100*time.Millisecond:
			t.Fatalf("waits %s after a connection that was of use", wait)
		case !useful && n > 0 && n < 5 && wait <= before:
			t.Fatalf("waits %s after a connection that was of no use, and %s before", wait, before)
		}
		s.Woke()
	}
}
