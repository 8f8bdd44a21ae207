package host

import (
	"sort"

	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// What a client lacks may be much, and write the same places again and again: a drag, a
// counter, a text that is typed. Folded it is small. To fold all that is kept takes some
// milliseconds, for which a host does not stop. So the records are folded in blocks, each
// once, when there are enough of them; whoever asks, from wherever, costs the folding of some
// small folds and of the records at both ends that are no whole block.

const (
	// A block has blockBytes of records, as frames, but blockRecords of them at least; or, if
	// they are large, largeBlock. To fold it takes up to 0.5 ms.
	blockBytes   = 64 << 10
	blockRecords = 8
	largeBlock   = 512 << 10
	// maxPlaces bounds the places that a block writes. What writes more, or a half of them once,
	// does not fold as much, which is found out by counting in less time.
	maxPlaces = 512

	// maxWork bounds what is folded for one who asks: about so many nanoseconds. A byte costs
	// one, and a write some more.
	maxWork   = 2 << 20
	writeWork = 256

	// minMissing is how many bytes have to be missing for a fold to be sent, and minGain how
	// many times smaller it has to be: who watches the records themselves misses them. A block's
	// fold is not kept otherwise.
	minMissing = 16 << 10
	minGain    = 4
)

// block is what some records amount to.
type block struct {
	first   record.Revision // that the first of them leads to
	records int
	patches []delta.Delta
	size    int // of the patches, in bytes
	work    int // to fold them with others; 0: there are none, they are not much smaller than the records
}

// blockDue reports whether the loose records are enough for a block.
func (r *recent) blockDue() bool {
	return r.looseBytes >= blockBytes && r.loose >= blockRecords || r.looseBytes >= largeBlock
}

// foldLoose makes a block of the loose records.
func (r *recent) foldLoose() {
	loose := r.records[len(r.records)-r.loose:]
	b := block{first: loose[0].at.Revision, records: len(loose)}
	if n := places(loose); n > 0 {
		var deltas []delta.Delta
		for i := range loose {
			deltas = loose[i].appendDeltas(deltas)
		}
		if patches := delta.Fold(deltas); minGain*sizeOf(patches) <= r.looseBytes {
			b.patches, b.size = patches, sizeOf(patches)
			b.work = b.size + n*writeWork
		}
	}
	r.blocks = append(r.blocks, b)
	r.bytes += b.size
	r.loose, r.looseBytes = 0, 0
}

// places returns how many places records write, 0 if they are too many to be folded.
func places(records []committed) int {
	writes := 0
	for i := range records {
		writes += records[i].writes()
	}
	most := min(maxPlaces, writes/2)
	places := make(map[delta.Pointer]struct{})
	for _, c := range records {
		for _, e := range c.effects {
			for _, w := range e.writes {
				if places[w.Path] = struct{}{}; len(places) > most {
					return 0
				}
			}
		}
	}
	return len(places)
}

func (c *committed) writes() (n int) {
	for _, e := range c.effects {
		n += len(e.writes)
	}
	return n
}

// fold returns the patches, at most two, that do what the last records of the window do;
// false if that is more than is folded, or is not worth while.
func (r *recent) fold(missing []committed) ([]delta.Delta, bool) {
	if len(missing) == 0 {
		return nil, true
	}
	var parts []delta.Delta
	from := missing[0].at.Revision
	blocks := r.blocks[sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].first >= from }):]
	for work := 0; len(missing) > 0; {
		if len(blocks) > 0 && blocks[0].first == missing[0].at.Revision {
			b := &blocks[0]
			if b.work == 0 {
				return nil, false
			}
			parts, work = append(parts, b.patches...), work+b.work
			blocks, missing = blocks[1:], missing[b.records:]
		} else {
			c := &missing[0]
			parts, work = c.appendDeltas(parts), work+len(c.frame)+c.writes()*writeWork
			missing = missing[1:]
		}
		if work > maxWork {
			return nil, false
		}
	}
	return delta.Fold(parts), true
}

// appendDeltas appends the deltas of a record, which must not be changed.
func (c *committed) appendDeltas(deltas []delta.Delta) []delta.Delta {
	for _, m := range c.mutations() {
		deltas = append(deltas, delta.Trusted(m.Delta))
	}
	return deltas
}

func sizeOf(patches []delta.Delta) (size int) {
	for _, p := range patches {
		size += p.Len()
	}
	return size
}

// folded returns what the records after a revision, of so many bytes as frames, amount to, as
// patches; nil if something else should be sent.
func (h *Host) folded(after record.Revision, missing []committed, size int) *payload.Shared {
	if size < minMissing {
		return nil
	}
	if shared, known := h.answers.folds[after]; known {
		return shared
	}
	var shared *payload.Shared
	if patches, ok := h.recent.fold(missing); ok {
		if n := sizeOf(patches); minGain*n <= size && n < h.doc.Size() {
			shared = payload.NewShared(wire.JoinPatches(patches))
		}
	}
	if len(h.answers.folds) < maxAnswers {
		if h.answers.folds == nil {
			h.answers.folds = make(map[record.Revision]*payload.Shared)
		}
		h.answers.folds[after] = shared
	}
	return shared
}
