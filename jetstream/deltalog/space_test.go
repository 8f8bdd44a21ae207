package deltalog_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// deletion is a record that deletes a document.
func deletion(t testing.TB, head record.Position) []byte {
	t.Helper()
	r := record.Record{
		Epoch: head.Epoch, Prev: head.Revision, PrevChain: head.Chain, Time: 2, Kind: record.KindDeletion,
		Mutations: []record.Mutation{{ID: record.MutationID{Number: 1, Nonce: 1}, Delta: []byte(`{"n":null}`)}},
	}
	return must[[]byte](t)(r.Encode())
}

func watchSpace(t testing.TB, l *deltalog.Log, space string) *deltalog.SpaceWatch {
	t.Helper()
	w := must[*deltalog.SpaceWatch](t)(l.WatchSpace(space))
	t.Cleanup(w.Close)
	return w
}

// collect takes what a watch has heard until it has heard of a document's revision.
func collect(t testing.TB, w *deltalog.SpaceWatch, key record.Key, rev record.Revision) (heard map[record.Key]deltalog.Changed, missed bool) {
	t.Helper()
	heard = make(map[record.Key]deltalog.Changed)
	timeout := time.After(within)
	for heard[key].Revision != rev {
		select {
		case <-w.Wake():
			list, lost := w.Take()
			for i, c := range list {
				if i > 0 && c.Revision < list[i-1].Revision {
					t.Errorf("%v before %v", list[i-1], c)
				}
				heard[c.Key] = c
			}
			missed = missed || lost
		case <-timeout:
			t.Fatalf("never heard of %s at %d, only of %v", key, rev, heard)
		}
	}
	return heard, missed
}

func TestWatchSpace(t *testing.T) {
	l, n := newLog(t)
	w := watchSpace(t, l, "demo")
	a, b, d, last := record.Key{Space: "demo", ID: "a.b@~"}, record.Key{Space: "demo", ID: "b"}, record.Key{Space: "demo", ID: "damaged"}, record.Key{Space: "demo", ID: "z"}
	other := record.Key{Space: "demo2", ID: "a"}
	atA := add(t, l, a, emptyTail(l, a), `{"n":1}`)
	atA = add(t, l, a, atA, `{"n":2}`)
	add(t, l, other, emptyTail(l, other), `{"n":1}`)
	atB := add(t, l, b, emptyTail(l, b), `{"n":1}`)
	atB = must[deltalog.Tail](t)(l.Append(testContext(t), b, atB, deletion(t, atB.Head)))
	damaged := publish(t, n, d, 0, []byte("garbage"))
	// What is no news: that somebody asks for a turn, and the base of what was told already.
	of := watch(t, l, a)
	of.AskTurn()
	must[deltalog.Tail](t)(l.AppendBase(testContext(t), a, atA, deltalog.Base{Time: 1, Content: []byte("x")}))
	end := add(t, l, last, emptyTail(l, last), `{"n":1}`)

	heard, missed := collect(t, w, last, end.Head.Revision)
	if missed {
		t.Error("something is said to be missing")
	}
	equal(t, "documents", len(heard), 4)
	equal(t, "a", heard[a], deltalog.Changed{Key: a, Revision: atA.Head.Revision, Modified: heard[a].Modified})
	equal(t, "b", heard[b], deltalog.Changed{Key: b, Revision: atB.Head.Revision, Modified: time.UnixMilli(2).UTC(), Deleted: true})
	equal(t, "damaged", heard[d], deltalog.Changed{Key: d, Revision: record.Revision(damaged), Damaged: true})
	if list, missed := w.Take(); len(list) > 0 || missed {
		t.Errorf("told twice: %v", list)
	}
	if _, err := l.WatchSpace("a/b"); err == nil {
		t.Error("a space that is none is watched")
	}
}

// TestL9_SpaceWatchIsBounded: news of more documents than a watch remembers is
// forgotten, which it says; what comes later is there.
func TestL9_SpaceWatchIsBounded(t *testing.T) {
	l, n := newLog(t)
	w := watchSpace(t, l, "demo")
	const documents = 4100
	epoch := emptyTail(l, record.Key{Space: "demo", ID: "x"}).Head
	data := encode(t, epoch, `{"n":1}`)
	var last uint64
	for i := range documents {
		key := record.Key{Space: "demo", ID: fmt.Sprint("d", i)}
		msg := &nats.Msg{Subject: deltalog.Subject(key), Data: data}
		if i == documents-1 {
			ack := must[*jetstream.PubAck](t)(n.JetStream().PublishMsg(testContext(t), msg))
			last = ack.Sequence
		} else if err := n.Conn().PublishMsg(msg); err != nil {
			t.Fatal(err)
		}
	}
	// The last news comes right before its acknowledgement, or a moment after it.
	var heard []deltalog.Changed
	missed := false
	for timeout := time.After(within); len(heard) == 0 || heard[len(heard)-1].Revision != record.Revision(last); {
		select {
		case <-w.Wake():
		case <-timeout:
			t.Fatal("the last news did not come")
		}
		// The reader is slow: it looks when all has come.
		if must[int64](t)(w.Delivered()) < documents {
			continue
		}
		var lost bool
		heard, lost = w.Take()
		missed = missed || lost
	}
	if !missed {
		t.Error("nothing is said to be missing")
	}
	if len(heard) > 4096 {
		t.Errorf("%d documents were remembered", len(heard))
	}
}

// TestSpaceWatchEnds: it says so when the connection is closed.
func TestSpaceWatchEnds(t *testing.T) {
	l, n := newLog(t)
	w := watchSpace(t, l, "demo")
	n.Conn().Close()
	select {
	case status := <-w.Status():
		equal(t, "status", status, nats.CLOSED)
	case <-time.After(within):
		t.Error("nothing was said")
	}
}
