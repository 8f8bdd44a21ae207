package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// ids returns the ids of a chain's events from the one with a number to another one.
func ids(from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(i))
	}
	return list
}

// deliveredBefore has the store say that events were delivered by somebody before.
func (m *memory) deliveredBefore(document string, list []string) {
	if m.delivered[document] == nil {
		m.delivered[document] = map[string]bool{}
	}
	for _, id := range list {
		m.delivered[document][id] = true
	}
}

// expect compares what was delivered with lists by document.
func expect(t *testing.T, m *memory, want map[string][]string) {
	t.Helper()
	for _, document := range slices.Sorted(maps.Keys(want)) {
		if got := m.record[document]; !slices.Equal(got, want[document]) {
			t.Errorf("%s: delivered %v, want %v", document, short(got), short(want[document]))
		}
	}
	for document := range m.record {
		if _, is := want[document]; !is {
			t.Errorf("%s was delivered", document)
		}
	}
}

// missing returns the id that each suspended document waits for.
func missing(o *Orderer[string, int]) map[string]string {
	all := map[string]string{}
	for _, s := range o.Suspended(1000) {
		all[s.Document] = s.Missing
	}
	return all
}

// What is before the marks is not read again: that it was delivered is known from the
// state.
func TestOffset(t *testing.T) {
	m := newMemory(3)
	m.put(chain("a", 100)...)
	m.put(chain("b", 100)...)
	m.deliveredBefore("a", ids(1, 40))
	at := m.partitionOf("a")
	position := m.documents["a"][39].Position
	m.marks[at] = Mark{Partition: at, Position: position}
	o := run(t, m, Config{PageSize: 7})
	expect(t, m, map[string][]string{"a": ids(41, 100), "b": ids(1, 100)})
	if s := o.Stats(); s.Discovered != 200-position || s.Lookups != 2 || s.Ranges != 0 || s.Done != 0 {
		t.Errorf("the numbers: %+v", s)
	}
}

