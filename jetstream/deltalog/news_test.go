package deltalog_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func watch(t testing.TB, l *deltalog.Log, key record.Key) *deltalog.Watch {
	t.Helper()
	w := must[*deltalog.Watch](t)(l.Watch(key))
	t.Cleanup(w.Close)
	return w
}

// message returns the next news.
func message(t testing.TB, w *deltalog.Watch) *nats.Msg {
	t.Helper()
	select {
	case m := <-w.News():
		return m
	case <-time.After(within):
		t.Fatal("no news came")
		return nil
	}
}

// taken gives news to a watch and returns the deltas that it passed on.
func taken(t testing.TB, w *deltalog.Watch, tail deltalog.Tail, m *nats.Msg) (string, deltalog.Tail, error) {
	t.Helper()
	var deltas []string
	tail, err := w.Take(tail, m, func(e deltalog.Entry) error {
		deltas = append(deltas, string(e.Record.Mutations[0].Delta))
		return nil
	})
	return list(deltas), tail, err
}

// TestL1_RejectedPublishIsNoNews: what was refused is not published again, while a
// subscriber of the stream's own subject does see it. What was stored is, on one
// server and on three, in the stored bytes, with where it and the one before it are.
func TestL1_RejectedPublishIsNoNews(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() (*deltalog.Log, *natsd.Node){
		"R1": func() (*deltalog.Log, *natsd.Node) { return newLog(t) },
		"R3": func() (*deltalog.Log, *natsd.Node) {
			n := startNode(t, natsd.Config{URL: natstest.URLs(natstest.Cluster(t))})
			return openLog(t, n, func(c *deltalog.Config) { c.Replicas = 3 }), n
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, n := start()
			w := watch(t, l, board)
			raw := must[*nats.Subscription](t)(n.Conn().SubscribeSync(deltalog.Subject(board)))
			// The subscriptions are known where the stream's leader is when another
			// document's news comes through.
			other := record.Key{Space: board.Space, ID: "other"}
			ow := watch(t, l, other)
			otherTail := add(t, l, other, emptyTail(l, other), `{"o":1}`)
			for len(ow.News()) == 0 {
				otherTail = add(t, l, other, otherTail, `{"o":1}`)
			}

			empty := emptyTail(l, board)
			data := []([]byte){encode(t, empty.Head, `{"a":1}`), encode(t, empty.Head, `{"refused":1}`), nil}
			first := publish(t, n, board, 0, data[0])
			_, err := n.JetStream().PublishMsg(testContext(t), &nats.Msg{Subject: deltalog.Subject(board), Data: data[1]},
				jetstream.WithExpectLastSequencePerSubject(0))
			if err == nil {
				t.Fatal("the second publish was not refused")
			}
			head := record.Position{Epoch: empty.Head.Epoch, Revision: record.Revision(first), Chain: record.ChainOf(data[0])}
			data[2] = encode(t, head, `{"a":2}`)
			last := publish(t, n, board, first, data[2])

			for i := range data {
				m, err := raw.NextMsgWithContext(testContext(t))
				if err != nil || !bytes.Equal(m.Data, data[i]) {
					t.Fatalf("the subject's own subscriber got %v %v, want publish %d", m, err, i)
				}
			}
			for _, want := range []struct {
				sequence, before uint64
				data             []byte
			}{{first, 0, data[0]}, {last, first, data[2]}} {
				m := message(t, w)
				equal(t, "subject", m.Subject, "rvn"+strings.TrimPrefix(deltalog.Subject(board), "rv"))
				if !bytes.Equal(m.Data, want.data) {
					t.Fatalf("news has other bytes: %q", m.Data)
				}
				at, err := time.Parse(time.RFC3339Nano, m.Header.Get("Nats-Time-Stamp"))
				if err != nil || time.Since(at).Abs() > time.Minute {
					t.Errorf("time stamp: %v %v", at, err)
				}
				m.Header.Del("Nats-Time-Stamp")
				equal(t, "headers", fmt.Sprint(m.Header), fmt.Sprint(nats.Header{
					"Nats-Stream":                         {deltalog.Stream(board)},
					"Nats-Subject":                        {deltalog.Subject(board)},
					"Nats-Sequence":                       {fmt.Sprint(want.sequence)},
					"Nats-Last-Sequence":                  {fmt.Sprint(want.before)},
					"Nats-Expected-Last-Subject-Sequence": {fmt.Sprint(want.before)}, // the writer's own
				}))
			}
			equal(t, "further news", len(w.News()), 0)
		})
	}
}

