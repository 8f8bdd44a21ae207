//go:build js

// Package bridge is the border between Go and JavaScript in a browser, the only
// package that knows syscall/js. The contract is web/src/engine.ts.
//
// Only numbers, strings and Uint8Arrays cross. Everything happens on the page's
// one thread, within the call that caused it: a call from JavaScript changes the
// replica, sends what there is to send, then tells JavaScript what came of it.
// The mirror is kept in step at once (reset, patch, rerun, attempt); everything that may
// run a user's code (changed, settled, ...) is told at the end of the call, when
// the replica may be called again.
package bridge

import (
	"errors"
	"syscall/js"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/mutator"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

// Serve offers the engine to the page, with the functions of named mutations, and never
// returns. A program of one's own that calls it is a module with functions of one's own;
// nil is none.
func Serve(mutators *mutator.Registry) {
	b := &bridge{mutators: mutators, clients: make(map[int]*client)}
	engine := js.Global().Get("Object").New()
	for name, method := range map[string]func(args []js.Value) any{
		"connect":   b.connect,
		"close":     b.close,
		"offline":   b.offline,
		"retry":     b.retry,
		"open":      b.open,
		"leave":     b.leave,
		"commit":    b.commit,
		"edit":      b.edit,
		"step":      b.step,
		"watch":     b.watch,
		"runs":      b.runs,
		"transact":  b.transact,
		"invoke":    b.invoke,
		"presence":  b.presence,
		"canonical": b.canonical,
	} {
		// Never released: the engine lives as long as the page.
		engine.Set(name, js.FuncOf(func(_ js.Value, args []js.Value) any { return method(args) }))
	}
	js.Global().Get("__rivulet").Call("ready", engine)
	select {}
}

type bridge struct {
	mutators *mutator.Registry
	clients  map[int]*client
	last     int
}

// Why a method did nothing.
var (
	errClosed  = errors.New("the client is closed")
	errNotOpen = errors.New("the document is not open")
	errEntered = errors.New("the engine was called from within patch, reset, rerun or attempt")
)

// with calls fn with the client that the first argument names, if that can be
// called now. The error is fn's, or says why it was not called.
func (b *bridge) with(args []js.Value, fn func(*client) error) error {
	c := b.clients[args[0].Int()]
	if c == nil {
		return errClosed
	}
	var err error
	if !c.enter(func() { err = fn(c) }) {
		return errEntered
	}
	return err
}

// withDoc is with for methods whose second argument names a document.
func (b *bridge) withDoc(args []js.Value, fn func(*document) error) error {
	return b.with(args, func(c *client) error {
		d := c.docs[args[1].Int()]
		if d == nil {
			return errNotOpen
		}
		return fn(d)
	})
}

func (b *bridge) connect(args []js.Value) any {
	b.last++
	c := newClient(args[0].String(), args[1])
	b.clients[b.last] = c
	c.enter(c.link.Start)
	return b.last
}

func (b *bridge) close(args []js.Value) any {
	b.with(args, func(c *client) error {
		c.link.Close()
		delete(b.clients, args[0].Int())
		c.socket.release()
		return nil
	})
	return nil
}

func (b *bridge) offline(args []js.Value) any {
	b.with(args, func(c *client) error { c.link.SetOffline(args[1].Bool()); return nil })
	return nil
}

func (b *bridge) retry(args []js.Value) any {
	b.with(args, func(c *client) error { c.link.Retry(); return nil })
	return nil
}

func (b *bridge) open(args []js.Value) any {
	handle := 0
	err := b.with(args, func(c *client) error {
		key, err := record.ParseKey(args[1].String())
		if err == nil {
			handle = c.open(key)
		}
		return err
	})
	if err != nil {
		return err.Error()
	}
	return handle
}

func (b *bridge) leave(args []js.Value) any {
	b.withDoc(args, func(d *document) error { d.leave(); return nil })
	return nil
}

func (b *bridge) commit(args []js.Value) any {
	err := b.withDoc(args, func(d *document) error {
		return d.commit(uint64(args[2].Int()), bytesOf(args[3]), args[4].String(), args[5].Int())
	})
	if err != nil {
		return err.Error()
	}
	return ""
}

func (b *bridge) edit(args []js.Value) any {
	done := false
	err := b.withDoc(args, func(d *document) error {
		script, err := edits.Parse(bytesOf(args[3]), []byte(args[4].String()), []byte(args[5].String()))
		if err == nil {
			done, err = d.edit(uint64(args[2].Int()), script, args[6].Int())
		}
		return err
	})
	return answer(done, err)
}

func (b *bridge) step(args []js.Value) any {
	done := false
	err := b.withDoc(args, func(d *document) (err error) {
		done, err = d.step(uint64(args[2].Int()), args[3].Bool())
		return err
	})
	return answer(done, err)
}

// answer is what edit, step and transact return.
func answer(done bool, err error) string {
	var bad *edits.Error
	switch {
	case errors.As(err, &bad):
		return string(bad.Code) + " " + string(bad.At) + "\n" + bad.Detail
	case err != nil:
		return "refused \n" + err.Error()
	case done:
		return ""
	}
	return "nothing"
}

func (b *bridge) watch(args []js.Value) any {
	b.withDoc(args, func(d *document) error {
		if at, ok := delta.ParsePointer(args[2].String()); ok {
			d.watch(at, args[3].Bool())
		}
		return nil
	})
	return nil
}

func (b *bridge) runs(args []js.Value) any {
	out := "[]"
	b.withDoc(args, func(d *document) error {
		if at, ok := delta.ParsePointer(args[2].String()); ok {
			out = edits.RunsJSON(d.session.Runs(at))
		}
		return nil
	})
	return out
}

func (b *bridge) invoke(args []js.Value) any {
	err := b.withDoc(args, func(d *document) error {
		return d.invoke(uint64(args[2].Int()), b.mutators, args[3].String(), []byte(args[4].String()))
	})
	var unknown *mutator.UnknownError
	var bad *jsontext.Error
	var busy bool
	for _, refusal := range []error{errClosed, errNotOpen, errEntered, replica.ErrLeft, replica.ErrNotReady, replica.ErrTooManyPending, replica.ErrDeltaTooLarge} {
		busy = busy || errors.Is(err, refusal)
	}
	switch {
	case err == nil:
		return ""
	case errors.As(err, &unknown):
		return wire.CodeUnknownMutator.String() + " " + err.Error()
	case errors.As(err, &bad):
		return wire.CodeBadArgs.String() + " " + err.Error()
	case busy:
		return "refused " + err.Error()
	}
	return wire.CodeMutator.String() + " " + err.Error() // what the function says
}

// presence needs no answer: TypeScript has checked what the replica refuses.
func (b *bridge) presence(args []js.Value) any {
	b.withDoc(args, func(d *document) error { return d.replica.SetPresence(bytesOf(args[2])) })
	return nil
}

func (b *bridge) canonical(args []js.Value) any {
	var out []byte
	b.withDoc(args, func(d *document) error { out = d.replica.View().Canonical(); return nil })
	return bytesTo(out)
}

var uint8Array = js.Global().Get("Uint8Array")

// bytesOf copies a Uint8Array.
func bytesOf(v js.Value) []byte {
	out := make([]byte, v.Length())
	js.CopyBytesToGo(out, v)
	return out
}

// bytesTo copies bytes into a new Uint8Array.
func bytesTo(data []byte) js.Value {
	v := uint8Array.New(len(data))
	js.CopyBytesToJS(v, data)
	return v
}
