package host

import (
	"sort"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// effect is one committed or reserved mutation, as the conflict test sees it.
type effect struct {
	client record.ClientID
	id     record.MutationID
	writes []delta.Write
}

// committed is a record that is kept in memory.
type committed struct {
	at      record.Position // after the record
	frame   []byte          // the Commit frame, shared with all subscribers
	effects []effect
}

// cost is about how many bytes of memory the record takes.
func (c *committed) cost() int {
	const perEffect, perWrite = 64, 40
	total := len(c.frame)
	for _, e := range c.effects {
		total += perEffect
		for _, w := range e.writes {
			total += perWrite + len(w.Path)
		}
	}
	return total
}

// recent is a bounded window over the end of a document's log.
type recent struct {
	floor   record.Position // the position before the first record
	records []committed
	bytes   int

	maxRecords, maxBytes int
}

// add appends a record and forgets old ones past the bounds.
func (r *recent) add(c committed) {
	r.records = append(r.records, c)
	r.bytes += c.cost()
	drop := 0
	for len(r.records)-drop > r.maxRecords || r.bytes > r.maxBytes && drop < len(r.records) {
		r.bytes -= r.records[drop].cost()
		r.floor = r.records[drop].at
		drop++
	}
	if drop > 0 {
		clear(r.records[:drop])
		r.records = r.records[drop:]
	}
}

// clear forgets everything before a position.
func (r *recent) clear(at record.Position) {
	r.floor, r.records, r.bytes = at, nil, 0
}

// after returns the records after a revision, and false when the window does not
// reach back that far.
func (r *recent) after(rev record.Revision) ([]committed, bool) {
	if rev < r.floor.Revision {
		return nil, false
	}
	i := sort.Search(len(r.records), func(i int) bool { return r.records[i].at.Revision > rev })
	return r.records[i:], true
}

// from returns the records after a position, and false when the position is not
// one of this log within the window.
func (r *recent) from(at record.Position) ([]committed, bool) {
	if at == r.floor {
		return r.records, true
	}
	i := sort.Search(len(r.records), func(i int) bool { return r.records[i].at.Revision >= at.Revision })
	if i == len(r.records) || r.records[i].at != at {
		return nil, false
	}
	return r.records[i+1:], true
}

// holds reports whether the window has a submission.
func (r *recent) holds(client record.ClientID, s *Submission) bool {
	for i := len(r.records) - 1; i >= 0; i-- {
		if holds(r.records[i].effects, client, s) {
			return true
		}
	}
	return false
}
