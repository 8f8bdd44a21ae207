package order

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

type event = Event[string, int]

// memory is a store in memory that remembers what was delivered, and fails where it is
// told to.
type memory struct {
	// before is called before every operation, and may fail or panic.
	before func(op, document string) error
	// latency of reading and looking up.
	latency time.Duration

	mu         sync.Mutex
	partitions [][]event
	documents  map[string][]event
	delivered  map[string]map[string]bool
	record     map[string][]string // what was delivered, in order
	marks      map[int]Mark
	inside     map[string]bool // documents in a delivery
	overlaps   int
	reads      atomic.Int64
}

func newMemory(partitions int) *memory {
	return &memory{
		before:     func(string, string) error { return nil },
		partitions: make([][]event, partitions),
		documents:  map[string][]event{},
		delivered:  map[string]map[string]bool{},
		record:     map[string][]string{},
		marks:      map[int]Mark{},
		inside:     map[string]bool{},
	}
}

func (m *memory) partitionOf(document string) int {
	h := fnv.New32a()
	h.Write([]byte(document))
	return int(h.Sum32()) % len(m.partitions)
}

// put stores events at the end of their partitions, and returns those.
func (m *memory) put(events ...event) []int {
	m.mu.Lock()
	defer m.mu.Unlock()
	var grown []int
	for _, e := range events {
		p := m.partitionOf(e.Document)
		e.Position = uint64(len(m.partitions[p]) + 1)
		if e.Size == 0 {
			e.Size = 50
		}
		m.partitions[p] = append(m.partitions[p], e)
		m.documents[e.Document] = append(m.documents[e.Document], e)
		grown = append(grown, p)
	}
	return grown
}

func (m *memory) wait(ctx context.Context) error {
	if m.latency == 0 {
		return ctx.Err()
	}
	return wait(ctx, m.latency)
}

func page(list []event, after uint64, limit Limit) Page[string, int] {
	from, _ := slices.BinarySearchFunc(list, after+1, func(e event, p uint64) int { return int(e.Position) - int(p) })
	list = list[from:]
	n := 0
	for bytes := 0; n < min(limit.Events, len(list)) && bytes < limit.Bytes; n++ {
		bytes += list[n].Size
	}
	p := Page[string, int]{Events: slices.Clone(list[:n]), To: after, More: n < len(list)}
	if n > 0 {
		p.To = list[n-1].Position
	}
	return p
}

func (m *memory) Read(ctx context.Context, partition int, after uint64, limit Limit) (Page[string, int], error) {
	if err := m.wait(ctx); err != nil {
		return Page[string, int]{}, err
	}
	if err := m.before("read", ""); err != nil {
		return Page[string, int]{}, err
	}
	m.reads.Add(1)
	m.mu.Lock()
	defer m.mu.Unlock()
	return page(m.partitions[partition], after, limit), nil
}

func (m *memory) History(ctx context.Context, document string, after uint64, limit Limit) (Page[string, int], error) {
	if err := m.wait(ctx); err != nil {
		return Page[string, int]{}, err
	}
	if err := m.before("history", document); err != nil {
		return Page[string, int]{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return page(m.documents[document], after, limit), nil
}

// tree is a document in which an event may have several successors.
type tree struct {
	m         *memory
	document  string
	delivered map[string]bool
}

func (m *memory) State(ctx context.Context, document string, _ *event) (State[string, int], error) {
	if err := m.wait(ctx); err != nil {
		return nil, err
	}
	if err := m.before("state", document); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &tree{m: m, document: document, delivered: map[string]bool{}}
	for id := range m.delivered[document] {
		t.delivered[id] = true
	}
	return t, nil
}

func (t *tree) Judge(e *event) Verdict {
	if err := t.m.before("judge", t.document); err != nil {
		panic(err)
	}
	switch {
	case t.delivered[e.ID]:
		return Done
	case e.Prev == "" || t.delivered[e.Prev]:
		return Next
	}
	return Wait
}

func (t *tree) Advance(e *event) { t.delivered[e.ID] = true }

func (m *memory) Deliver(ctx context.Context, events []event, attempt int) error {
	m.enter(events, 1)
	defer m.enter(events, -1)
	documents := map[string]bool{}
	for _, e := range events {
		documents[e.Document] = true
	}
	for document := range documents {
		if err := m.before("deliver", document); err != nil {
			return err
		}
	}
	m.mu.Lock()
	for _, e := range events {
		if m.delivered[e.Document] == nil {
			m.delivered[e.Document] = map[string]bool{}
		}
		m.delivered[e.Document][e.ID] = true
		m.record[e.Document] = append(m.record[e.Document], e.ID)
	}
	m.mu.Unlock()
	for document := range documents {
		if err := m.before("delivered", document); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// enter notes documents of which two deliveries are under way.
func (m *memory) enter(events []event, by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	seen := map[string]bool{}
	for _, e := range events {
		if seen[e.Document] {
			continue
		}
		seen[e.Document] = true
		if by > 0 && m.inside[e.Document] {
			m.overlaps++
		}
		m.inside[e.Document] = by > 0
	}
}

func (m *memory) Save(ctx context.Context, marks []Mark) error {
	if err := m.before("save", ""); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, mark := range marks {
		m.marks[mark.Partition] = mark
	}
	return nil
}

func (m *memory) saved() []Mark {
	m.mu.Lock()
	defer m.mu.Unlock()
	var marks []Mark
	for _, mark := range m.marks {
		marks = append(marks, mark)
	}
	return marks
}

// dumb is the ordering at its simplest: it goes over all events again and again, and
// delivers what can be, until nothing can be any more.
func dumb(events []event) (order []string) {
	delivered := map[string]bool{}
	for progress := true; progress; {
		progress = false
		for _, e := range events {
			if !delivered[e.ID] && (e.Prev == "" || delivered[e.Prev]) {
				delivered[e.ID] = true
				order = append(order, e.ID)
				progress = true
			}
		}
	}
	return order
}

// chain returns the events of a document that follow each other.
func chain(document string, n int) []event {
	events := make([]event, n)
	for i := range events {
		events[i] = event{Document: document, ID: fmt.Sprint(i + 1), Prev: fmt.Sprint(i), Payload: i}
		if i == 0 {
			events[i].Prev = ""
		}
	}
	return events
}
