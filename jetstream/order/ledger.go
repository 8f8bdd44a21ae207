package order

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// ledger knows what is settled: the marks, and the documents that are suspended.
type ledger struct {
	max int // suspended documents
	// work is told of every document that goes on by itself, and of when it does not.
	work *tally
	// progress is Config.OnProgress.
	progress func()
	// failedWaits is set when a failed document is not one to wait for.
	failedWaits bool

	mu         sync.Mutex
	partitions []progress
	suspended  int
	over       bool // there is to be another pass
}

// progress is what the ledger knows of a partition.
type progress struct {
	position uint64
	pages    []*pending // read and not yet before the position, in order
	entries  map[string]*entry
	// stuck is set when a document could not be entered, as there were too many: the
	// position stays before its event, and the next pass reads on from there.
	stuck   bool
	unsaved bool
}

// pending counts what is left to do of a page: a part of a partition (of which the
// position may pass it then), or of the history of a suspended document.
type pending struct {
	partition int
	to        uint64
	entry     *entry
	left      atomic.Int64
}

// entry is a suspended document in the ledger.
type entry struct {
	Suspended
	partition int
	// leaving is set when its history was read to its end: once that is delivered, the
	// document is suspended no more, or for the gap that was found. Until then it is to be
	// read again after a crash.
	leaving *pending
	gap     *Suspended
	active  bool // counted as work
}

func newLedger(cfg *Config, marks []Mark, work *tally) *ledger {
	work.zero = make(chan struct{}, 1)
	l := &ledger{max: cfg.Suspended, work: work, progress: cfg.OnProgress, failedWaits: cfg.Live != nil, partitions: make([]progress, cfg.Partitions)}
	for p := range l.partitions {
		l.partitions[p].entries = map[string]*entry{}
	}
	for _, m := range marks {
		p := &l.partitions[m.Partition]
		p.position = m.Position
		for _, s := range m.Suspended {
			e := &entry{Suspended: s, partition: m.Partition}
			p.entries[s.Document] = e
			l.activate(e)
		}
		l.suspended += len(p.entries)
	}
	return l
}

// read enters a page that was read of a partition, whose events are still to be settled.
// One more is to be settled by who has gone through them.
func (l *ledger) read(partition int, to uint64, events int) *pending {
	page := &pending{partition: partition, to: to}
	page.left.Store(int64(events) + 1)
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := &l.partitions[partition]; !p.stuck {
		p.pages = append(p.pages, page)
	}
	return page
}

// settle settles n events of a page.
func (l *ledger) settle(page *pending, n int) {
	if n == 0 || page.left.Add(int64(-n)) > 0 {
		return
	}
	if page.entry != nil {
		l.release(page)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.partitions[page.partition]
	for len(p.pages) > 0 && p.pages[0].left.Load() == 0 {
		p.position = p.pages[0].to
		p.pages[0] = nil
		p.pages = p.pages[1:]
		p.unsaved = true
	}
	l.progress()
}

// release is told that a page of a history is settled, after which an entry leaves or is
// of a gap.
func (l *ledger) release(page *pending) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := page.entry
	if e.leaving != page {
		return
	}
	p := &l.partitions[page.partition]
	p.unsaved = true
	e.leaving = nil
	if e.gap != nil {
		e.Cause, e.Missing, e.Attempts, e.Err = Gap, e.gap.Missing, 0, ""
	} else {
		delete(p.entries, e.Document)
		l.suspended--
		e.Cause = Gap // nothing to do
	}
	l.activate(e)
	l.progress()
}

// suspend enters a document, or changes how it is entered. It returns nil when there is no
// room for another one: then the position of the partition stays where it is. It does
// nothing for a line that was stopped: that is entered.
func (l *ledger) suspend(partition int, s Suspended, now time.Time, stopped *atomic.Bool) (_ *entry, was bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stopped.Load() {
		return nil, true
	}
	return l.enter(partition, s, now), false
}

