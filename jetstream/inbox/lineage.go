package inbox

import (
	"context"
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// lineage is what an event that follows another one is tested against: what the log has that
// the author has not seen.
type lineage struct {
	tip   hash            // the predecessor; 0: the event is a first one
	since record.Revision // see entry
	// foreign is what was written up to a revision, other than by the predecessor and its
	// ancestors.
	foreign paths
	upTo    record.Revision
	// own are those, as far as they may be found after upTo.
	own map[hash]struct{}
	// forgotten is set when the log does not say any more what was written.
	forgotten bool
}

// maxLineages of a document are remembered. Others are read from the log again.
const maxLineages = 8

// lineageOf returns what was not seen by who follows an event that was applied, as far as that
// is known without reading.
func (k *book) lineageOf(prev hash) *lineage {
	if l := k.lineages[prev]; l != nil {
		return l
	}
	l := &lineage{tip: prev}
	if e, is := k.find(prev); is {
		l.since = e.since
		if prev == k.tip && e.since == e.revision {
			l.upTo = e.revision // nothing else is in its record behind it
		} else {
			l.upTo = max(e.since, 1) - 1 // other events may be in that record
			l.own = map[hash]struct{}{}
			for id := prev; is && id != 0 && e.revision >= l.since; e, is = k.find(id) {
				l.own[id] = struct{}{}
				id = e.prev
			}
		}
	}
	if len(k.lineages) >= maxLineages {
		for other := range k.lineages {
			if other != k.tip {
				delete(k.lineages, other)
				break
			}
		}
	}
	k.lineages[prev] = l
	return l
}

// see takes a mutation of the log.
func (l *lineage) see(rev record.Revision, m record.Mutation) {
	l.upTo = max(l.upTo, rev)
	if m.Client == client {
		if _, is := l.own[hash(m.ID.Nonce)]; is {
			return
		}
	}
	l.foreign.add(delta.Trusted(m.Delta))
}

// readOn brings a lineage to the end of the log.
func (b *Inbox) readOn(ctx context.Context, k *book, l *lineage) error {
	err := b.scan(ctx, k, l.upTo, l.see)
	if errors.Is(err, errForgotten) {
		l.forgotten = true
		return nil
	}
	return err
}

// fork returns a lineage for a successor of the tip, when others may follow the tip as well.
func (l *lineage) fork() *lineage {
	return &lineage{since: l.since, foreign: l.foreign.clone(), upTo: l.upTo}
}
