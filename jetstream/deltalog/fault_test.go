package deltalog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// faulty is a log whose traffic with a real server passes through a proxy.
type faulty struct {
	*deltalog.Log
	proxy  *natstest.Proxy
	direct *natsd.Node // around the proxy

	mu     sync.Mutex
	stalls []error
}

func newFaulty(t testing.TB, change ...func(*deltalog.Config)) *faulty {
	t.Helper()
	s := natstest.Start(t, t.TempDir(), server.RANDOM_PORT)
	f := &faulty{proxy: natstest.NewProxy(t, s.ClientURL())}
	f.direct = startNode(t, natsd.Config{URL: s.ClientURL()})
	change = append(change, func(c *deltalog.Config) {
		c.OnStall = func(_ record.Key, err error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.stalls = append(f.stalls, err)
		}
	})
	f.Log = openLog(t, startNode(t, natsd.Config{URL: f.proxy.URL()}), change...)
	return f
}

// stalled returns the causes so far, and checks that the last report is that
// the append went through.
func (f *faulty) stalled(t testing.TB) []error {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.stalls) < 2 || f.stalls[len(f.stalls)-1] != nil {
		t.Fatalf("stalls: %v", f.stalls)
	}
	return f.stalls[:len(f.stalls)-1]
}

func isBoard(f natstest.Frame) bool { return natstest.IsPublish(f, deltalog.Subject(board)) }

// cutAck forwards a publish, and cuts the connection instead of passing on what
// the server answers.
func cutAck(*natstest.Pipe, natstest.Frame) natstest.Action { return natstest.Cut }

// hangUpMuted ends a connection that was cut, at the server's answer: the
// record is stored by then.
func hangUpMuted(x *natstest.Pipe, f natstest.Frame) natstest.Action {
	if x.Muted() && strings.Contains(string(f.Payload), `"seq"`) {
		x.HangUp()
	}
	return natstest.Pass
}

// TestL3_LostAckIsOneSuccess: the record is stored, the connection dies before
// the acknowledgement arrives.
func TestL3_LostAckIsOneSuccess(t *testing.T) {
	f := newFaulty(t)
	first := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	f.proxy.Inspect(natstest.Times(1, isBoard, cutAck), hangUpMuted)
	second := add(t, f.Log, board, first, `{"a":2}`)
	if len(f.stalled(t)) == 0 {
		t.Fatal("the acknowledgement was not lost")
	}
	equal(t, "revision", second.Head.Revision, first.Head.Revision+1)
	third := add(t, f.Log, board, second, `{"a":3}`)
	deltas, tail := read(t, openLog(t, f.direct), board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2} {"a":3}`)
	equal(t, "tail", tail, third)
	equal(t, "messages", third.Last, 3)
}

// TestL3_LostAckThenAnother: before the writer is back, another one has
// appended to its record.
func TestL3_LostAckThenAnother(t *testing.T) {
	f := newFaulty(t)
	other := openLog(t, f.direct)
	f.proxy.Inspect(natstest.Times(1, isBoard, cutAck), func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		if hangUpMuted(x, fr); x.Muted() && strings.Contains(string(fr.Payload), `"seq"`) {
			_, tail := read(t, other, board)
			add(t, other, board, tail, `{"a":2}`)
		}
		return natstest.Pass
	})
	first := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	equal(t, "revision", first.Head.Revision, 1)
	deltas, _ := read(t, f.Log, board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
}

// TestL3_LateAttemptFindsItsExpectationOutdated delivers one publish twice.
func TestL3_LateAttemptFindsItsExpectationOutdated(t *testing.T) {
	f := newFaulty(t)
	var late []byte
	f.proxy.Inspect(natstest.Times(1, isBoard, func(_ *natstest.Pipe, fr natstest.Frame) natstest.Action { late = fr.Bytes(); return natstest.Pass }), nil)
	first := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	f.proxy.Inspect(natstest.Times(1, isBoard, func(x *natstest.Pipe, _ natstest.Frame) natstest.Action {
		if err := x.ToServer(late); err != nil {
			t.Error(err)
		}
		return natstest.Pass
	}), nil)
	second := add(t, f.Log, board, first, `{"a":2}`)
	deltas, tail := read(t, f.Log, board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
	equal(t, "tail", tail, second)
	equal(t, "last", tail.Last, 2)
}

// TestSpuriousRefusals gives answers that prove nothing: the publish never
// reaches the server, and its subject is as the writer expects it.
func TestSpuriousRefusals(t *testing.T) {
	for _, answer := range []string{
		`{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"X","seq":0}`,
		`{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 9"},"stream":"X","seq":0}`,
		`{"error":{"code":503,"err_code":10077,"description":"no space left on device"},"stream":"X","seq":0}`,
		`{"error":{"code":503,"err_code":10008,"description":"temporarily unavailable"}}`,
		`{"error":{"code":400,"err_code":19999,"description":"of a later version"}}`,
		`{"stream":"X"}`,
		`not JSON`,
		``,
	} {
		t.Run(answer, func(t *testing.T) {
			f := newFaulty(t)
			first := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
			f.proxy.Inspect(natstest.Times(2, isBoard, func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
				x.Answer(t, fr, "", answer)
				return natstest.Drop
			}), nil)
			second := add(t, f.Log, board, first, `{"a":2}`)
			equal(t, "stalls", len(f.stalled(t)), 2)
			deltas, tail := read(t, f.Log, board)
			equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
			equal(t, "tail", tail, second)
		})
	}
}