// A run that ends before all is delivered leaves the beginning of each document's events,
// and the next one goes on behind the marks.
func TestEndsEarly(t *testing.T) {
	m := newMemory(1)
	for i := range 100 {
		for _, document := range []string{"a", "b"} {
			m.put(chain(document, 100)[i])
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	n := 0
	m.before = func(op, _ string) error {
		if op == "delivered" {
			if n++; n == 6 {
				stop()
			}
		}
		return nil
	}
	if err := New(m, config(m, Config{PageSize: 10, BatchSize: 10})).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	early := maps.Clone(m.record)
	for document, got := range early {
		if len(got) == 0 || len(got) == 100 || !slices.Equal(got, ids(1, len(got))) {
			t.Errorf("%s: delivered %v", document, short(got))
		}
	}
	before := m.marks[0].Position
	if before == 0 || before > 60 {
		t.Errorf("%d events are before the mark; %d were delivered", before, len(early["a"])+len(early["b"]))
	}
	m.before = func(string, string) error { return nil }
	o := run(t, m, Config{PageSize: 10})
	expect(t, m, map[string][]string{"a": ids(1, 100), "b": ids(1, 100)})
	if s := o.Stats(); s.Discovered != 200-before {
		t.Errorf("it has read %d events behind %d", s.Discovered, before)
	}
}

// Without their first events nothing of the documents is delivered; with them all is.
func TestCannotOrder(t *testing.T) {
	m := newMemory(2)
	want := map[string][]string{}
	for d := range 10 {
		document := fmt.Sprint("d", d)
		m.put(chain(document, 30)[1:]...)
		want[document] = ids(1, 30)
	}
	o := run(t, m, Config{PageSize: 4})
	expect(t, m, map[string][]string{})
	if s := o.Stats(); s.Gaps != 10 || s.Delivered != 0 || s.Discovered != 290 {
		t.Errorf("the numbers: %+v", s)
	}
	for _, s := range o.Suspended(100) {
		if first := m.documents[s.Document][0].Position; s.Cause != Gap || s.Missing != "1" || s.From != first {
			t.Errorf("%+v, want a gap before 2 from position %d", s, first)
		}
	}
	for d := range 10 {
		m.put(chain(fmt.Sprint("d", d), 1)...)
	}
	run(t, m, Config{PageSize: 4})
	expect(t, m, want)
}

// When all predecessors are in what was read, nothing is looked for.
func TestAllFound(t *testing.T) {
	m := newMemory(1)
	var all []event
	want := map[string][]string{}
	for d := range 20 {
		document := fmt.Sprint("d", d)
		all = append(all, chain(document, 10)...)
		want[document] = ids(1, 10)
	}
	r := rand.New(rand.NewPCG(5, 5))
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	m.put(all...)
	o := run(t, m, Config{})
	expect(t, m, want)
	if s := o.Stats(); s.Lookups != 20 || s.Ranges != 0 || s.Discovered != 200 {
		t.Errorf("the numbers: %+v", s)
	}
}

// The predecessors of all that is behind the marks were delivered before them, of a document
// that was suspended for them in the meantime as well.
func TestHistoryInStore(t *testing.T) {
	m := newMemory(2)
	m.put(chain("a", 50)...)
	m.put(chain("b", 50)[:20]...)
	m.put(chain("b", 50)[25:40]...)
	run(t, m, Config{})
	expect(t, m, map[string][]string{"a": ids(1, 50), "b": ids(1, 20)})

	m.put(chain("a", 80)[50:]...)
	m.put(chain("b", 50)[40:]...)
	o := run(t, m, Config{})
	expect(t, m, map[string][]string{"a": ids(1, 80), "b": ids(1, 20)})
	if s := o.Stats(); s.Discovered != 40 || s.Ranges != 0 {
		t.Errorf("the numbers: %+v", s)
	}
	backwards := chain("b", 50)[20:25]
	slices.Reverse(backwards)
	m.put(backwards...)
	run(t, m, Config{})
	expect(t, m, map[string][]string{"a": ids(1, 80), "b": ids(1, 50)})
}

// Of several documents with gaps only that one goes on whose gap is filled, with one
// reading of its history, as far as its next gap.
func TestL10_OneGapFilled(t *testing.T) {
	m := newMemory(2)
	want := map[string][]string{}
	for d := range 5 {
		document := fmt.Sprint("d", d)
		all := chain(document, 60)
		m.put(slices.Concat(all[:10], all[11:40], all[41:])...)
		want[document] = ids(1, 10)
	}
	o := run(t, m, Config{PageSize: 9})
	expect(t, m, want)
	for document, id := range missing(o) {
		if id != "11" && id != "41" {
			t.Errorf("%s waits for %s", document, id)
		}
	}
	since := map[string]time.Time{}
	for _, s := range o.Suspended(5) {
		since[s.Document] = s.Since
	}
	for i, d := range []int{2, 0, 4} {
		document := fmt.Sprint("d", d)
		m.put(chain(document, 60)[10])
		o = run(t, m, Config{PageSize: 9})
		want[document] = ids(1, 40)
		expect(t, m, want)
		if s := o.Stats(); s.Ranges != 1 || s.Gaps != 5 || s.Discovered != 1 {
			t.Errorf("after %d: %+v", i+1, s)
		}
		for _, s := range o.Suspended(5) {
			if s.Document == document && s.Missing != "41" || !s.Since.Equal(since[s.Document]) {
				t.Errorf("%+v, suspended first at %v", s, since[s.Document])
			}
		}
	}
	for d := range 5 {
		all := chain(fmt.Sprint("d", d), 60)
		m.put(all[40], all[10])
		want[fmt.Sprint("d", d)] = ids(1, 60)
	}
	o = run(t, m, Config{PageSize: 9})
	expect(t, m, want)
	if s := o.Stats(); s.Gaps != 0 {
		t.Errorf("at the end: %+v", s)
	}
}

// However often it starts: a gap is not read again, what comes meanwhile is read once, and
// the age of the gap is that of its beginning.
func TestL10_RestartsWithGaps(t *testing.T) {
	m := newMemory(3)
	gap, whole := chain("gap", 300), chain("whole", 300)
	m.put(gap[:5]...)
	var since time.Time
	for restart := range 40 {
		from := 6 + restart*5
		m.put(gap[from : from+5]...)
		m.put(whole[restart*5 : restart*5+5]...)
		o := run(t, m, Config{PageSize: 3})
		expect(t, m, map[string][]string{"gap": ids(1, 5), "whole": ids(1, restart*5+5)})
		s := o.Stats()
		if since.IsZero() {
			since = s.OldestGap
		} else if s.Discovered != 10 || s.Ranges != 0 {
			t.Fatalf("restart %d: %+v", restart, s)
		}
		if s.Gaps != 1 || s.OldestGap.IsZero() || !s.OldestGap.Equal(since) {
			t.Fatalf("restart %d: the gap is of %v, it was of %v", restart, s.OldestGap, since)
		}
	}
	m.put(gap[5])
	run(t, m, Config{})
	expect(t, m, map[string][]string{"gap": ids(1, 206), "whole": ids(1, 200)})
}

// Events come while those are put in order that were there before, of the same documents and
// of others, in any order.
func TestStartWithLiveWrites(t *testing.T) {
	m := newMemory(4)
	var old, fresh []event
	for d := range 20 {
		all := chain(fmt.Sprint("d", d), 100)
		old, fresh = append(old, all[:60]...), append(fresh, all[60:]...)
	}
	fresh = append(fresh, chain("new", 100)...)
	r := rand.New(rand.NewPCG(6, 6))
	r.Shuffle(len(old), func(i, j int) { old[i], old[j] = old[j], old[i] })
	r.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	m.put(old...)
	live, began, all := make(chan int), make(chan struct{}), make(chan struct{})
	var first, n atomic.Int64
	m.before = func(op, document string) error {
		if op == "read" && first.Add(1) == 3 {
			close(began)
		}
		return nil
	}
	counting := &counted{memory: m, deliver: func(events int) {
		if n.Add(int64(events)) == int64(len(old)+len(fresh)) {
			close(all)
		}
	}}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	o := New[string, int](counting, config(m, Config{Live: live, PageSize: 5, Backlog: 20}))
	go func() { ended <- o.Run(ctx) }()
	<-began
	for _, e := range fresh {
		for _, p := range m.put(e) {
			live <- p
		}
	}
	<-all
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	check(t, m, true)
	if list := o.Suspended(3); len(list) != 0 {
		t.Errorf("suspended: %+v", list)
	}
}

// counted is a memory that tells how many events were delivered.
type counted struct {
	*memory
	deliver func(events int)
}

func (c *counted) Deliver(ctx context.Context, events []event, attempt int) error {
	err := c.memory.Deliver(ctx, events, attempt)
	if err == nil {
		c.deliver(len(events))
	}
	return err
}

// One document of 50,000 events that came in reverse, of which memory has room for a few
// thousand.
func TestL9_HugeDocument(t *testing.T) {
	const n, room = 50_000, 1 << 20
	m := newMemory(1)
	all := chain("huge", n)
	slices.Reverse(all)
	m.put(all...)
	o := New(m, config(m, Config{HeldBytes: room}))
	var worst int64
	m.before = func(op, _ string) error {
		if op == "history" {
			worst = max(worst, o.count.heldBytes.Load())
		}
		return nil
	}
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, m, map[string][]string{"huge": ids(1, n)})
	if worst == 0 || worst > room {
		t.Errorf("%d bytes were held, of %d", worst, room)
	}
	if s := o.Stats(); s.Ranges > 30*n/historySize || s.Held != 0 {
		t.Errorf("the numbers: %+v", s)
	}
}

// A subscriber that is slow with everything is waited for: no more is read than there is
// room for, and it can be stopped at once.
func TestL9_SlowSubscriber(t *testing.T) {
	const (
		documents, events            = 30, 100
		page, batch, backlog, outbox = 5, 10, 20, 20
		// A round of the worker is on its way, and another one waits for the writer.
		bound = outbox + backlog + 2*maxRound*page + page + batch
	)
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(2)
		for i := range events {
			for d := range documents {
				m.put(chain(fmt.Sprint("d", d), events)[i])
			}
		}
		slow := &slow{memory: m}
		ctx, stop := context.WithCancelCause(t.Context())
		o := New[string, int](slow, config(m, Config{PageSize: page, BatchSize: batch, Backlog: backlog, Outbox: outbox, Workers: 1, Readers: 1}))
		var worst, deliveries uint64
		stopped := errors.New("stopped")
		var asked time.Time
		slow.during = func() {
			s := o.Stats()
			worst = max(worst, s.Discovered-s.Delivered)
			if deliveries++; deliveries == 200 {
				asked = time.Now()
				stop(stopped)
			}
		}
		if err := o.Run(ctx); !errors.Is(err, stopped) || time.Since(asked) != 0 {
			t.Fatalf("it took %v to stop: %v", time.Since(asked), err)
		}
		if worst > bound {
			t.Errorf("%d events were in memory, more than %d", worst, bound)
		}
		slow.during = func() {}
		began := time.Now()
		if err := New[string, int](slow, config(m, Config{BatchSize: batch})).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		check(t, m, true)
		if took := time.Since(began); took < (documents*events/batch-200)*time.Second {
			t.Errorf("the rest took only %v", took)
		}
	})
}

// slow is a memory that takes a second for each delivery, unless it is told to stop.
type slow struct {
	*memory
	during func()
}

func (s *slow) Deliver(ctx context.Context, events []event, attempt int) error {
	s.during()
	if err := wait(ctx, time.Second); err != nil {
		return err
	}
	return s.memory.Deliver(ctx, events, attempt)
}
