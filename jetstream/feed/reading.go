package feed

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// reading is what a subscription knows of one log, as long as that is the log.
type reading struct {
	s       *Subscription
	log     *deltalog.Log
	orderer *order.Orderer[uint64, *message]
	// stop ends it, with the reason.
	stop context.CancelCauseFunc

	// By partition: what reads it, what had been read when this began, and where the shard ended
	// when that was last looked at.
	scanners []*deltalog.Scanner
	read     []uint64
	last     []atomic.Uint64
	voids    []voids
	// from is where what was not delivered begins, of documents that were suspended when this
	// began.
	from map[record.Key]uint64
}

// check ends the reading if an error says that the log is not what it was, and returns it.
func (r *reading) check(err error) error {
	if replaced(err) {
		r.stop(err)
	}
	return err
}

// open begins to read the shards, and returns from where.
func (r *reading) open(ctx context.Context) ([]order.Mark, error) {
	n := len(r.s.shards)
	r.read, r.last, r.scanners = make([]uint64, n), make([]atomic.Uint64, n), make([]*deltalog.Scanner, n)
	r.voids = make([]voids, n)
	marks, errs := make([]order.Mark, n), make([]error, n)
	var all sync.WaitGroup
	for partition, shard := range r.s.shards {
		all.Go(func() {
			var err error
			if r.scanners[partition], err = r.log.Scanner(shard, r.s.options.Space); err != nil {
				errs[partition] = err
				return
			}
			for {
				marks[partition], err = r.openShard(ctx, partition)
				if err == nil {
					return
				}
				if errs[partition] = r.s.later(ctx, err); errs[partition] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	r.from = map[record.Key]uint64{}
	for _, m := range marks {
		for _, d := range m.Suspended {
			if key, err := record.ParseKey(d.Document); err == nil { // else it is tried again, in vain
				r.from[key] = d.From
			}
		}
	}
	return marks, errors.Join(errs...)
}

// openShard returns from where a shard is to be read.
func (r *reading) openShard(ctx context.Context, partition int) (order.Mark, error) {
	s, scanner, shard := r.s, r.scanners[partition], r.s.shards[partition]
	token := shardToken(shard)
	var m mark
	known, err := s.ledger.load(ctx, s.feed.stream, token, &m)
	if err != nil {
		return order.Mark{}, err
	}
	if known && m.ID != s.header.ID { // of a subscription that was removed while it ran
		known, m = false, mark{}
	}
	log := s.feed.cfg.Logger.With("subscription", s.options.Name, "shard", token)
	stored := m.Position
	if m.Position > 0 && m.Epoch != epochText(scanner.Epoch()) {
		log.Warn("feed: the log was replaced; the subscription begins anew with it")
		m = mark{}
	}
	m.cut(s.keptOf(shard))
	scanner.Recall(m.Position, m.Trail)
	first, last, err := scanner.Ends(ctx)
	if err != nil {
		return order.Mark{}, err
	}
	r.last[partition].Store(last)
	begin := !known && s.options.FromNow
	if begin {
		m.Position, m.Judged = last, last
		scanner.Recall(last, nil)
		if _, _, err := scanner.Ends(ctx); err != nil { // it takes note of what is there
			return order.Mark{}, err
		}
		m.Trail = scanner.Trail()
	}
	if begin || m.Position != stored { // or the next start would not know
		m.Format, m.ID, m.Owner, m.Epoch = 1, s.header.ID, s.ledger.owner, epochText(scanner.Epoch())
		if err := s.ledger.save(ctx, token, m); err != nil {
			return order.Mark{}, err
		}
	}
	s.cutStored(shard)
	r.voids[partition].begin(m.Judged, m.Voids)
	if m.Position+1 < first {
		r.voids[partition].begin(first-1, nil)
		// What is in between is forgotten. Documents that were suspended are read anew, too.
		if m.Position > 0 {
			log.Warn("feed: the log has forgotten what the subscription has not read; it gets the documents whole")
		}
		return order.Mark{Partition: partition, Position: first - 1}, nil
	}
	r.read[partition] = m.Position
	return order.Mark{Partition: partition, Position: m.Position, Suspended: m.Suspended}, nil
}

// keptOf returns up to where a shard that has lost its end is what it was.
func (s *Subscription) keptOf(shard byte) (kept uint64, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, cut = s.cuts[shard]
	return kept, cut
}

func (s *Subscription) cutStored(shard byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.cuts, shard)
}

func epochText(e record.Epoch) string { return strconv.FormatUint(uint64(e), 16) }

func (r *reading) close() {
	for _, scanner := range r.scanners {
		if scanner != nil { // it could not be opened
			scanner.Close()
		}
	}
}

// watch tells when a shard may have grown.
func (r *reading) watch(ctx context.Context, partition int, live chan<- int) {
	scanner := r.scanners[partition]
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-scanner.Wake():
			select {
			case live <- partition:
			case <-ctx.Done():
				return
			}
		case <-tick.C:
			_, last, err := scanner.Ends(ctx)
			if r.check(err) != nil {
				continue // it is tried again, and reading fails too
			}
			r.last[partition].Store(last)
			scanner.Note(last)
		case <-ctx.Done():
			return
		}
	}
}

// lag returns how many messages come after the marks.
func (r *reading) lag() (n uint64) {
	for partition, position := range r.orderer.Positions() {
		if last := max(r.last[partition].Load(), r.scanners[partition].Heard()); last > position {
			n += last - position
		}
	}
	return n
}
