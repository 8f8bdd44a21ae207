package host

import (
	"slices"
	"sort"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
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

// mutations returns those of the record. Their deltas must not be changed.
func (c *committed) mutations() []record.Mutation {
	frame, _, err := wire.Decode(c.frame)
	if err != nil {
		panic("host: a frame that it has made cannot be read: " + err.Error())
	}
	rec, err := record.Decode(frame.(*wire.Commit).Record)
	if err != nil {
		panic("host: a record that it has applied cannot be read: " + err.Error())
	}
	return rec.Mutations
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
	bytes   int // what all of it costs

	// blocks are of records that follow each other up to the last loose ones, which are
	// too few to be one.
	blocks            []block
	loose, looseBytes int

	maxRecords, maxBytes int
}

// add appends a record and forgets old ones past the bounds.
func (r *recent) add(c committed) {
	r.records = append(r.records, c)
	r.bytes += c.cost()
	r.loose++
	if r.looseBytes += len(c.frame); r.blockDue() {
		r.foldLoose()
	}
	drop := 0
	for len(r.records)-drop > r.maxRecords || r.bytes > r.maxBytes && drop < len(r.records) {
		r.forget(drop)
		drop++
	}
	if drop > 0 {
		clear(r.records[:drop])
		r.records = r.records[drop:]
	}
}

// forget forgets a record, before which there is none any more, and the block that it is
// the first one of.
func (r *recent) forget(i int) {
	c := &r.records[i]
	r.bytes -= c.cost()
	r.floor = c.at
	switch {
	case len(r.records)-i <= r.loose:
		r.loose--
		r.looseBytes -= len(c.frame)
	case len(r.blocks) > 0 && r.blocks[0].first == c.at.Revision:
		r.bytes -= r.blocks[0].size
		r.blocks = slices.Delete(r.blocks, 0, 1)
	}
}

// clear forgets everything before a position.
func (r *recent) clear(at record.Position) {
	*r = recent{floor: at, maxRecords: r.maxRecords, maxBytes: r.maxBytes}
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