// TestL2_NewsIsTheLog: who takes the news has what who replays the log has. What
// comes twice counts once, and what is void in the log is void as news.
func TestL2_NewsIsTheLog(t *testing.T) {
	var voids []uint64
	l, n := newLog(t, func(c *deltalog.Config) {
		c.OnVoid = func(_ record.Key, v deltalog.Void) { voids = append(voids, v.Sequence) }
	})
	w := watch(t, l, board)
	written := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	written = add(t, l, board, written, `{"a":2}`)
	void := publish(t, n, board, written.Last, encode(t, emptyTail(l, board).Head, `{"void":1}`))
	written = add(t, l, board, deltalog.Tail{Head: written.Head, Last: void}, `{"a":3}`)

	var got []string
	tail := emptyTail(l, board)
	for range 4 {
		m := message(t, w)
		for range 2 {
			deltas, next, err := taken(t, w, tail, m)
			if err != nil {
				t.Fatal(err)
			}
			if tail = next; deltas != "" {
				got = append(got, deltas)
			}
		}
	}
	equal(t, "voids", fmt.Sprint(voids), fmt.Sprint([]uint64{void}))
	equal(t, "tail", tail, written)
	replayed, _ := read(t, l, board)
	equal(t, "deltas", list(got), list(replayed))
}

// TestL2_NewsShowsItsGaps: news that does not follow the tail changes nothing and
// says so; neither does news that no stream has published.
func TestL2_NewsShowsItsGaps(t *testing.T) {
	l, n := newLog(t)
	w := watch(t, l, board)
	empty := emptyTail(l, board)
	first := add(t, l, board, empty, `{"a":1}`)
	second := add(t, l, board, first, `{"a":2}`)
	m1, m2 := message(t, w), message(t, w)
	gap := func(what string, tail deltalog.Tail, m *nats.Msg) {
		t.Helper()
		deltas, now, err := taken(t, w, tail, m)
		if !errors.Is(err, deltalog.ErrGap) || deltas != "" || now != tail {
			t.Errorf("%s: took %s, now at %+v, %v", what, deltas, now, err)
		}
	}
	gap("one is missing", empty, m2)
	gap("one is there that was not", deltalog.Tail{Head: first.Head, Last: first.Last + 1}, changed(m2, "Nats-Sequence", fmt.Sprint(second.Last+1)))
	gap("another stream", first, changed(m2, "Nats-Stream", "RV_FF"))
	gap("another document", first, changed(m2, "Nats-Subject", "rv.00.00.a.b"))
	gap("no sequence", first, changed(m2, "Nats-Sequence", ""))
	gap("no sequence before", first, changed(m2, "Nats-Last-Sequence", "x"))
	gap("before itself", first, changed(m2, "Nats-Last-Sequence", fmt.Sprint(second.Last)))
	damaged := changed(m2, "Nats-Stream", deltalog.Stream(board))
	damaged.Data = m2.Data[:len(m2.Data)-1]
	gap("damaged", first, damaged)
	foreign := changed(m2, "Nats-Stream", deltalog.Stream(board))
	foreign.Data = encode(t, record.Position{Epoch: first.Head.Epoch + 1, Revision: first.Head.Revision, Chain: first.Head.Chain}, `{}`)
	gap("another epoch", first, foreign)

	failed := errors.New("failed")
	tail, err := w.Take(empty, m1, func(deltalog.Entry) error { return failed })
	if err != failed || tail != empty { //nolint:errorlint // as it is
		t.Errorf("at %+v, %v", tail, err)
	}
	deltas, tail, err := taken(t, w, first, m2)
	if err != nil || deltas != `{"a":2}` || tail != second {
		t.Errorf("took %s, now at %+v, %v", deltas, tail, err)
	}
	equal(t, "messages of the log", publish(t, n, board, second.Last, encode(t, second.Head, `{}`)), second.Last+1)
}

// changed returns a copy of a message with another header.
func changed(m *nats.Msg, header, value string) *nats.Msg {
	c := *m
	c.Header = maps.Clone(m.Header)
	c.Header[header] = []string{value}
	return &c
}

