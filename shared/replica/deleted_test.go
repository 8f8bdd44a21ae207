package replica_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// deletion appends the record that deletes the document.
func (s *stage) deletion(patch string) (record.Revision, []byte) {
	s.t.Helper()
	rec := record.Record{
		Epoch: s.at.Epoch, Prev: s.at.Revision, PrevChain: s.at.Chain, Time: 1,
		Kind: record.KindDeletion, Mutations: []record.Mutation{by(other, record.MutationID{Number: 1, Nonce: 1}, patch)},
	}
	data, err := rec.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	s.at.Revision += 10
	s.at.Chain = record.ChainOf(data)
	return s.at.Revision, data
}

func (s *stage) delete(patch string) {
	s.t.Helper()
	rev, data := s.deletion(patch)
	s.say(&wire.Commit{Doc: s.number, Revision: rev, Record: data})
	if !s.doc.Deleted() {
		s.t.Fatal("it is not deleted")
	}
}

func (s *stage) wantDeleted(tags ...uint64) {
	s.t.Helper()
	for _, tag := range tags {
		wantRejected(s.t, s.settled[tag], wire.CodeDeleted)
	}
}

// TestL3_PendingWhenTheDocumentIsDeleted: what was made before a deletion is over, sent
// or not, whether it could be run again or not. What is made after it is as any other.
func TestL3_PendingWhenTheDocumentIsDeleted(t *testing.T) {
	s := newLive(t, `{"a":1,"b":{"c":2}}`)
	sent := s.edit("/b/c=3")
	once := s.editOnce("?/a", "/d=4")
	s.delete(`{"a":null,"b":null}`)
	s.wantDeleted(sent, once)
	s.wantView(`{}`)
	s.reject(1, wire.CodeDeleted) // the server says so, too
	s.reject(0, wire.CodeDeleted)
	s.wantView(`{}`)
	again := s.edit("/e=5")
	s.wantOpen(again)
	s.wantView(`{"e":5}`)
	s.commit(s.mine(0))
	s.wantSettled(again, s.at.Revision)
	if s.doc.Deleted() {
		t.Error("it is deleted, though it was made again")
	}
}

// TestL3_DeletedWhileAway: a client comes back to a snapshot of a document that was
// deleted while it was away, and made again by others. What it made offline does not come
// back, what the log had taken before is there.
func TestL3_DeletedWhileAway(t *testing.T) {
	s := newLive(t, `{"a":1}`)
	stored := s.edit("/b=2")
	s.disconnect()
	_, _ = s.record(s.mine(0))
	last := s.mine(0).ID
	offline := s.edit("/c=3")
	gone, _ := s.deletion(`{"a":null,"b":null}`)
	s.record(by(other, record.MutationID{Number: 2, Nonce: 2}, `{"new":1}`))
	s.connect()
	s.say(&wire.Opened{
		Request: s.asked, Doc: s.number, At: s.at, Head: s.at.Revision, Snapshot: []byte(`{"new":1}`), Last: last, Deleted: gone,
	})
	if outcome := s.settled[stored]; outcome.Err != nil {
		t.Errorf("what the log had taken: %+v", outcome)
	}
	s.wantDeleted(offline)
	s.wantView(`{"new":1}`)
	s.wantPushed()
}
