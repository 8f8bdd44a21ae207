package deltalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Witness is a message that was read. While the stream has it, what was read before it is
// there, too.
type Witness struct {
	Sequence uint64       `json:"sequence"`
	Chain    record.Chain `json:"chain"` // of its bytes
}

// trail is what a Scanner has read, in witnesses: the last ones, and of older ones ever fewer.
// They are in doubt after a reconnect, a failure, and news that goes back.
type trail struct {
	mu         sync.Mutex
	to         uint64 // up to where was read
	witnesses  []Witness
	reconnects uint64 // of the connection when there was no doubt
	doubtful   bool
}

// maxTrail is how many witnesses there are at most.
const maxTrail = 16

// saw notes up to where was read, and the message there, if it was.
func (t *trail) saw(to uint64, data []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = to
	if data == nil {
		return
	}
	if n := len(t.witnesses); n == maxTrail { // every other one of all but the newest goes
		kept := t.witnesses[:0]
		for i, w := range t.witnesses {
			if i%2 == 0 || i >= n/2 {
				kept = append(kept, w)
			}
		}
		t.witnesses = kept
	}
	t.witnesses = append(t.witnesses, Witness{to, record.ChainOf(data)})
}

// begin takes the first witness, unless there are some meanwhile.
func (t *trail) begin(w Witness) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.witnesses) == 0 {
		t.witnesses = append(t.witnesses, w)
	}
}

func (t *trail) doubt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.doubtful = true
}

func (t *trail) doubted(reconnects uint64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.doubtful || t.reconnects != reconnects
}

// ask returns what is to be there, and whether there is doubt. Doubts that come from now on are
// others.
func (t *trail) ask(reconnects uint64) (to uint64, witnesses []Witness, doubt bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	doubt, t.doubtful = t.doubtful || t.reconnects != reconnects, false
	return t.to, slices.Clone(t.witnesses), doubt
}

func (t *trail) trust(reconnects uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reconnects = reconnects
}

// Trail returns some of the messages that were read, the last one at the end. It may be called
// beside Read.
func (s *Scanner) Trail() []Witness {
	s.trail.mu.Lock()
	defer s.trail.mu.Unlock()
	return slices.Clone(s.trail.witnesses)
}

// Recall has Ends and Read compare the log with what was read up to a sequence before: with what
// Trail has returned then. It is called first.
func (s *Scanner) Recall(to uint64, trail []Witness) {
	s.trail.mu.Lock()
	defer s.trail.mu.Unlock()
	s.trail.to, s.trail.witnesses, s.trail.doubtful = to, slices.Clone(trail), true
}

// Ends returns the first and the last sequence of the shard, as its leader knows them. The
// error is an [*EpochError] when the stream was replaced, and a [*CutError] when it has lost
// something that Read has returned, or passed over. It may be called beside Read.
func (s *Scanner) Ends(ctx context.Context) (first, last uint64, err error) {
	now := s.log.reconnects()
	to, witnesses, doubt := s.trail.ask(now)
	if first, last, err = s.compare(ctx, to, witnesses, doubt); err != nil {
		s.trail.doubt()
		return 0, 0, fmt.Errorf("deltalog: scan: %w", err)
	}
	s.trail.trust(now)
	s.told.CompareAndSwap(0, last) // news goes on from there
	return first, last, nil
}

// compare asks the leader for the ends, and if there is doubt for witnesses.
func (s *Scanner) compare(ctx context.Context, to uint64, witnesses []Witness, doubt bool) (first, last uint64, err error) {
	state, err := s.log.verified(ctx, s.stream)
	for misses := 1; err == nil && state.LastSeq < to && misses < maxMisses; misses++ {
		if err = sleep(ctx, time.Duration(misses)*staleRetry); err == nil { // it may have to catch up
			state, err = s.log.verified(ctx, s.stream)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	lost := state.LastSeq < to
	switch {
	case lost:
	case len(witnesses) == 0 && to >= max(1, state.FirstSeq):
		return state.FirstSeq, state.LastSeq, s.learn(ctx, to)
	case !doubt:
		return state.FirstSeq, state.LastSeq, nil
	}
	kept := uint64(0)
	for _, w := range slices.Backward(witnesses) {
		is, err := s.has(ctx, w, state.FirstSeq, state.LastSeq)
		if err != nil {
			return 0, 0, err
		}
		if is {
			kept = w.Sequence
			break
		}
		lost = true
	}
	if lost {
		return 0, 0, &CutError{Shard: s.shard, Read: to, Last: state.LastSeq, Kept: kept}
	}
	return state.FirstSeq, state.LastSeq, nil
}

// learn takes the message where reading begins as the first witness.
func (s *Scanner) learn(ctx context.Context, to uint64) error {
	m, err := s.log.leaderGet(ctx, s.stream, getRequest{Seq: to})
	if errors.Is(err, errNoMessage) {
		return nil
	}
	if err == nil {
		s.trail.begin(Witness{to, record.ChainOf(m.Data)})
	}
	return err
}

// has reports whether the stream has a witness. One that is forgotten, or was deleted, was not
// lost.
func (s *Scanner) has(ctx context.Context, w Witness, first, last uint64) (bool, error) {
	switch {
	case w.Sequence > last:
		return false, nil
	case w.Sequence < first:
		return true, nil
	}
	m, err := s.log.leaderGet(ctx, s.stream, getRequest{Seq: w.Sequence})
	if errors.Is(err, errNoMessage) {
		return true, nil
	}
	return err == nil && record.ChainOf(m.Data) == w.Chain, err
}
