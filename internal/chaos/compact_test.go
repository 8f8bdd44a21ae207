package chaos_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// keep is for how long every revision can be read in the test of compaction.
const keep = 3 * time.Second

// TestL1_L2_L3_CompactedAndKilledInALoop: two servers compact the log at once, and in the
// middle of it one of them, or the NATS that both are on, is killed and started again.
// What is as old as may be forgotten is gone in the end, and nothing else; servers that
// have nothing but what is left of the log go on.
func TestL1_L2_L3_CompactedAndKilledInALoop(t *testing.T) {
	s := newScene(t)
	s.nats = []*process{launch(t, "NATS", role{Data: t.TempDir()})}
	s.pair(role{Keep: keep}, directly)
	s.witness = newWitness(s)
	s.run(func(round int) {
		s.compact()
		s.crowd.acknowledge(s.rand.IntN(maxAcknowledged / 3))
		victim := s.victims()[round%3]
		victim.kill()
		s.meanwhile()
		victim.start()
	})
	begun, ended := 0, 0
	for _, n := range s.nodes {
		begun += n.logs.count(compactionBegins)
		ended += n.logs.count(compactionEnds)
	}
	t.Logf("%d compactions began and %d ended", begun, ended)
}

// compact has the log read, and all servers compact it, without waiting for that.
func (s *scene) compact() {
	s.t.Helper()
	s.witness.read()
	s.witness.look(s.rand.IntN(documents))
	for _, n := range s.nodes {
		n.tell(fmt.Sprint(s.witness.audited.UnixMilli()))
	}
}

// outlive waits until the log has forgotten all that the crowd has written.
func (s *scene) outlive() {
	s.t.Helper()
	timeout := time.After(within)
	last := uint64(math.MaxUint64)
	for {
		node := s.nodes[s.rand.IntN(len(s.nodes))]
		ended := node.logs.count(compactionEnds)
		s.compact()
		state := s.witness.info().State
		if last = min(last, state.LastSeq); state.FirstSeq > last {
			break
		}
		for more := node.logs.next(); node.logs.count(compactionEnds) == ended; more = node.logs.next() {
			select {
			case <-more:
			case <-timeout:
				s.t.Fatalf("after %v the log still has what is before %d: %+v", within, last, state)
			}
		}
	}
	var all sync.WaitGroup
	for n := range documents {
		all.Go(func() { s.witness.look(n) })
	}
	all.Wait()
}

// witness reads the log so often that nothing is forgotten which it has not read.
type witness struct {
	t    *testing.T
	ctx  context.Context
	node *natsd.Node
	log  *deltalog.Log
	past map[record.Key]*past
	// audited is a time: what was stored before it was read.
	audited time.Time
}

// past is what was read of a document.
type past struct {
	tail    deltalog.Tail
	entries []deltalog.Entry
}

func newWitness(s *scene) *witness {
	w := &witness{t: s.t, ctx: s.crowd.ctx, past: make(map[record.Key]*past)}
	for n := range documents {
		w.past[keyOf(n)] = &past{}
	}
	for n := range pairs {
		for _, key := range pairOf(n) {
			w.past[key] = &past{}
		}
	}
	w.node, w.log = openLog(w.ctx, s.t, natsd.Config{URL: s.natsURL()})
	s.t.Cleanup(func() { w.node.Close() }) //nolint:errcheck // it was only read
	return w
}

// read reads what is new.
func (w *witness) read() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, within)
	defer cancel()
	now := time.Now()
	var all sync.WaitGroup
	for key := range w.past {
		all.Go(func() { // each has to wait for who writes
			if err := w.readOn(ctx, key); err != nil {
				w.t.Error(err)
			}
		})
	}
	all.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
	w.audited = now
}

// readOn reads what is new of a document.
func (w *witness) readOn(ctx context.Context, key record.Key) (err error) {
	p := w.past[key]
	p.tail, err = w.log.Replay(ctx, key, p.tail, func(e deltalog.Entry) error {
		if e.Base != nil {
			return fmt.Errorf("%s: what is before %s was forgotten too early", key, e.Position)
		}
		p.entries = append(p.entries, e)
		return nil
	})
	return err
}

// replay passes what was ever read of a document.
func (w *witness) replay(ctx context.Context, key record.Key, fn func(deltalog.Entry) error) error {
	if err := w.readOn(ctx, key); err != nil {
		return err
	}
	for _, e := range w.past[key].entries {
		if err := fn(e); err != nil {
			return err
		}
	}
	return nil
}

// look reads a document from its beginning, as far as that is there: a base takes the
// place of records that were there, and no record is missing that is to be kept.
func (w *witness) look(n int) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, within)
	defer cancel()
	key := keyOf(n)
	var found []record.Position
	_, err := w.log.Replay(ctx, key, deltalog.Tail{}, func(e deltalog.Entry) error {
		found = append(found, e.Position)
		return nil
	})
	if err != nil {
		w.t.Error(err)
		return
	}
	forgotten := time.Now().Add(-keep)
	var all []record.Position
	for _, e := range w.past[key].entries {
		all = append(all, e.Position)
		if e.Modified().After(forgotten) && !slices.Contains(found, e.Position) {
			w.t.Errorf("%s: the record at %s, of %s ago, is not there any more", key, e.Position, time.Since(e.Modified()))
		}
	}
	if len(found) > 0 && len(all) > 0 && found[0].Revision <= all[len(all)-1].Revision && !slices.Contains(all, found[0]) {
		w.t.Errorf("%s begins at %s, where it never was", key, found[0])
	}
}

// stream is the one with all documents.
func (w *witness) stream() jetstream.Stream {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, within)
	defer cancel()
	stream, err := w.node.JetStream().Stream(ctx, deltalog.Stream(keyOf(0)))
	if err != nil {
		w.t.Fatal(err)
	}
	return stream
}

func (w *witness) info(opts ...jetstream.StreamInfoOpt) *jetstream.StreamInfo {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, within)
	defer cancel()
	info, err := w.stream().Info(ctx, opts...)
	if err != nil {
		w.t.Fatal(err)
	}
	return info
}

// nothingIsEmpty looks for documents of which the log has nothing left.
func (w *witness) nothingIsEmpty() {
	w.t.Helper()
	left := w.info(jetstream.WithSubjectFilter(">")).State.Subjects
	for key, p := range w.past {
		if len(p.entries) > 0 && left[deltalog.Subject(key)] == 0 {
			w.t.Errorf("of %s nothing is left", key)
		}
	}
}

// wipe forgets all snapshots.
func (w *witness) wipe() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, within)
	defer cancel()
	snapshots, err := w.node.JetStream().Stream(ctx, "RV_SNAPSHOTS")
	if err == nil {
		err = snapshots.Purge(ctx)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}
