package feed

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var (
	events    = flag.Int("feed.events", 100_000, "events of BenchmarkRecovery")
	documents = flag.Int("feed.documents", 1_000, "documents of BenchmarkRecovery")
)

// fill stores records of many documents in one shard, in turns.
func (b *bench) fill(n, documents int) {
	b.t.Helper()
	keys := make([]record.Key, documents)
	heads := make([]record.Position, documents)
	for i := range keys {
		keys[i] = record.Key{Space: "s", ID: fmt.Sprint("d", i)}
		heads[i].Epoch = b.log.Epoch(keys[i])
	}
	js := b.node.JetStream()
	_, last, err := must2(b.log.Scanner(deltalog.ShardOf("s"), "s")).Ends(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for i := range n {
		d := i % documents
		rec := record.Record{
			Epoch: heads[d].Epoch, Prev: heads[d].Revision, PrevChain: heads[d].Chain, Time: 1,
			Mutations: []record.Mutation{{Client: record.ClientID{1}, ID: record.MutationID{Number: uint64(i), Nonce: 1}, Delta: fmt.Appendf(nil, `{"field%d":"%056d"}`, i%10, i)}},
		}
		data, err := rec.Encode()
		if err != nil {
			b.t.Fatal(err)
		}
		if _, err := js.PublishAsync(deltalog.Subject(keys[d]), data); err != nil {
			b.t.Fatal(err)
		}
		last++
		heads[d] = record.Position{Epoch: rec.Epoch, Revision: record.Revision(last), Chain: record.ChainOf(data)}
		if i%1000 == 999 {
			<-js.PublishAsyncComplete()
		}
	}
	<-js.PublishAsyncComplete()
}

func must2[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// BenchmarkRecovery delivers what was never delivered, from a local store, beside one ordered
// consumer that reads the same messages and does nothing with them, in turns.
func BenchmarkRecovery(b *testing.B) {
	s := newBench(b)
	s.fill(*events, *documents)
	var raw, ours time.Duration
	var first time.Duration
	for i := 0; b.Loop(); i++ {
		raw += s.readRaw(b)
		took, began := s.recover(b, fmt.Sprint("bench", i))
		ours += took
		first += began
	}
	n := float64(*events * b.N)
	b.ReportMetric(n/ours.Seconds(), "events/s")
	b.ReportMetric(n/raw.Seconds(), "raw/s")
	b.ReportMetric(raw.Seconds()/ours.Seconds(), "ratio")
	b.ReportMetric(float64(first.Microseconds())/1000/float64(b.N), "ms-to-first")
}

func (s *bench) readRaw(b *testing.B) time.Duration {
	began := time.Now()
	consumer, err := s.node.JetStream().OrderedConsumer(b.Context(), deltalog.StreamOfShard(deltalog.ShardOf("s")), jetstream.OrderedConsumerConfig{})
	if err != nil {
		b.Fatal(err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(5_000))
	if err != nil {
		b.Fatal(err)
	}
	defer messages.Stop()
	for range *events {
		if _, err := messages.Next(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func (s *bench) recover(b *testing.B, name string) (took, first time.Duration) {
	began := time.Now()
	delivered := 0
	done := make(chan struct{})
	sub, err := s.feed.Subscribe(Options{Name: name, OnCaughtUp: func() { close(done) }}, func(_ context.Context, list []Event, _ int) error {
		if delivered == 0 {
			first = time.Since(began)
		}
		delivered += len(list)
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() { ended <- sub.Run(ctx) }()
	<-done
	took = time.Since(began)
	cancel()
	<-ended
	if delivered != *events {
		b.Fatalf("delivered %d of %d", delivered, *events)
	}
	return took, first
}
