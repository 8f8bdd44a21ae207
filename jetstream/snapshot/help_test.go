package snapshot_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const streamName = "RV_SNAPSHOTS"

var (
	board = record.Key{Space: "acme", ID: "board"}
	notes = record.Key{Space: "acme", ID: "no:tes"}
)

// large is the size of a document whose snapshot has two parts.
const large = snapshot.PartSize * 3 / 2

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

func startNode(t testing.TB, dir string) *natsd.Node {
	t.Helper()
	n, err := natsd.Start(testContext(t), natsd.Config{Dir: dir, Sync: natsd.Sync{Interval: time.Minute}})
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

func openStore(t testing.TB, n *natsd.Node, change ...func(*snapshot.Config)) *snapshot.Store {
	t.Helper()
	cfg := snapshot.Config{JetStream: n.JetStream()}
	for _, c := range change {
		c(&cfg)
	}
	return must[*snapshot.Store](t)(snapshot.Open(testContext(t), cfg))
}

func newStore(t testing.TB, change ...func(*snapshot.Config)) (*snapshot.Store, *natsd.Node) {
	t.Helper()
	n := startNode(t, t.TempDir())
	return openStore(t, n, change...), n
}

// sample returns a snapshot of a document of about so many bytes, which hardly
// compress.
func sample(seed uint64, size int) snapshot.Snapshot {
	random := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	noise := make([]byte, size*3/4)
	random.Read(noise) //nolint:errcheck // never fails
	text := fmt.Appendf(nil, `{"n":%d,"noise":%q}`, seed, base64.StdEncoding.EncodeToString(noise))
	s := snapshot.Snapshot{
		At:      record.Position{Epoch: record.Epoch(random.Uint64()), Revision: record.Revision(seed + 100), Chain: record.Chain(random.Uint64())},
		Records: seed + 1, Time: 1_767_225_600_000 + int64(seed),
		Modified: 1_767_225_500_000 + int64(seed), Deleted: record.Revision(seed),
		Clients:  map[record.ClientID]snapshot.Client{},
		Checksum: doc.Open(text).Checksum(), Document: text,
	}
	for range seed % 5 {
		var id record.ClientID
		random.Read(id[:]) //nolint:errcheck // never fails
		s.Clients[id] = snapshot.Client{Last: record.MutationID{Number: random.Uint64(), Nonce: random.Uint64()}, Seen: int64(random.Uint64())}
	}
	return s
}

func put(t testing.TB, store *snapshot.Store, key record.Key, s snapshot.Snapshot) {
	t.Helper()
	if err := store.Put(testContext(t), key, s); err != nil {
		t.Fatal(err)
	}
}

func wantSame(t testing.TB, store *snapshot.Store, key record.Key, want snapshot.Snapshot) {
	t.Helper()
	if got := must[snapshot.Snapshot](t)(store.Get(testContext(t), key)); !reflect.DeepEqual(got, want) {
		t.Fatalf("got the snapshot at %s with %d bytes, want the one at %s with %d", got.At, len(got.Document), want.At, len(want.Document))
	}
}

func wantNone(t testing.TB, store *snapshot.Store, key record.Key) {
	t.Helper()
	if _, err := store.Get(testContext(t), key); !errors.Is(err, snapshot.ErrNone) {
		t.Fatalf("error is %T %v, want none", err, err)
	}
}

// stored returns the messages of the stream, by subject.
func stored(t testing.TB, n *natsd.Node) map[string][]byte {
	t.Helper()
	s := must[jetstream.Stream](t)(n.JetStream().Stream(testContext(t), streamName))
	info := must[*jetstream.StreamInfo](t)(s.Info(testContext(t), jetstream.WithSubjectFilter(">")))
	all := make(map[string][]byte)
	for subject := range info.State.Subjects {
		all[subject] = must[*jetstream.RawStreamMsg](t)(s.GetLastMsgForSubject(testContext(t), subject)).Data
	}
	return all
}

// publish stores a message by hand.
func publish(t testing.TB, n *natsd.Node, subject string, data []byte) {
	t.Helper()
	must[*jetstream.PubAck](t)(n.JetStream().PublishMsg(testContext(t), &nats.Msg{Subject: subject, Data: data}))
}

// purge removes messages by hand.
func purge(t testing.TB, n *natsd.Node, subject string) {
	t.Helper()
	s := must[jetstream.Stream](t)(n.JetStream().Stream(testContext(t), streamName))
	if err := s.Purge(testContext(t), jetstream.WithPurgeSubject(subject)); err != nil {
		t.Fatal(err)
	}
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
