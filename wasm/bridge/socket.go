//go:build js

package bridge

import (
	"errors"
	"syscall/js"
	"time"

	link "github.com/rivulet-sync/rivulet/wasm/client"
)

// socket is the browser's WebSocket as a [link.Transport]. The handlers are made
// once per client; those of a connection that was cut are taken off it.
type socket struct {
	client *client
	url    string

	ws    js.Value // undefined when there is none
	open  bool
	timer js.Value

	onOpen, onMessage, onClose, onWake js.Func
}

var (
	webSocket    = js.Global().Get("WebSocket")
	setTimeout   = js.Global().Get("setTimeout")
	clearTimeout = js.Global().Get("clearTimeout")
)

func newSocket(c *client, url string) *socket {
	s := &socket{client: c, url: url}
	s.onOpen = s.handler(func(js.Value) {
		s.open = true
		c.link.Dialed(nil)
	})
	s.onMessage = s.handler(func(event js.Value) {
		c.link.Received(bytesOf(uint8Array.New(event.Get("data"))))
	})
	s.onClose = s.handler(func(event js.Value) {
		wasOpen := s.open
		s.forget()
		if wasOpen {
			c.link.Dropped(event.Get("code").Int(), event.Get("reason").String())
		} else {
			c.link.Dialed(errUnreachable)
		}
	})
	s.onWake = s.handler(func(js.Value) {
		s.timer = js.Undefined()
		c.link.Woke()
	})
	return s
}

// errUnreachable is all that a browser tells of a failed connection.
var errUnreachable = errors.New("the server does not answer")

var errNoWebSocket = errors.New("this browser has no WebSocket")

func (s *socket) handler(fn func(event js.Value)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) any {
		event := js.Undefined()
		if len(args) > 0 {
			event = args[0]
		}
		if run := func() { fn(event) }; !s.client.enter(run) {
			s.client.afterwards(run) // an event must not be lost
		}
		return nil
	})
}

// Dial implements [link.Transport].
func (s *socket) Dial() {
	s.Cut()
	ws, err := newWebSocket(s.url)
	if err != nil {
		s.client.afterwards(func() { s.client.link.Dialed(err) })
		return
	}
	s.ws = ws
	s.ws.Set("binaryType", "arraybuffer")
	s.ws.Set("onopen", s.onOpen)
	s.ws.Set("onmessage", s.onMessage)
	s.ws.Set("onclose", s.onClose)
}

// newWebSocket begins to connect. The browser refuses at once what the page may
// not do: its policy or its own https can forbid the address.
func newWebSocket(url string) (ws js.Value, err error) {
	if webSocket.Type() != js.TypeFunction {
		return js.Undefined(), errNoWebSocket
	}
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case js.Error:
			err = errors.New(thrown.Get("message").String())
		default:
			panic(thrown)
		}
	}()
	return webSocket.New(url), nil
}

// Send implements [link.Transport].
func (s *socket) Send(message []byte) {
	if s.open {
		s.ws.Call("send", bytesTo(message))
	}
}

// Cut implements [link.Transport].
func (s *socket) Cut() {
	if !s.ws.IsUndefined() {
		ws := s.ws
		s.forget()
		ws.Call("close")
	}
}

// forget takes the handlers off the present connection.
func (s *socket) forget() {
	for _, name := range []string{"onopen", "onmessage", "onclose"} {
		s.ws.Set(name, js.Null())
	}
	s.ws, s.open = js.Undefined(), false
}

// Wake implements [link.Transport].
func (s *socket) Wake(after time.Duration) {
	s.sleep()
	s.timer = setTimeout.Invoke(s.onWake, after.Milliseconds())
}

func (s *socket) sleep() {
	if !s.timer.IsUndefined() {
		clearTimeout.Invoke(s.timer)
		s.timer = js.Undefined()
	}
}

// release frees the handlers, after Cut.
func (s *socket) release() {
	s.sleep()
	for _, f := range []js.Func{s.onOpen, s.onMessage, s.onClose, s.onWake} {
		f.Release()
	}
}

var _ link.Transport = (*socket)(nil)