func TestDefiniteRefusalOfTheServer(t *testing.T) {
	f := newFaulty(t)
	empty := emptyTail(f.Log, board)
	f.proxy.Inspect(natstest.Times(1, isBoard, func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		x.Answer(t, fr, "", `{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"}}`)
		return natstest.Drop
	}), nil)
	_, err := f.Append(testContext(t), board, empty, encode(t, empty.Head, `{}`))
	wantError[*deltalog.RefusedError](t, err)
}

// TestL3_UncertainThenAgain: the caller gives up while its record is stored and
// the acknowledgement is lost; calling again finds it.
func TestL3_UncertainThenAgain(t *testing.T) {
	f := newFaulty(t)
	ctx, cancel := context.WithCancel(testContext(t))
	f.proxy.Inspect(natstest.Times(1, isBoard, cutAck), func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		if x.Muted() && strings.Contains(string(fr.Payload), `"seq"`) {
			cancel()
		}
		return natstest.Pass
	})
	empty := emptyTail(f.Log, board)
	data := encode(t, empty.Head, `{"a":1}`)
	tail, err := f.Append(ctx, board, empty, data)
	wantError[*deltalog.UncertainError](t, err)
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	equal(t, "tail", tail, empty)

	f.proxy.Inspect(nil, func(x *natstest.Pipe, _ natstest.Frame) natstest.Action {
		if x.Muted() {
			x.HangUp()
		}
		return natstest.Pass
	})
	again := openLog(t, f.direct)
	tail = must[deltalog.Tail](t)(again.Append(testContext(t), board, empty, data))
	equal(t, "revision", tail.Head.Revision, 1)
	deltas, end := read(t, again, board)
	equal(t, "deltas", list(deltas), `{"a":1}`)
	equal(t, "tail", end, tail)
}

// TestL2_LostReadIsNotAGap: a message that gets lost between server and reader
// must not make those after it look void.
func TestL2_LostReadIsNotAGap(t *testing.T) {
	f := newFaulty(t)
	tail := emptyTail(f.Log, board)
	var want []string
	for n := range 5 {
		want = append(want, fmt.Sprintf(`{"a":%d}`, n))
		tail = add(t, f.Log, board, tail, want[n])
	}
	for sequence := range 5 {
		f.proxy.Inspect(nil, natstest.Times(1, func(fr natstest.Frame) bool {
			return strings.Contains(string(fr.Payload), fmt.Sprintf("Nats-Sequence: %d\r\n", sequence+1))
		}, func(*natstest.Pipe, natstest.Frame) natstest.Action { return natstest.Drop }))
		deltas, end := read(t, f.Log, board)
		equal(t, "deltas", list(deltas), list(want))
		equal(t, "tail", end, tail)
	}
	equal(t, "voids", f.Voids(), 0)
}

// TestL2_StaleReplicaIsNotTheEnd: the replica that answers direct gets has
// nothing yet; what the leader has counts.
func TestL2_StaleReplicaIsNotTheEnd(t *testing.T) {
	f := newFaulty(t)
	tail := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	tail = add(t, f.Log, board, tail, `{"a":2}`)
	f.proxy.Inspect(natstest.Times(1000, func(fr natstest.Frame) bool {
		return natstest.IsPublish(fr, "$JS.API.DIRECT.GET."+deltalog.Stream(board))
	}, func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		x.Answer(t, fr, "NATS/1.0 404 Message Not Found\r\n\r\n", "")
		return natstest.Drop
	}), nil)
	deltas, end := read(t, f.Log, board)
	equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
	equal(t, "tail", end, tail)
}

