package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// BenchmarkPatch is an acknowledged edit of one document over WebSockets, with
// many in flight from some clients.
func BenchmarkPatch(b *testing.B) {
	for _, clients := range []int{1, 8} {
		b.Run(fmt.Sprintf("clients=%d", clients), func(b *testing.B) {
			srv := start(b, server.Config{})
			docs := make([]*client.Doc, clients)
			for i := range docs {
				docs[i] = open(b, connect(b, srv.URL()), board)
			}
			var n atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				who := n.Add(1)
				d := docs[int(who)%clients]
				for i := 0; pb.Next(); i++ {
					if _, err := d.Patch(b.Context(), delta.Trusted(fmt.Appendf(nil, `{"c":{"w%d":%d}}`, who, i))); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkUpdate is an acknowledged transaction of a Go program that embeds the
// server, beside a synchronous publish with an expected sequence on the same NATS.
func BenchmarkUpdate(b *testing.B) {
	srv := start(b, server.Config{})
	// It outlives a run: the next one goes on where the subject ends.
	publisher := &raw{subject: deltalog.Subject(record.Key{Space: "demo", ID: "raw"}), data: make([]byte, 100)}
	b.Run("raw", func(b *testing.B) {
		js := srv.JetStream()
		b.ReportAllocs()
		for b.Loop() {
			if err := publisher.publish(b.Context(), js, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			d := srv.Doc(record.Key{Space: "demo", ID: fmt.Sprint("counted", writers)})
			b.ReportAllocs()
			if writers == 1 {
				for b.Loop() {
					if _, err := d.Update(b.Context(), count); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.SetParallelism(writers / 2)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := d.Update(b.Context(), count); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
