package inbox

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// book is the ledger of a document: its events that were applied or parked.
type book struct {
	key     record.Key
	mu      sync.Mutex // entries is read by who puts in order, beside who delivers
	entries map[hash]entry

	// What follows is for who delivers.
	epoch record.Epoch
	last  uint64 // the number of the last event that was applied
	tip   hash   // that event

	sequence uint64 // of the head in the ledger's stream
	segment  uint32 // the number of full segments
	tail     []byte // entries of the last segment, as they are stored
	unsaved  bool
	fresh    []settled // that are to be counted when they are saved

	lineages map[hash]*lineage
}

// entry is an event that was settled.
type entry struct {
	prev hash
	// revision has it; 0: it is parked. Up to since its author had seen everything that is
	// in the log, at revision itself without what else is in that record; what is after that
	// only as far as it is of an ancestor.
	revision, since record.Revision
}

// The stored form: a head, and entries. Full segments are under subjects of their own.
const (
	bookVersion    = 1
	headSize       = 1 + 8 + 4 + 8 + 8
	entrySize      = 8 + 8 + 8 + 8
	segmentEntries = 512
)

func bookSubject(key record.Key) string { return ledgerRoot + ".doc." + tokens(key) }

func segmentSubject(key record.Key, n uint32) string {
	return fmt.Sprintf("%s.%d", bookSubject(key), n)
}

// loadBook reads the ledger of a document. What was settled on a log that is not there any more
// is forgotten.
func (b *Inbox) loadBook(ctx context.Context, key record.Key) (*book, error) {
	k := &book{key: key, epoch: b.cfg.Log.Epoch(key), entries: map[hash]entry{}, lineages: map[hash]*lineage{}}
	data, sequence, err := b.get(ctx, bookSubject(key))
	if err != nil {
		return nil, err
	}
	if k.sequence = sequence; data == nil {
		return k, nil
	}
	if len(data) < headSize || data[0] != bookVersion || (len(data)-headSize)%entrySize != 0 {
		return nil, fmt.Errorf("inbox: the ledger of %s is of another version of Rivulet", key)
	}
	order := binary.BigEndian
	if record.Epoch(order.Uint64(data[1:])) != k.epoch {
		return k, nil
	}
	k.segment, k.last, k.tip = order.Uint32(data[9:]), order.Uint64(data[13:]), hash(order.Uint64(data[21:]))
	for n := range k.segment {
		full, _, err := b.get(ctx, segmentSubject(key, n))
		if err != nil {
			return nil, err
		}
		if len(full) != segmentEntries*entrySize {
			return nil, fmt.Errorf("inbox: the ledger of %s lacks segment %d", key, n)
		}
		k.read(full)
	}
	k.tail = slices.Clone(data[headSize:])
	k.read(k.tail)
	return k, nil
}

func (k *book) read(data []byte) {
	order := binary.BigEndian
	for ; len(data) > 0; data = data[entrySize:] {
		k.entries[hash(order.Uint64(data))] = entry{
			prev: hash(order.Uint64(data[8:])), revision: record.Revision(order.Uint64(data[16:])), since: record.Revision(order.Uint64(data[24:])),
		}
	}
}

// has reports whether an event was settled.
func (k *book) has(id hash) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, is := k.entries[id]
	return is
}

// find returns an entry.
func (k *book) find(id hash) (entry, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, is := k.entries[id]
	return e, is
}

// size returns about how much memory it takes, in bytes.
func (k *book) size() int {
	const perBook, perEntry, perPath = 1_000, 80, 200
	k.mu.Lock()
	bytes := perBook + perEntry*len(k.entries)
	k.mu.Unlock()
	for _, l := range k.lineages {
		bytes += perPath * len(l.foreign.at)
	}
	return bytes
}

// add enters an event.
func (k *book) add(id hash, e entry) {
	k.mu.Lock()
	k.entries[id] = e
	k.mu.Unlock()
	order := binary.BigEndian
	k.tail = order.AppendUint64(k.tail, uint64(id))
	k.tail = order.AppendUint64(k.tail, uint64(e.prev))
	k.tail = order.AppendUint64(k.tail, uint64(e.revision))
	k.tail = order.AppendUint64(k.tail, uint64(e.since))
	k.unsaved = true
}