// TestL1_ServerRestartsMidAppend stops the server under a writer, twice, and
// starts it again on the same directory and port.
func TestL1_ServerRestartsMidAppend(t *testing.T) {
	dir := t.TempDir()
	port := natstest.FreePort(t)
	s := natstest.Start(t, dir, port)
	n := startNode(t, natsd.Config{URL: s.ClientURL()})

	stalled := make(chan error, 1000)
	l := openLog(t, n, func(c *deltalog.Config) {
		c.OnStall = func(_ record.Key, err error) { stalled <- err }
	})
	stored := make(chan struct{}, 1)
	stop := make(chan struct{})
	count := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(stored)
		for tail := emptyTail(l, board); ; count++ {
			next, err := l.Append(testContext(t), board, tail, encode(t, tail.Head, fmt.Sprintf(`{"w":%d}`, count)))
			if err != nil {
				t.Error(err)
				return
			}
			tail = next
			select {
			case stored <- struct{}{}:
			case <-stop:
				count++
				return
			default:
			}
		}
	})
	for range 2 {
		for range 50 {
			<-stored
		}
		natstest.Stop(s)
		for err := range stalled {
			if err != nil {
				break
			}
		}
		s = natstest.Start(t, dir, port)
		for err := range stalled {
			if err == nil {
				break
			}
		}
	}
	close(stop)
	wg.Wait()
	if t.Failed() {
		return
	}
	deltas, tail := read(t, l, board)
	checkOnce(t, deltas, count, "w")
	equal(t, "messages", tail.Last, uint64(count))
}

// TestL10_ReadingBesideAHotWriter: whenever the reader asks for something, one more
// record is stored first. It reads what was there when it began, and is done.
func TestL10_ReadingBesideAHotWriter(t *testing.T) {
	f := newFaulty(t)
	writer := openLog(t, f.direct)
	tail := add(t, writer, board, emptyTail(writer, board), `{"a":0}`)
	appended := 0
	f.proxy.Inspect(func(_ *natstest.Pipe, fr natstest.Frame) natstest.Action {
		if !strings.Contains(string(fr.Payload), "_by_subj") {
			return natstest.Pass
		}
		if appended++; appended < 100 {
			tail = add(t, writer, board, tail, fmt.Sprintf(`{"a":%d}`, appended))
		}
		return natstest.Pass
	}, nil)
	deltas, _ := read(t, f.Log, board)
	f.proxy.Inspect(nil, nil)
	if len(deltas) < 2 || appended > 5 {
		t.Errorf("it read %d records while %d were stored", len(deltas), appended)
	}
}

// TestL10_AlwaysAnotherInFlight: a server that says each time that another message is
// on its way does not keep the append from finding out that it has lost.
func TestL10_AlwaysAnotherInFlight(t *testing.T) {
	f := newFaulty(t)
	empty := emptyTail(f.Log, board)
	f.proxy.Inspect(func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		if !isBoard(fr) {
			return natstest.Pass
		}
		x.Answer(t, fr, "", `{"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"X","seq":0}`)
		return natstest.Drop
	}, nil)
	other := openLog(t, f.direct)
	first := add(t, other, board, emptyTail(other, board), `{"other":1}`)
	_, err := f.Append(testContext(t), board, empty, encode(t, empty.Head, `{"a":1}`))
	equal(t, "last", wantError[*deltalog.ConflictError](t, err).Last, first.Last)
}

// TestL2_ScanBesideALeaderThatWasDeposed: that a replica which lags and a leader which does not
// know that it was deposed have nothing where there was news of something proves nothing.
func TestL2_ScanBesideALeaderThatWasDeposed(t *testing.T) {
	f := newFaulty(t)
	s, err := f.Log.Scanner(deltalog.ShardOf(board.Space), "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	<-s.Wake()
	stream := deltalog.Stream(board)
	f.proxy.Inspect(natstest.Times(2, func(fr natstest.Frame) bool {
		return natstest.IsPublish(fr, "$JS.API.DIRECT.GET."+stream) || natstest.IsPublish(fr, "$JS.API.STREAM.MSG.GET."+stream)
	}, func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
		if natstest.IsPublish(fr, "$JS.API.DIRECT.GET."+stream) {
			x.Answer(t, fr, "NATS/1.0 404 Message Not Found\r\n\r\n", "")
		} else {
			x.Answer(t, fr, "", `{"error":{"code":404,"err_code":10037,"description":"no message found"}}`)
		}
		return natstest.Drop
	}), nil)
	got, to := scanAll(t, s, 0, 10)
	equal(t, "messages", len(got), 1)
	equal(t, "read to", to, 1)
}
