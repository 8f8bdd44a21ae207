package deltalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// epochs returns the epoch of every stream, by the metadata.
func epochs(t testing.TB, n *natsd.Node) string {
	t.Helper()
	var all []string
	list := n.JetStream().ListStreams(testContext(t))
	for info := range list.Info() {
		all = append(all, info.Config.Name+"="+info.Config.Metadata["rivulet-epoch"])
	}
	if err := list.Err(); err != nil {
		t.Fatal(err)
	}
	equal(t, "streams", len(all), deltalog.Shards)
	return strings.Join(all, " ")
}

func TestRestartKeepsEpochAndRecords(t *testing.T) {
	cfg := natsdConfig(t)
	n := startNode(t, cfg)
	l := openLog(t, n)
	before, epoch := epochs(t, n), l.Epoch(board)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	n = startNode(t, cfg)
	l = openLog(t, n)
	equal(t, "epochs", epochs(t, n), before)
	equal(t, "epoch", l.Epoch(board), epoch)
	tail = add(t, l, board, tail, `{"a":2}`)
	deltas, end := read(t, l, board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
	equal(t, "tail", end, tail)
}

// TestL2_WipedDirectoryHasANewEpoch: nobody continues on a log that is gone.
func TestL2_WipedDirectoryHasANewEpoch(t *testing.T) {
	cfg := natsdConfig(t)
	n := startNode(t, cfg)
	l := openLog(t, n)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Dir, "jetstream")); err != nil {
		t.Fatal(err)
	}
	l = openLog(t, startNode(t, cfg))
	if l.Epoch(board) == tail.Head.Epoch {
		t.Fatal("the epoch is the same")
	}
	_, err := l.Append(testContext(t), board, tail, encode(t, tail.Head, `{"a":2}`))
	wantError[*deltalog.PositionError](t, err)
	_, err = l.Replay(testContext(t), board, tail, func(deltalog.Entry) error { return nil })
	wantError[*deltalog.PositionError](t, err)
}

func TestOpenAtOnceAgrees(t *testing.T) {
	n := startNode(t, natsdConfig(t))
	var wg sync.WaitGroup
	logs := make([]*deltalog.Log, 4)
	for i := range logs {
		wg.Go(func() {
			var err error
			logs[i], err = deltalog.Open(testContext(t), deltalog.Config{Conn: n.Conn(), JetStream: n.JetStream()})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		for _, l := range logs[1:] {
			equal(t, "epoch", l.Epoch(record.Key{Space: id, ID: id}), logs[0].Epoch(record.Key{Space: id, ID: id}))
		}
	}
}

func TestOpenRefusesOtherStreams(t *testing.T) {
	n := startNode(t, natsdConfig(t))
	js := n.JetStream()
	openLog(t, n)
	name := deltalog.Stream(board)
	stream := must[jetstream.Stream](t)(js.Stream(testContext(t), name))
	good := stream.CachedInfo().Config
	meta := func(c *jetstream.StreamConfig, k, v string) {
		c.Metadata = map[string]string{"rivulet-epoch": good.Metadata["rivulet-epoch"], "rivulet-format": "1"}
		c.Metadata[k] = v
	}
	for want, change := range map[string]func(*jetstream.StreamConfig){
		"not made by Rivulet":    func(c *jetstream.StreamConfig) { c.Metadata = nil },
		`format version is "2"`:  func(c *jetstream.StreamConfig) { meta(c, "rivulet-format", "2") },
		`rivulet-epoch is "0"`:   func(c *jetstream.StreamConfig) { meta(c, "rivulet-epoch", "0") },
		`rivulet-epoch is "xyz"`: func(c *jetstream.StreamConfig) { meta(c, "rivulet-epoch", "xyz") },
		"subjects are":           func(c *jetstream.StreamConfig) { c.Subjects = []string{"rv.>"} },
		"not stored in files":    func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"(retention, age":        func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"at a limit":             func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 9, jetstream.DiscardOld },
		"direct gets":            func(c *jetstream.StreamConfig) { c.AllowDirect = false },
		"atomic publishing":      func(c *jetstream.StreamConfig) { c.AllowAtomicPublish = false },
		"stores again": func(c *jetstream.StreamConfig) {
			c.RePublish = &jetstream.RePublish{Source: good.RePublish.Source, Destination: "other.>"}
		},
		"from rv.": func(c *jetstream.StreamConfig) {
			c.RePublish = &jetstream.RePublish{Source: good.RePublish.Source, Destination: good.RePublish.Destination, HeadersOnly: true}
		},
		"not acknowledge": func(c *jetstream.StreamConfig) { c.NoAck, c.AllowAtomicPublish = true, false },
		"up to 5 bytes":   func(c *jetstream.StreamConfig) { c.MaxMsgSize = 5 },
		"3 are asked for": func(*jetstream.StreamConfig) {},
	} {
		c := good
		change(&c)
		// All streams of the log are remade, so that none overlaps.
		if err := js.DeleteStream(testContext(t), name); err != nil {
			t.Fatal(err)
		}
		if want == "subjects are" {
			deleteStreams(t, js)
		}
		natstest.CreateStream(t, js, c)
		replicas := 1
		if want == "3 are asked for" {
			replicas = 3
		}
		_, err := deltalog.Open(testContext(t), deltalog.Config{Conn: n.Conn(), JetStream: js, Replicas: replicas})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", want, err)
		}
		if e := new(deltalog.StreamError); !asError(err, &e) {
			t.Errorf("%s: %T", want, err)
		}
		if want == "subjects are" {
			deleteStreams(t, js)
			natstest.CreateStream(t, js, good)
			openLog(t, n)
		}
	}
}

func deleteStreams(t testing.TB, js jetstream.JetStream) {
	t.Helper()
	names := js.StreamNames(testContext(t))
	for name := range names.Name() {
		if err := js.DeleteStream(testContext(t), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := names.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestL1_ReplacedStreamIsNoticed: a record of the old epoch is void in the new
// stream, so its acknowledgement counts for nothing.
func TestL1_ReplacedStreamIsNoticed(t *testing.T) {
	l, n := newLog(t)
	add(t, l, board, emptyTail(l, board), `{"a":1}`)
	deleteStreams(t, n.JetStream())
	fresh := openLog(t, n)
	other := record.Key{Space: board.Space, ID: "other"}
	_, err := l.Append(testContext(t), other, emptyTail(l, other), encode(t, emptyTail(l, other).Head, `{"a":2}`))
	replaced := wantError[*deltalog.EpochError](t, err)
	equal(t, "stream", replaced.Stream, deltalog.Stream(board))
	equal(t, "found", replaced.Found, fresh.Epoch(board))
	deltas, _ := read(t, fresh, other)
	equal(t, "valid records", list(deltas), "")
}
