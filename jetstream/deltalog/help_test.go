package deltalog_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

var board = record.Key{Space: "acme", ID: "board"}

// within is how long a test waits for something that must happen.
const within = 20 * time.Second

func testContext(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	t.Cleanup(cancel)
	return ctx
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fast trades the fsync away: these tests do not cut the power.
var fast = natsd.Sync{Interval: time.Minute}

func startNode(t testing.TB, cfg natsd.Config) *natsd.Node {
	t.Helper()
	n, err := natsd.Start(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

func openLog(t testing.TB, n *natsd.Node, change ...func(*deltalog.Config)) *deltalog.Log {
	t.Helper()
	cfg := deltalog.Config{Conn: n.Conn(), JetStream: n.JetStream()}
	for _, c := range change {
		c(&cfg)
	}
	l, err := deltalog.Open(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newLog(t testing.TB, change ...func(*deltalog.Config)) (*deltalog.Log, *natsd.Node) {
	t.Helper()
	n := startNode(t, natsd.Config{Dir: t.TempDir(), Sync: fast})
	return openLog(t, n, change...), n
}

// encode returns a record that continues head, with one mutation of delta.
func encode(t testing.TB, head record.Position, delta string) []byte {
	t.Helper()
	r := record.Record{Epoch: head.Epoch, Prev: head.Revision, PrevChain: head.Chain, Time: 1}
	r.Mutations = []record.Mutation{{ID: record.MutationID{Number: 1, Nonce: 1}, Delta: []byte(delta)}}
	return must[[]byte](t)(r.Encode())
}

func emptyTail(l *deltalog.Log, key record.Key) deltalog.Tail {
	return deltalog.Tail{Head: record.Position{Epoch: l.Epoch(key)}}
}

func add(t testing.TB, l *deltalog.Log, key record.Key, tail deltalog.Tail, delta string) deltalog.Tail {
	t.Helper()
	return must[deltalog.Tail](t)(l.Append(testContext(t), key, tail, encode(t, tail.Head, delta)))
}

// read returns the deltas of all valid records, and checks that they chain.
func read(t testing.TB, l *deltalog.Log, key record.Key) ([]string, deltalog.Tail) {
	t.Helper()
	deltas := []string{}
	head := record.Position{Epoch: l.Epoch(key)}
	tail, err := l.Replay(testContext(t), key, deltalog.Tail{}, func(e deltalog.Entry) error {
		if !e.Record.Continues(head) {
			t.Errorf("%s does not continue %s", e.Position, head)
		}
		head = e.Position
		deltas = append(deltas, string(e.Record.Mutations[0].Delta))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if tail.Head != head {
		t.Errorf("tail is at %s, the last entry at %s", tail.Head, head)
	}
	return deltas, tail
}

// publish stores data by hand, without the checks of Append.
func publish(t testing.TB, n *natsd.Node, key record.Key, expected uint64, data []byte) uint64 {
	t.Helper()
	ack, err := n.JetStream().PublishMsg(testContext(t),
		&nats.Msg{Subject: deltalog.Subject(key), Data: data},
		jetstream.WithExpectLastSequencePerSubject(expected))
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func wantError[E error](t testing.TB, err error) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want %T", err, err, e)
	}
	return e
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func list(deltas []string) string { return strings.Join(deltas, " ") }

func natsdConfig(t testing.TB) natsd.Config { return natsd.Config{Dir: t.TempDir(), Sync: fast} }

func asError[E error](err error, target *E) bool { return errors.As(err, target) }
