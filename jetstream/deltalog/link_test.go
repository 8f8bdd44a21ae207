package deltalog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
)

// TestL10_BrokenConnectionIsNotWaitedFor: whatever was asked when the connection broke,
// it is asked again on the next one. An attempt may take an hour here, so nothing else
// ends it in time.
func TestL10_BrokenConnectionIsNotWaitedFor(t *testing.T) {
	for name, asked := range map[string]func(natstest.Frame) bool{
		"append":        isBoard,
		"leader's get":  isAPI("STREAM.MSG.GET."),
		"direct get":    isAPI("DIRECT.GET."),
		"epoch's check": isAPI("STREAM.INFO."),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFaulty(t, func(c *deltalog.Config) { c.AttemptWithin = time.Hour })
			tail := add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
			broken := false
			breaks := natstest.Times(1, asked, func(*natstest.Pipe, natstest.Frame) natstest.Action {
				broken = true
				f.proxy.Sever()
				f.proxy.Mend()
				return natstest.Drop
			})
			// A lost acknowledgement has the append ask for all the rest.
			loses := natstest.Times(1, isBoard, cutAck)
			f.proxy.Inspect(func(x *natstest.Pipe, fr natstest.Frame) natstest.Action {
				if act := breaks(x, fr); act != natstest.Pass {
					return act
				}
				return loses(x, fr)
			}, hangUpMuted)
			tail = add(t, f.Log, board, tail, `{"a":2}`)
			deltas, end := read(t, f.Log, board)
			equal(t, "deltas", list(deltas), `{"a":1} {"a":2}`)
			equal(t, "tail", end, tail)
			f.proxy.Inspect(nil, nil)
			if !broken {
				t.Error("the connection did not break")
			}
		})
	}
}

func isAPI(request string) func(natstest.Frame) bool {
	return func(f natstest.Frame) bool {
		return strings.HasSuffix(f.Op(), "PUB") && strings.HasPrefix(f.Fields()[1], "$JS.API."+request)
	}
}

// TestBrokenConnectionIsTheCause: who watches for stalls is not told of a cancellation
// that nobody has asked for.
func TestBrokenConnectionIsTheCause(t *testing.T) {
	f := newFaulty(t)
	f.proxy.Inspect(natstest.Times(1, isBoard, func(x *natstest.Pipe, _ natstest.Frame) natstest.Action {
		x.HangUp()
		return natstest.Drop
	}), nil)
	add(t, f.Log, board, emptyTail(f.Log, board), `{"a":1}`)
	if first := f.stalled(t)[0]; !strings.Contains(first.Error(), "connection to NATS broke") {
		t.Errorf("the cause is %v", first)
	}
}

// TestRestoredConnectionEndsThePause: who waits to try again does so when the
// connection is there, also if that was before it began to wait. A pause would take an
// hour here.
func TestRestoredConnectionEndsThePause(t *testing.T) {
	f := newFaulty(t)
	wait := f.NewPause(testContext(t), time.Hour)
	f.proxy.Sever()
	f.proxy.Mend()
	equal(t, "error", wait(), nil)
	done := make(chan error, 1)
	go func() { done <- wait() }()
	f.proxy.Sever()
	f.proxy.Mend()
	equal(t, "error", <-done, nil)
}
