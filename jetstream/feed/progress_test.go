package feed

import (
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// A document of which each event fails at first goes on from the one that failed: what was
// delivered of it since it was suspended is not delivered again.
func TestL10_FailingDocumentsGoOn(t *testing.T) {
	b := newBench(t)
	for range 30 {
		b.change("s/d")
	}
	s := newSink()
	var mu sync.Mutex
	tried := map[record.Revision]bool{}
	s.before = func(events []Event, _ int) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range events {
			if !tried[e.Revision] {
				tried[e.Revision] = true
				return errors.New("not at first")
			}
		}
		return nil
	}
	r := b.run(t, b.feed, Options{Name: "d", Order: order.Config{PerDocument: true, BatchSize: 1}}, s.take)
	s.wait(t, 30)
	r.stop(t)
	if got := s.revisions(); !reflect.DeepEqual(got, b.want) {
		t.Errorf("delivered %v, want %v", got, b.want)
	}
}
