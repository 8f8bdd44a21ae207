package replica

import (
	"bytes"
	"errors"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// mutation is one pending transaction of this client. What the server is told of it
// is an attempt: its number, with a nonce of the attempt's own. The log takes a
// number once, so it holds one attempt at most, whichever comes first.
type mutation struct {
	tag    uint64
	id     record.MutationID // of the attempt that change is
	base   record.Revision   // the confirmed revision that change was computed on
	change doc.Change        // change.Effect is relative to the view as it is
	again  Author
	call   *call // of a named mutation, else nil
	sent   bool  // on the present connection
	tried  bool  // sent, on whatever connection
	// follows is what the attempt followed when it was sent.
	follows record.MutationID
	// moved: the view shows another change than the one that was sent as the attempt on
	// this connection; of a named mutation only, which the server resolves.
	// fails: its function does, on what is below it now.
	moved, fails bool
	// stale: something that it read may have been written since it was run.
	stale bool
	// missed: its function itself saw some of that. To do its edits again will not do.
	missed bool
	// waits: its function has to wait for the next rebase. It may take back what is below
	// it, and OnRedone was not told of all that in the one that goes on.
	waits bool
	// dead: this attempt cannot get into the log. It was refused, or follows one that
	// is not there.
	dead bool
	// limbo: an attempt was sent on a connection that is gone, and may yet get into
	// the log.
	limbo bool
	// redone: it is another change than the one that Mutate returned, or OnRedone has told.
	redone bool
	// off is what taking it off the view amounted to.
	off doc.Below
	// attempts are the ids of earlier attempts, and unanswered is how many, of all,
	// wait for an answer on this connection.
	attempts   []record.MutationID
	unanswered int
	// claim is set when the mutation is given up: what is left of it, an empty change,
	// takes its number, so that none of the attempts in limbo can. It is how the
	// mutation ends if that is so.
	claim *Outcome
	// claims is how many of the attempts, the latest ones, were claims.
	claims int
}

const (
	// maxAttempts bounds the attempts that are remembered. Should an older one come
	// through, the mutation is settled as unknown_mutation, not sent again.
	maxAttempts = 16
	// maxClaims bounds how often a claim is made again after the server has rejected it.
	maxClaims = 4
	// maxUnanswered bounds the attempts that wait for an answer.
	maxUnanswered = 4
)

// edits reports whether the mutation may be run again by doing its edits again.
func (m *mutation) edits() bool { return m.change.Edits != nil }

// named reports whether the server is asked to run a function.
func (m *mutation) named() bool { return m.call != nil && m.claim == nil }

// undecided reports whether the log may yet get what was sent of it last.
func (m *mutation) undecided() bool { return m.tried && !m.dead }

// attempted reports whether an id in the log is that of an attempt at it.
func (m *mutation) attempted(id record.MutationID) bool {
	return m.id == id || slices.Contains(m.attempts, id) ||
		m.call != nil && (m.id == id.Rewritten() || slices.Contains(m.attempts, id.Rewritten()))
}

// says reports whether an attempt with a change is the one that it is.
func (m *mutation) says(change doc.Change) bool {
	return bytes.Equal(m.change.Delta.Bytes(), change.Delta.Bytes()) && slices.Equal(m.change.Reads, change.Reads)
}

// becomes notes that the mutation is another change now, if it is.
func (m *mutation) becomes(change doc.Change) {
	m.redone = m.redone || !bytes.Equal(m.change.Delta.Bytes(), change.Delta.Bytes()) ||
		!bytes.Equal(m.change.Inverse.Bytes(), change.Inverse.Bytes())
	m.change = change
}

// stored is how it ends when the log has an attempt at it.
func (m *mutation) stored(id record.MutationID, at record.Revision) Outcome {
	earlier := slices.IndexFunc(m.attempts, func(a record.MutationID) bool {
		return a == id || m.call != nil && a == id.Rewritten()
	})
	if m.claim != nil && (earlier < 0 || earlier >= len(m.attempts)-m.claims) {
		return Outcome{Revision: at, Err: m.claim.Err}
	}
	return Outcome{Revision: at}
}

// errDisturbed: plain writes of a transaction get in the way of its edits, which
// therefore cannot be done again in the place of its function.
var errDisturbed = errors.New("plain writes change what the edits are about")

// redo is the author who does the edits of a mutation again.
func (m *mutation) redo(view *doc.Doc) (doc.Change, error) {
	change, err := view.Update(func(tx *doc.Tx) error {
		for _, e := range m.change.Edits {
			if err := tx.Do(e); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case err != nil || change.Empty():
	case change.Edits == nil: // they do not move over each other any more
		view.Apply(change.Inverse)
		return doc.Change{}, errDisturbed
	default:
		// What the function saw is as it was, and the edits still depend on it.
		change.Seen = m.change.Seen
		change.Reads = append(slices.Clone(change.Reads), m.change.Seen...)
	}
	return change, err
}

func (d *Document) newID(number uint64) record.MutationID {
	return record.MutationID{Number: number, Nonce: d.engine.cfg.Random()}
}

// renew makes another attempt of what the mutation is now.
func (d *Document) renew(m *mutation) {
	if m.tried {
		m.attempts = append(m.attempts[max(0, len(m.attempts)-maxAttempts+1):], m.id)
		m.id = d.newID(m.id.Number)
		if m.claim != nil {
			m.claims++
		}
	}
	m.sent, m.tried, m.dead, m.moved = false, false, false, false
}

// run runs an author on the view. With ErrDeltaTooLarge nothing is left of the
// change, which says what was taken back.
func (d *Document) run(author Author) (doc.Change, error) {
	change, err := author(d.view)
	if err != nil {
		return doc.Change{}, err
	}
	if change.Delta.Len() > d.engine.limits.delta {
		d.view.Apply(change.Inverse)
		return change, ErrDeltaTooLarge
	}
	change.Reads = boundReads(change.Reads)
	return change, nil
}

// maxReadBytes bounds the pointers that travel with one mutation.
const maxReadBytes = 64 << 10

// boundReads replaces a set of reads that is too large to be sent by the one
// read that stands for all.
func boundReads(reads []delta.Read) []delta.Read {
	size := 0
	for _, r := range reads {
		size += len(r.Path)
	}
	if len(reads) > wire.MaxReads || size > maxReadBytes {
		return []delta.Read{delta.WholeDocument}
	}
	return reads
}