// TestL9_NewsThatNobodyTakes is dropped, and who takes what is left is told that
// some is missing, once.
func TestL9_NewsThatNobodyTakes(t *testing.T) {
	l, _ := newLog(t)
	w := watch(t, l, board)
	tail := emptyTail(l, board)
	room := cap(w.News())
	for i := range room + 10 {
		tail = add(t, l, board, tail, fmt.Sprintf(`{"a":%d}`, i))
	}
	equal(t, "waiting", len(w.News()), room)
	empty := emptyTail(l, board)
	_, at, err := taken(t, w, empty, message(t, w))
	if !errors.Is(err, deltalog.ErrGap) || at != empty {
		t.Fatalf("at %+v, %v", at, err)
	}
	_, at = read(t, l, board)
	for range room - 1 {
		deltas, now, err := taken(t, w, at, message(t, w))
		if err != nil || deltas != "" || now != at {
			t.Fatalf("took %s, now at %+v, %v", deltas, now, err)
		}
	}
	add(t, l, board, tail, `{"last":1}`)
	deltas, _, err := taken(t, w, at, message(t, w))
	if err != nil || deltas != `{"last":1}` {
		t.Fatalf("took %s, %v", deltas, err)
	}
}

// TestL2_NewsAfterAReconnect: that the connection was lost is said. What was stored
// meanwhile no news tells of; the leader does. No news is taken before the stream is
// known to be the same.
func TestL2_NewsAfterAReconnect(t *testing.T) {
	f := newFaulty(t)
	other := openLog(t, f.direct)
	w := watch(t, f.Log, board)
	first := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	if _, _, err := taken(t, w, emptyTail(f.Log, board), message(t, w)); err != nil {
		t.Fatal(err)
	}
	f.proxy.Sever()
	second := add(t, other, board, first, `{"a":2}`)
	f.proxy.Mend()
	select {
	case <-w.Restored():
	case <-time.After(within):
		t.Fatal("the connection is not restored")
	}
	// A question that is asked from now on comes after the subscription. This one is
	// about another stream.
	elsewhere := record.Key{Space: "elsewhere", ID: "board"}
	if deltalog.Stream(elsewhere) == deltalog.Stream(board) {
		t.Fatal("it is in the same stream")
	}
	must[uint64](t)(watch(t, f.Log, elsewhere).Last(testContext(t), emptyTail(f.Log, elsewhere)))
	equal(t, "news", len(w.News()), 0)
	third := add(t, other, board, second, `{"a":3}`)
	m := message(t, w)
	if _, _, err := taken(t, w, second, m); !errors.Is(err, deltalog.ErrGap) {
		t.Fatalf("before the stream was looked at: %v", err)
	}
	equal(t, "last", must[uint64](t)(w.Last(testContext(t), first)), third.Last)
	deltas, tail, err := taken(t, w, second, m)
	if err != nil || deltas != `{"a":3}` || tail != third {
		t.Fatalf("took %s, now at %+v, %v", deltas, tail, err)
	}
}

// TestL1_NewsOfAReplacedStream: the news of a stream that took the place of the one
// that was opened is not taken; the log is of no more use from then on.
func TestL1_NewsOfAReplacedStream(t *testing.T) {
	l, n := newLog(t)
	w := watch(t, l, board)
	equal(t, "last of nothing", must[uint64](t)(w.Last(testContext(t), emptyTail(l, board))), 0)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	message(t, w)
	equal(t, "last", must[uint64](t)(w.Last(testContext(t), tail)), tail.Last)
	moved := tail
	moved.Head.Chain++
	_, err := w.Last(testContext(t), moved)
	equal(t, "position", wantError[*deltalog.PositionError](t, err).Position, moved.Head)

	deleteStreams(t, n.JetStream())
	fresh := openLog(t, n)
	freshTail := add(t, fresh, board, emptyTail(fresh, board), `{"b":1}`)
	add(t, fresh, board, freshTail, `{"b":2}`)
	if deltas, _, err := taken(t, w, tail, message(t, w)); err != nil || deltas != "" {
		t.Errorf("of the first record: %s %v", deltas, err) // as old as what it has
	}
	deltas, now, err := taken(t, w, tail, message(t, w))
	if !errors.Is(err, deltalog.ErrGap) || deltas != "" || now != tail {
		t.Errorf("of the second: took %s, now at %+v, %v", deltas, now, err)
	}
	_, err = l.Replay(testContext(t), board, tail, func(deltalog.Entry) error { return nil })
	wantError[*deltalog.EpochError](t, err)
	// It stays so, without another look at what is in the log.
	empty := emptyTail(l, record.Key{Space: board.Space, ID: "other"})
	_, err = l.Replay(testContext(t), record.Key{Space: board.Space, ID: "other"}, empty, func(deltalog.Entry) error { return nil })
	wantError[*deltalog.EpochError](t, err)
	_, err = l.Append(testContext(t), record.Key{Space: board.Space, ID: "other"}, empty, encode(t, empty.Head, `{"a":2}`))
	wantError[*deltalog.EpochError](t, err)
	_, err = w.Last(testContext(t), tail)
	wantError[*deltalog.EpochError](t, err)
}

