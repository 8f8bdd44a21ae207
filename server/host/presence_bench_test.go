package host_test

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// BenchmarkPresence is what it costs that a client says something and another one on the
// same server is sent it.
func BenchmarkPresence(b *testing.B) {
	says := func(b *testing.B, w *world) {
		author := w.joinAs(w.client(1), board, record.Position{})
		s := &frames{id: w.client(2).id, sent: make(chan []byte, 64)}
		if _, err := w.registry.Open(testContext(b), 1, board, s, record.Position{}); err != nil {
			b.Fatal(err)
		}
		<-s.sent
		state := []byte(`{"cursor":{"x":100,"y":200},"name":"somebody"}`)
		ctx := testContext(b)
		b.ReportAllocs()
		for b.Loop() {
			if err := author.handle.SetPresence(ctx, state); err != nil {
				b.Fatal(err)
			}
			<-s.sent
		}
	}
	b.Run("embedded", func(b *testing.B) { says(b, newWorld(b)) })
	b.Run("alone", func(b *testing.B) {
		says(b, presentAt(b, natstest.Start(b, b.TempDir(), server.RANDOM_PORT).ClientURL(), 0).world)
	})
	b.Run("shared", func(b *testing.B) {
		url := natstest.Start(b, b.TempDir(), server.RANDOM_PORT).ClientURL()
		presentAt(b, url, 50).join(board)
		says(b, presentAt(b, url, 0).world)
	})
}
