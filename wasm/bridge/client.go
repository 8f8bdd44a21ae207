//go:build js

package bridge

import (
	"math/rand/v2"
	"syscall/js"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	link "github.com/rivulet-sync/rivulet/wasm/client"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

// client is a replica engine with its link, and the JavaScript object (the Sink
// of engine.ts) that hears of it.
type client struct {
	sink   js.Value
	socket *socket
	link   *link.Link

	docs    map[int]*document
	handles map[record.Key]int
	last    int

	entered bool
	later   []func() // what waits for the end of the present call
}

func newClient(url string, sink js.Value) *client {
	c := &client{sink: sink, docs: make(map[int]*document), handles: make(map[record.Key]int)}
	c.socket = newSocket(c, url)
	c.link = link.NewLink(replica.Config{
		Random: rand.Uint64, Now: func() int64 { return time.Now().UnixMilli() }, OnStorage: c.storage, OnDiverged: c.diverged,
	}, c.socket, c.stateChanged)
	return c
}

// enter runs fn on the replica, sends what came of it and then does what was put
// off. It does nothing and returns false when the client is at work already: then
// the call comes from within patch, reset, rerun or attempt, which engine.ts rules out. No
// panic, because that would end every client of the page.
func (c *client) enter(fn func()) bool {
	if c.entered {
		return false
	}
	c.entered = true
	fn()
	c.link.Flush()
	c.entered = false
	for len(c.later) > 0 && !c.entered {
		call := c.later[0]
		c.later = c.later[1:]
		call()
	}
	return true
}

// afterwards enters with fn once the present call has ended.
func (c *client) afterwards(fn func()) {
	c.later = append(c.later, func() { c.enter(fn) })
}

// tell calls a method of the sink at the end of the present call.
func (c *client) tell(method string, args ...any) {
	c.later = append(c.later, func() { c.sink.Call(method, args...) })
}

func (c *client) stateChanged(s link.State) {
	code := ""
	if s.Code != 0 {
		code = s.Code.String()
	}
	c.tell("connection", s.Status.String(), code, s.Detail, s.RetryIn.Milliseconds())
}

func (c *client) storage(available bool, detail string) { c.tell("storage", available, detail) }

func (c *client) diverged(key record.Key, at record.Position) {
	c.tell("diverged", c.handles[key], uint64(at.Revision))
}

func (c *client) open(key record.Key) int {
	if handle, ok := c.handles[key]; ok {
		return handle
	}
	c.last++
	d := &document{client: c, handle: c.last, key: key, heard: make(map[delta.Pointer]*heard)}
	c.docs[d.handle] = d
	c.handles[key] = d.handle
	d.replica = c.link.Engine().Open(key, d)
	d.session = edits.New(d.replica.View(), rand.Uint64)
	d.replica.OnRedone(d.session.Redone)
	return d.handle
}
