package main

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/rivulet-sync/rivulet/jetstream/order"
)

// event has an id of its document's number and its own number within that, from 1.
type event = order.Event[uint64, []byte]

// The predecessor of a first event is the one with the number 0, which does not exist.
func idOf(document, number int) uint64 { return uint64(document)<<32 | uint64(number) }

func documentOf(id uint64) int { return int(id >> 32) }

func numberOf(id uint64) int { return int(uint32(id)) }

const space = "space/document-"

// An arrangement is the order in which events were stored.
type arrangement string

// The arrangements of the grid.
const (
	inOrder   arrangement = "in order"
	windowed  arrangement = "window 1000"
	shuffled  arrangement = "shuffled"
	backwards arrangement = "reverse"
)

// window is how far events are apart that may change places in a windowed arrangement.
const window = 1000

// scene is what a cell of the grid is about, but for the latency.
type scene struct {
	documents, events int // events of each document
	arrangement       arrangement
	missing           int // percent of the documents that lack an event
}

func (s scene) String() string {
	return fmt.Sprintf("%d x %d, %s, %d %% missing", s.documents, s.events, s.arrangement, s.missing)
}

// lacks returns the number of the event that a document lacks, or 0.
func (s scene) lacks(document int) int {
	if s.missing == 0 || document%(100/s.missing) != 0 {
		return 0
	}
	return 1 + document*7919%s.events
}

// deliverable returns how many events of a document can be delivered.
func (s scene) deliverable(document int) int {
	if n := s.lacks(document); n > 0 {
		return n - 1
	}
	return s.events
}

// stored is the events of a scene as they are stored: ids, of which a read makes events, as
// reading would from any other store.
type stored struct {
	scene
	names      []string
	partitions [][]uint64
	all        []uint64 // of all partitions, in the order in which they were stored
	// index finds events by their ids, and byName those of a document in the order of its
	// partition.
	index  map[uint64]struct{}
	byName map[string][]placed
}

// placed is an event at a position of its partition.
type placed struct{ position, id uint64 }

// store arranges the events of a scene; the same ones each time.
func (s scene) store(partitions int) *stored {
	r := rand.New(rand.NewPCG(uint64(s.documents), uint64(s.events)))
	documents := make([]int, 0, s.documents*s.events)
	for d := range s.documents {
		for range s.events {
			documents = append(documents, d)
		}
	}
	// As time would have it: the documents take turns as chance will.
	r.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
	ids, next := make([]uint64, len(documents)), make([]int, s.documents)
	for i, d := range documents {
		next[d]++
		ids[i] = idOf(d, next[d])
	}
	s.arrange(r, ids)

	out := &stored{
		scene: s, names: make([]string, s.documents), partitions: make([][]uint64, partitions),
		index: make(map[uint64]struct{}, len(ids)), byName: make(map[string][]placed, s.documents),
	}
	homes := make([]int, s.documents)
	for d := range homes {
		out.names[d] = space + strconv.Itoa(d)
		h := fnv.New32a()
		h.Write([]byte(out.names[d]))
		homes[d] = int(h.Sum32() % uint32(partitions))
	}
	for _, id := range ids {
		d, n := documentOf(id), numberOf(id)
		if s.lacks(d) == n {
			continue
		}
		out.index[id] = struct{}{}
		out.all = append(out.all, id)
		home := &out.partitions[homes[d]]
		*home = append(*home, id)
		out.byName[out.names[d]] = append(out.byName[out.names[d]], placed{uint64(len(*home)), id})
	}
	return out
}

// size is what an event takes, in bytes.
const size = 300

// room is how many events a page has at most.
func room(limit order.Limit) int { return min(limit.Events, (limit.Bytes+size-1)/size) }

// payload is what all events carry.
var payload = make([]byte, size-100)

func (s *stored) event(id, position uint64) event {
	return event{
		Document: s.names[documentOf(id)], Position: position, ID: id, Prev: id - 1,
		Payload: payload, Size: size,
	}
}

func (s scene) arrange(r *rand.Rand, ids []uint64) {
	switch s.arrangement {
	case windowed:
		type keyed struct {
			key int
			id  uint64
		}
		list := make([]keyed, len(ids))
		for i, id := range ids {
			list[i] = keyed{i + r.IntN(window), id}
		}
		slices.SortStableFunc(list, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
		for i := range list {
			ids[i] = list[i].id
		}
	case shuffled:
		r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	case backwards:
		slices.Reverse(ids)
	}
}

// expected returns how many events can be delivered.
func (s scene) expected() (n int) {
	for d := range s.documents {
		n += s.deliverable(d)
	}
	return n
}