// applied enters an event that is in the log with a number.
func (k *book) applied(id hash, e entry, number uint64) {
	k.add(id, e)
	k.last, k.tip = number, id
}

// saveBook stores what was entered. Full segments come first: until the head counts them they
// are nothing to anybody.
func (b *Inbox) saveBook(ctx context.Context, k *book) error {
	if !k.unsaved {
		return nil
	}
	const full = segmentEntries * entrySize
	tail, segment := k.tail, k.segment
	for ; len(tail) >= full; tail = tail[full:] {
		subject := segmentSubject(k.key, segment)
		if _, err := b.cfg.JetStream.Publish(ctx, subject, tail[:full]); err != nil {
			return fmt.Errorf("inbox: %s: %w", subject, err)
		}
		segment++
	}
	order := binary.BigEndian
	data := make([]byte, 0, headSize+len(tail))
	data = append(data, bookVersion)
	data = order.AppendUint64(data, uint64(k.epoch))
	data = order.AppendUint32(data, segment)
	data = order.AppendUint64(data, k.last)
	data = order.AppendUint64(data, uint64(k.tip))
	sequence, err := b.put(ctx, bookSubject(k.key), append(data, tail...), k.sequence)
	if err != nil {
		return err
	}
	k.sequence, k.segment, k.tail, k.unsaved = sequence, segment, slices.Clone(tail), false
	b.counted(k.fresh)
	k.fresh = nil
	return nil
}

// errForgotten says that the log does not go back to what has to be known.
var errForgotten = errors.New("inbox: the log has forgotten which events it has; the ledger does not say so either")

// recover enters what the log has of the inbox and the ledger does not: the last process was
// killed before it wrote that.
func (b *Inbox) recover(ctx context.Context, k *book) error {
	waiting := map[hash]*Event{} // events that are not settled yet are there
	for after, more := uint64(0), true; more; {
		p, err := b.history(ctx, k.key, after, most(recoverPage))
		if err != nil {
			return err
		}
		for i := range p.Events {
			waiting[p.Events[i].Payload.id] = p.Events[i].Payload
		}
		after, more = p.To, p.More
	}
	from := uint64(0)
	for e := range maps.Values(k.entries) {
		from = max(from, uint64(e.revision))
	}
	last := k.last
	err := b.scan(ctx, k, record.Revision(from), func(rev record.Revision, m record.Mutation) {
		if m.Client != client || m.ID.Number <= last {
			return
		}
		id := hash(m.ID.Nonce)
		e := entry{revision: rev}
		if event := waiting[id]; event != nil {
			e.prev = event.prev
			k.fresh = append(k.fresh, settled{event, true})
		}
		if before, is := k.find(e.prev); is {
			// That is further back than it need be, which costs reading only.
			e.since = before.since
		}
		k.applied(id, e, m.ID.Number)
		last = m.ID.Number
	})
	if err != nil {
		return fmt.Errorf("inbox: %s: %w", k.key, err)
	}
	clear(k.lineages)
	return nil
}

const recoverPage = 250

// scan passes the mutations of the log after a revision. Records that are void are passed, too:
// who asks takes more as written then than was. The error is errForgotten if what follows the
// revision is not there any more.
func (b *Inbox) scan(ctx context.Context, k *book, after record.Revision, fn func(record.Revision, record.Mutation)) error {
	at := uint64(after)
	for first, more := true, true; more; {
		p, err := b.cfg.Log.History(ctx, k.key, at, 0)
		if err != nil {
			return err
		}
		for i := range p.Messages {
			m := &p.Messages[i]
			switch {
			case m.Err != nil:
				return m.Err
			case m.Record.Epoch != k.epoch:
				continue
			case first && m.Record.Prev > after, m.Record.Kind == record.KindBase && m.Record.Prev == 0:
				return errForgotten
			case m.Record.Kind == record.KindBase:
				continue
			}
			first = false
			for _, mutation := range m.Record.Mutations {
				fn(record.Revision(m.Sequence), mutation)
			}
		}
		at, more = p.To, p.More
	}
	return nil
}

var _ Log = (*deltalog.Log)(nil)