// TestL1_ReplacedStreamStaysReplaced: once a log has found that its stream is another
// one, it uses it no more, not even for documents that the new one does not have.
func TestL1_ReplacedStreamStaysReplaced(t *testing.T) {
	l, n := newLog(t)
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	deleteStreams(t, n.JetStream())
	openLog(t, n)
	_, err := l.Replay(testContext(t), board, tail, func(deltalog.Entry) error { return nil })
	wantError[*deltalog.EpochError](t, err)
	other := record.Key{Space: board.Space, ID: "other"}
	_, err = l.Replay(testContext(t), other, deltalog.Tail{}, func(deltalog.Entry) error { return nil })
	wantError[*deltalog.EpochError](t, err)
}

// TestL10_AskingForATurn: the others who watch a document hear that somebody asks for
// a turn, who asks knows that it was itself, and it is no news.
func TestL10_AskingForATurn(t *testing.T) {
	l, _ := newLog(t)
	w, other := watch(t, l, board), watch(t, l, board)
	w.AskTurn()
	tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
	for _, x := range []struct {
		*deltalog.Watch
		foreign bool
	}{{w, false}, {other, true}} {
		m := message(t, x.Watch)
		if turn, foreign := x.IsTurn(m); !turn || foreign != x.foreign {
			t.Errorf("turn %t, foreign %t", turn, foreign)
		}
		if _, at, err := taken(t, x.Watch, tail, m); !errors.Is(err, deltalog.ErrGap) || at != tail {
			t.Errorf("taken as news: at %+v, %v", at, err)
		}
		m = message(t, x.Watch)
		if turn, _ := x.IsTurn(m); turn {
			t.Error("news is taken for a turn")
		}
	}
}

// TestOpenAddsNews: streams that were made before there was news publish it once a
// log has been opened, by several processes at once, and keep what they have.
func TestOpenAddsNews(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func() (string, int){
		"R1": func() (string, int) { return natstest.Start(t, t.TempDir(), server.RANDOM_PORT).ClientURL(), 1 },
		"R3": func() (string, int) { return natstest.URLs(natstest.Cluster(t)), 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, replicas := start()
			n := startNode(t, natsd.Config{URL: url})
			config := func(c *deltalog.Config) { c.Replicas = replicas }
			l := openLog(t, n, config)
			tail := add(t, l, board, emptyTail(l, board), `{"a":1}`)
			js := n.JetStream()
			var names []string
			for info := range js.ListStreams(testContext(t)).Info() {
				names = append(names, info.Config.Name)
				old := info.Config
				old.RePublish = nil
				must[jetstream.Stream](t)(js.UpdateStream(testContext(t), old))
			}
			equal(t, "streams", len(names), deltalog.Shards)
			before := epochs(t, n)

			began := time.Now()
			logs := make([]*deltalog.Log, 3)
			var wg sync.WaitGroup
			for i := range logs {
				node := startNode(t, natsd.Config{URL: url})
				wg.Go(func() {
					cfg := deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()}
					config(&cfg)
					var err error
					if logs[i], err = deltalog.Open(testContext(t), cfg); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			t.Logf("opened in %s", time.Since(began))
			if t.Failed() {
				return
			}
			equal(t, "epochs", epochs(t, n), before)
			w := watch(t, logs[0], board)
			for len(w.News()) == 0 { // until the subscription is known to the leader
				tail = add(t, logs[1], board, tail, `{"a":2}`)
			}
			deltas, _ := read(t, logs[2], board)
			equal(t, "first delta", deltas[0], `{"a":1}`)
			slices.Sort(names)
			for _, name := range names {
				info := must[jetstream.Stream](t)(js.Stream(testContext(t), name)).CachedInfo()
				if p := info.Config.RePublish; p == nil || p.HeadersOnly || p.Source != "rv."+name[3:]+".>" || p.Destination != "rvn."+name[3:]+".>" {
					t.Errorf("%s publishes again: %+v", name, p)
				}
			}
		})
	}
}
