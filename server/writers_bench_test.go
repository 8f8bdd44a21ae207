package server_test

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// BenchmarkWriters is an acknowledged edit by one of 64 writers of one document over
// WebSockets: all of them count one field through a mutator, or each writes a field of
// its own by a plain patch. A writer has so many edits in flight. Those of kind frames
// speak the protocol and no more; those of kind replicas are whole clients, which apply
// everything that the others do, on the same cores as the server.
func BenchmarkWriters(b *testing.B) {
	const writers = 64
	for _, sync := range []struct {
		name string
		sync natsd.Sync
	}{{"interval", natsd.Sync{Interval: time.Minute}}, {"always", natsd.Sync{}}} {
		for _, what := range []string{"mutator", "patch"} {
			for _, inFlight := range []int{1, 8} {
				b.Run(fmt.Sprintf("frames/sync=%s/%s/flight=%d", sync.name, what, inFlight), func(b *testing.B) {
					srv := startSynced(b, sync.sync)
					var conflicts atomic.Int64
					all(b, writers, func(i, edits int) error {
						return writeFrames(b.Context(), srv.URL(), what, i, edits, inFlight, &conflicts)
					})
					b.ReportMetric(float64(conflicts.Load()), "conflicts")
					check(b, srv, what, writers)
				})
			}
			b.Run(fmt.Sprintf("replicas/sync=%s/%s", sync.name, what), func(b *testing.B) {
				srv := startSynced(b, sync.sync)
				docs := make([]*client.Doc, writers)
				for i := range docs {
					docs[i] = open(b, connectWith(b, srv.URL(), counting()), board)
				}
				all(b, writers, func(i, edits int) error { return writeReplica(b.Context(), docs[i], what, i, edits) })
				check(b, srv, what, writers)
			})
		}
	}
}

// startSynced starts a server with a mutator that counts.
func startSynced(b *testing.B, sync natsd.Sync) *server.Server {
	srv, err := server.Start(context.Background(), server.Config{
		Addr: "127.0.0.1:0", Data: b.TempDir(), Sync: sync, Mutators: counting(),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := srv.Close(); err != nil {
			b.Error(err)
		}
	})
	return srv
}

func counting() *mutator.Registry {
	var r mutator.Registry
	r.Register("count", addArgs)
	return &r
}

// all divides b.N edits among the writers.
func all(b *testing.B, writers int, write func(i, edits int) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range writers {
		edits := b.N / writers
		if i < b.N%writers {
			edits++
		}
		wg.Go(func() {
			if err := write(i, edits); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "edits/s")
}

// check finds every edit in the document.
func check(b *testing.B, srv *server.Server, what string, writers int) {
	state, err := srv.Doc(board).Get(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	want := fmt.Sprintf(`{"n":%d}`, b.N)
	if what == "patch" {
		var members []string
		for i := range writers {
			if edits := (b.N + writers - 1 - i) / writers; edits > 0 {
				members = append(members, fmt.Sprintf(`"w%02d":%d`, i, edits))
			}
		}
		want = "{" + strings.Join(members, ",") + "}"
	}
	if got := string(state.JSON); got != want {
		b.Errorf("the document is %s, want %s", got, want)
	}
}

func writeReplica(ctx context.Context, d *client.Doc, what string, who, edits int) error {
	for n := range edits {
		var err error
		if what == "mutator" {
			_, err = d.Invoke(ctx, "count", []byte("1"))
		} else {
			_, err = d.Patch(ctx, delta.Trusted(fmt.Appendf(nil, `{"w%02d":%d}`, who, n+1)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeFrames writes as fast as the answers come. It looks at records no closer than it
// must: how often its own id is in them, and what the count is at their end.
func writeFrames(ctx context.Context, url, what string, who, edits, inFlight int, conflicts *atomic.Int64) error {
	conn, _, err := websocket.Dial(ctx, url+"/v1/sync", nil)
	if err != nil {
		return err
	}
	defer conn.CloseNow()
	conn.SetReadLimit(64 << 20)
	send := func(f wire.Frame) error { return conn.Write(ctx, websocket.MessageBinary, wire.Encode(f)) }
	if err := send(&wire.Hello{Protocol: wire.Protocol}); err != nil {
		return err
	}
	w := frameWriter{what: what, who: who}
	for w.acknowledged < edits {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return err
		}
		for len(message) > 0 {
			f, rest, err := wire.Decode(message)
			if err != nil {
				return err
			}
			message = rest
			switch f := f.(type) {
			case *wire.Welcome:
				w.me = f.Client
				err = send(&wire.Open{Request: 1, Key: board.String()})
			case *wire.Opened:
				w.doc, w.base = f.Doc, f.At.Revision
				fmt.Sscanf(string(f.Snapshot), `{"n":%d}`, &w.count) //nolint:errcheck // 0 when there is none
			case *wire.Commit:
				w.read(f)
			case *wire.Conflict:
				conflicts.Add(1)
				return fmt.Errorf("writer %d: conflict at edit %d", who, f.ID.Number)
			case *wire.Reject:
				return fmt.Errorf("writer %d: %s: %s", who, f.Code, f.Detail)
			}
			if err != nil {
				return err
			}
		}
		for w.doc != 0 && w.sent < edits && w.sent-w.acknowledged < inFlight {
			if err := send(w.next()); err != nil {
				return err
			}
		}
	}
	return nil
}

// frameWriter is a client that knows of itself and of one number.
type frameWriter struct {
	what               string
	who                int
	me                 record.ClientID
	doc                uint32
	base               record.Revision
	count              int // in the last record
	sent, acknowledged int
}

func (w *frameWriter) read(f *wire.Commit) {
	w.base = f.Revision
	w.acknowledged += bytes.Count(f.Record, w.me[:])
	if i := bytes.LastIndexByte(f.Record, ':'); w.what == "mutator" && i >= 0 {
		w.count, _ = strconv.Atoi(string(f.Record[i+1 : len(f.Record)-1]))
	}
}

// next returns the next edit. The nonce 1 is that of what it sends; it does not look
// under which one that was stored, so what it follows is known by number only.
func (w *frameWriter) next() wire.Frame {
	w.sent++
	id := record.MutationID{Number: uint64(w.sent), Nonce: 1}
	var follows record.MutationID
	if w.sent > 1 {
		follows = record.MutationID{Number: uint64(w.sent - 1), Nonce: 1}
	}
	if w.what == "patch" {
		return &wire.Push{Doc: w.doc, ID: id, Follows: follows, Base: w.base, Delta: fmt.Appendf(nil, `{"w%02d":%d}`, w.who, w.sent)}
	}
	return &wire.Invoke{
		Doc: w.doc, ID: id, Follows: follows, Base: w.base, Reads: []delta.Read{{Kind: delta.ReadValue, Path: "/n"}},
		Name: "count", Args: []byte("1"), Delta: fmt.Appendf(nil, `{"n":%d}`, w.count+w.sent-w.acknowledged),
	}
}
