package server_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
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
