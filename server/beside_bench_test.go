package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// way is one of two ways to do the same.
type way struct {
	name string
	do   func(edits int) error
	took time.Duration
}

// beside does b.N edits in each of two ways, in turns, so that the disk and whatever else
// the machine does meet both alike. It reports the edits a second of each, and how many
// times the first one's rate the second one's is.
func beside(b *testing.B, first, second way) {
	const turns = 10
	ways := []*way{&first, &second}
	b.ResetTimer()
	for turn := range turns {
		edits := b.N*(turn+1)/turns - b.N*turn/turns
		for _, w := range ways {
			began := time.Now()
			if err := w.do(edits); err != nil {
				b.Fatalf("%s: %v", w.name, err)
			}
			w.took += time.Since(began)
		}
		ways[0], ways[1] = ways[1], ways[0]
	}
	b.StopTimer()
	for _, w := range ways {
		b.ReportMetric(float64(b.N)/w.took.Seconds(), w.name+"/s")
	}
	b.ReportMetric(first.took.Seconds()/second.took.Seconds(), "ratio")
}

// each divides edits among goroutines.
func each(goroutines, edits int, do func(i, edits int) error) error {
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for i := range goroutines {
		if n := (edits + goroutines - 1 - i) / goroutines; n > 0 {
			wg.Go(func() { errs[i] = do(i, n) })
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// raw publishes on a subject with the expected sequence, the next when the last one is
// acknowledged.
type raw struct {
	subject string
	data    []byte
	last    uint64
}

func (r *raw) publish(ctx context.Context, js jetstream.JetStream, times int) error {
	for range times {
		ack, err := js.PublishMsg(ctx, &nats.Msg{Subject: r.subject, Data: r.data},
			jetstream.WithExpectLastSequencePerSubject(r.last), jetstream.WithRetryAttempts(0))
		if err != nil {
			return err
		}
		r.last = ack.Sequence
	}
	return nil
}

// BenchmarkHundredDocuments is an acknowledged transaction of one of 100 documents in ten
// spaces, each in a stream of its own, with one writer for each document, sync always;
// beside as many publishers of messages as large on subjects of the same streams.
func BenchmarkHundredDocuments(b *testing.B) {
	const spaces, documents = 10, 100
	srv := startSynced(b, natsd.Sync{})
	js := srv.JetStream()
	docs, raws := make([]*server.Document, documents), make([]*raw, documents)
	for i, space := range spacesApart(spaces, documents) {
		key := record.Key{Space: space, ID: fmt.Sprint("document", i)}
		docs[i] = srv.Doc(key)
		if _, err := docs[i].Update(b.Context(), count); err != nil {
			b.Fatal(err)
		}
		raws[i] = &raw{
			subject: deltalog.Subject(record.Key{Space: space, ID: fmt.Sprint("raw", i)}),
			data:    make([]byte, stored(b, js, key)),
		}
	}
	beside(b, way{name: "publishes", do: func(edits int) error {
		return each(documents, edits, func(i, n int) error { return raws[i].publish(b.Context(), js, n) })
	}}, way{name: "edits", do: func(edits int) error {
		return each(documents, edits, func(i, n int) error {
			for range n {
				if _, err := docs[i].Update(b.Context(), count); err != nil {
					return err
				}
			}
			return nil
		})
	}})
}

// stored returns how many bytes the last record of a document has.
func stored(b *testing.B, js jetstream.JetStream, key record.Key) int {
	b.Helper()
	stream, err := js.Stream(b.Context(), deltalog.Stream(key))
	if err != nil {
		b.Fatal(err)
	}
	last, err := stream.GetLastMsgForSubject(b.Context(), deltalog.Subject(key))
	if err != nil {
		b.Fatal(err)
	}
	return len(last.Data)
}

// spacesApart returns the spaces of so many documents: some, taking turns, of which no two
// share a stream.
func spacesApart(spaces, documents int) []string {
	var apart []string
	taken := make(map[string]bool)
	for i := 0; len(apart) < spaces; i++ {
		space := fmt.Sprint("space", i)
		if stream := deltalog.Stream(record.Key{Space: space, ID: "x"}); !taken[stream] {
			taken[stream] = true
			apart = append(apart, space)
		}
	}
	all := make([]string, documents)
	for i := range all {
		all[i] = apart[i%spaces]
	}
	return all
}

// BenchmarkWholeDocument is an acknowledged change of one field in a document of so many
// bytes, sync interval, beside a compare-and-set of the whole of it in a key-value bucket
// of the same NATS: its bytes are there before, so that making them costs nothing.
func BenchmarkWholeDocument(b *testing.B) {
	for _, kilobytes := range []int{10, 100, 900} {
		b.Run(fmt.Sprintf("kilobytes=%d", kilobytes), func(b *testing.B) {
			srv := start(b, server.Config{})
			d := srv.Doc(record.Key{Space: "demo", ID: "records"})
			fields, err := fill(b.Context(), d, kilobytes*1000)
			if err != nil {
				b.Fatal(err)
			}
			state, err := d.Get(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			kv, err := srv.JetStream().CreateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "whole"})
			if err != nil {
				b.Fatal(err)
			}
			last, err := kv.Create(b.Context(), "records", state.JSON)
			if err != nil {
				b.Fatal(err)
			}
			n := 0
			beside(b, way{name: "wholes", do: func(edits int) error {
				for range edits {
					if last, err = kv.Update(b.Context(), "records", state.JSON, last); err != nil {
						return err
					}
				}
				return nil
			}}, way{name: "deltas", do: func(edits int) error {
				for range edits {
					n++
					field, value := fmt.Sprintf("/records/r%05d/count", n*7919%fields), fmt.Append(nil, n)
					if _, err := d.Update(b.Context(), func(tx *doc.Tx) error { return tx.Set(pointer(field), value) }); err != nil {
						return err
					}
				}
				return nil
			}})
		})
	}
}

// fill makes a document of records of about so many bytes and returns how many it has.
func fill(ctx context.Context, d *server.Document, size int) (records int, err error) {
	for made := 0; made < size; {
		patch := []byte(`{"records":{`)
		for ; made < size && len(patch) < 100_000; records++ {
			if before := len(patch); patch[before-1] != '{' {
				patch = append(patch, ',')
			}
			before := len(patch)
			patch = fmt.Appendf(patch, `"r%05d":{"count":0,"email":"user%d@example.com","name":"User %d"}`, records, records, records)
			made += len(patch) - before + 1
		}
		if _, err := d.Patch(ctx, append(patch, "}}"...)); err != nil {
			return 0, err
		}
	}
	return records, nil
}
