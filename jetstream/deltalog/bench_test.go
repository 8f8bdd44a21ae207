package deltalog_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// BenchmarkAppend compares Append by one writer with the bare publish that it
// is made of, on the same server.
func BenchmarkAppend(b *testing.B) {
	for _, sync := range []natsd.Sync{{Always: true}, fast} {
		n := startNode(b, natsd.Config{Dir: b.TempDir(), Sync: sync})
		l := openLog(b, n)
		delta := fmt.Sprintf(`{"a":"%0110d"}`, 1)
		b.Run("sync="+sync.String()+"/append", func(b *testing.B) {
			tail := mustRead(b, l, board)
			b.ReportAllocs()
			for b.Loop() {
				next, err := l.Append(b.Context(), board, tail, encode(b, tail.Head, delta))
				if err != nil {
					b.Fatal(err)
				}
				tail = next
			}
		})
		b.Run("sync="+sync.String()+"/publish", func(b *testing.B) {
			tail := mustRead(b, l, board)
			last := tail.Last
			data := encode(b, tail.Head, delta)
			b.ReportAllocs()
			for b.Loop() {
				msg := &nats.Msg{Subject: deltalog.Subject(board), Data: data, Header: nats.Header{
					jetstream.ExpectedLastSubjSeqHeader: {strconv.FormatUint(last, 10)},
				}}
				ack, err := n.JetStream().PublishMsg(b.Context(), msg)
				if err != nil {
					b.Fatal(err)
				}
				last = ack.Sequence
			}
		})
	}
}

func mustRead(b *testing.B, l *deltalog.Log, key record.Key) deltalog.Tail {
	b.Helper()
	return must[deltalog.Tail](b)(l.Replay(b.Context(), key, deltalog.Tail{}, func(deltalog.Entry) error { return nil }))
}

// BenchmarkReplay reads a document of 100,000 records from its beginning.
func BenchmarkReplay(b *testing.B) {
	const records = 100_000
	l, _ := newLog(b)
	tail := emptyTail(l, board)
	for i := range records {
		next, err := l.Append(b.Context(), board, tail, encode(b, tail.Head, fmt.Sprintf(`{"a":"%0110d"}`, i)))
		if err != nil {
			b.Fatal(err)
		}
		tail = next
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := mustRead(b, l, board); got != tail {
			b.Fatalf("read up to %+v of %+v", got, tail)
		}
	}
	b.ReportMetric(float64(records)*float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

// BenchmarkReplayUpToDate is what a reader pays who has everything.
func BenchmarkReplayUpToDate(b *testing.B) {
	l, _ := newLog(b)
	tail := add(b, l, board, emptyTail(l, board), `{"a":1}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Replay(b.Context(), board, tail, func(deltalog.Entry) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}
