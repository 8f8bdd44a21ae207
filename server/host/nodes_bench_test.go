package host_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// instant is a subscriber that tells when each record was sent to it.
type instant struct {
	id   record.ClientID
	sent chan time.Time
}

func (s *instant) Client() record.ClientID { return s.id }

func (s *instant) Send(frames []byte) {
	now := time.Now()
	if f, _, err := wire.Decode(frames); err != nil {
		panic(err)
	} else if _, ok := f.(*wire.Commit); ok {
		s.sent <- now
	}
}

func (w *world) joinInstant(b *testing.B, key record.Key, n byte) (*instant, *member) {
	b.Helper()
	s := &instant{id: record.ClientID{5: 1, 6: n}, sent: make(chan time.Time, 16)}
	h, err := w.registry.Open(testContext(b), 1, key, s, record.Position{})
	if err != nil {
		b.Fatal(err)
	}
	return s, &member{t: b, handle: h}
}

// BenchmarkNewsDelay is how much later than the author, who is at one node, a
// subscriber at another one is sent a record. The author waits for both.
func BenchmarkNewsDelay(b *testing.B) {
	for _, pair := range pairs {
		b.Run(pair.name, func(b *testing.B) {
			a, other := pair.start(b)
			reader, _ := other.joinInstant(b, board, 2)
			author, by := a.joinInstant(b, board, 1)
			var delays []time.Duration
			// The subscription is known to the stream's leader when the first comes, with
			// those before it.
			for owed := 1; owed > 0; {
				by.edit(`{"n":0}`)
				<-author.sent
				for waiting := true; waiting && owed > 0; {
					select {
					case <-reader.sent:
						owed--
					case <-time.After(50 * time.Millisecond):
						owed++
						waiting = false
					}
				}
			}
			for b.Loop() {
				by.edit(`{"n":1}`)
				said := <-author.sent
				delays = append(delays, (<-reader.sent).Sub(said))
			}
			slices.Sort(delays)
			b.ReportMetric(float64(quantile(delays, 0.5).Microseconds()), "p50-µs")
			b.ReportMetric(float64(quantile(delays, 0.99).Microseconds()), "p99-µs")
		})
	}
}

// BenchmarkCommitWatched is what a commit costs while another node watches so many
// other documents of the same space.
func BenchmarkCommitWatched(b *testing.B) {
	for _, pair := range pairs[:2] {
		for _, documents := range []int{0, 1000} {
			b.Run(fmt.Sprintf("%s/documents=%d", pair.name, documents), func(b *testing.B) {
				a, other := pair.start(b)
				for i := range documents {
					key := record.Key{Space: board.Space, ID: fmt.Sprintf("watched-%d", i)}
					m := other.joinAs(other.client(1), key, record.Position{})
					m.opened()
				}
				author, by := a.joinInstant(b, board, 1)
				for b.Loop() {
					by.edit(`{"n":1}`)
					<-author.sent
				}
			})
		}
	}
}

// Answer implements [host.Subscriber].
func (s *instant) Answer(a *payload.Answer) { s.Send(a.Bytes()) }