// stop enters a document whose line is stopped.
func (l *ledger) stop(partition int, s Suspended, now time.Time, stopped *atomic.Bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stopped.Store(true)
	if e := l.partitions[partition].entries[s.Document]; e != nil && e.leaving != nil && e.gap == nil {
		// All of its history was let through: what is left of it has failed now, or is behind
		// that and covered next. What is before was delivered, and need not be again.
		e.From = s.From
	}
	l.enter(partition, s, now)
}

func (l *ledger) enter(partition int, s Suspended, now time.Time) *entry {
	p := &l.partitions[partition]
	e := p.entries[s.Document]
	if e == nil {
		if l.suspended >= l.max {
			p.stuck, p.pages = true, nil // as stick
			return nil
		}
		e = &entry{partition: partition}
		s.Since = now
		p.entries[s.Document] = e
		l.suspended++
	} else {
		s.Since = e.Since
		s.From = min(s.From, e.From)
	}
	e.Suspended, e.leaving = s, nil
	p.unsaved = true
	l.activate(e)
	l.progress()
	return e
}

// activate counts a document among the work while it goes on by itself.
func (l *ledger) activate(e *entry) {
	active := e.Cause != Gap && (e.Cause != Failed || !l.failedWaits)
	switch {
	case active && !e.active:
		l.work.add(1)
	case !active && e.active:
		l.work.add(-1)
	}
	e.active = active
}

// cover has an entry say that an event at a position is not delivered either, and reports
// whether that is before what it said.
func (l *ledger) cover(e *entry, position uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if position >= e.From {
		return false
	}
	e.From = position
	l.partitions[e.partition].unsaved = true
	return true
}

// advance notes that what an entry is about is not before a position.
func (l *ledger) advance(e *entry, from uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.From = from
	l.partitions[e.partition].unsaved = true
}

// leave has the entry removed, or be of a gap, when the page of the document's history is
// settled. The caller settles one more event of it afterwards. It reports false, and does
// nothing, for a line that was stopped.
func (l *ledger) leave(e *entry, page *pending, gap *Suspended, stopped *atomic.Bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if stopped.Load() {
		return false
	}
	e.leaving, e.gap = page, gap
	return true
}

// stick leaves the position of a partition where it is, for the next pass, and returns the
// one after it.
func (l *ledger) stick(partition int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := &l.partitions[partition]
	p.stuck, p.pages = true, nil
	return p.position + 1
}

// find returns the entry of a document, or nil, and what it says.
func (l *ledger) find(partition int, document string) (*entry, Suspended) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.partitions[partition].entries[document]
	if e == nil {
		return nil, Suspended{}
	}
	return e, e.Suspended
}

// from returns where the history of a suspended document is to be read from.
func (l *ledger) from(e *entry) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.From
}

// unsaved returns the marks that have changed since the last call.
func (l *ledger) unsaved() []Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	var marks []Mark
	for i := range l.partitions {
		if p := &l.partitions[i]; p.unsaved {
			p.unsaved = false
			marks = append(marks, p.mark(i))
		}
	}
	return marks
}

// retry has marks saved that could not be.
func (l *ledger) retry(marks []Mark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range marks {
		l.partitions[m.Partition].unsaved = true
	}
}

func (p *progress) mark(partition int) Mark {
	m := Mark{Partition: partition, Position: p.position}
	for _, e := range p.entries {
		m.Suspended = append(m.Suspended, e.Suspended)
	}
	return m
}

// again reports whether there is to be another pass: a partition is stuck, and there is
// room for many documents, or was when this was asked before.
func (l *ledger) again() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = l.over || l.suspended <= l.max/2 && slices.ContainsFunc(l.partitions, func(p progress) bool { return p.stuck })
	return l.over
}

// all returns the marks of all partitions.
func (l *ledger) all() []Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	marks := make([]Mark, len(l.partitions))
	for i := range marks {
		marks[i] = l.partitions[i].mark(i)
	}
	return marks
}
