package session_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

var readersSeed = flag.Uint64("session.seed", 0, "run TestL5_L9_Readers with this seed only")

// TestL5_L9_Readers: readers of two documents who are slow, cut off, disconnected and resumed,
// at random, while the server is restarted, receive every record after the one where they are,
// once and in the order of the log, or what several of them amount to, or a snapshot of a later one; and in the end all are where
// the log is, which a position proves: it has a hash of all records.
func TestL5_L9_Readers(t *testing.T) {
	seeds := []uint64{rand.Uint64(), rand.Uint64(), rand.Uint64()}
	if *readersSeed != 0 {
		seeds = []uint64{*readersSeed}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { runReaders(t, seed) })
	}
}

func runReaders(t *testing.T, seed uint64) {
	const readers, edits, restarts = 8, 400, 3
	w := newWorld(t, func(c *session.Config, d *host.Config) {
		c.MaxQueue, d.KeepBytes, d.ChecksumEvery = 16<<10, 256<<10, 7
	})
	r := &race{world: w, moved: make(chan struct{})}
	ctx, cancel := context.WithTimeout(t.Context(), 3*within)
	defer cancel()
	var wg sync.WaitGroup
	all := make([]*reader, readers)
	for i := range all {
		all[i] = &reader{race: r, random: rand.New(rand.NewPCG(seed, uint64(i))), copies: make(map[record.Key]*copyOf)}
		wg.Go(func() { all[i].run(ctx) })
	}
	// The writer is the test itself: what a reader waits for is that it has gone on.
	random := rand.New(rand.NewPCG(seed, 1000))
	writer := w.greet()
	number := make(map[record.Key]record.MutationID)
	writer.open(board)
	writer.open(notes)
	heads := make(map[record.Key]record.Position)
	for n := range edits {
		key := []record.Key{board, notes}[random.IntN(2)]
		writer.last = number[key]
		edit := writer.push(key, fmt.Sprintf(`{"n":%d,"t%d":%q}`, n, random.IntN(20), strings.Repeat("x", random.IntN(2000))))
		edit.Base = heads[key].Revision
		writer.send(edit)
		number[key] = writer.last
		c := expect[*wire.Commit](writer)
		rec, err := record.Decode(c.Record)
		if err != nil {
			t.Fatal(err)
		}
		heads[key] = record.Position{Epoch: rec.Epoch, Revision: c.Revision, Chain: record.ChainOf(c.Record)}
		r.step(nil)
		if random.IntN(edits/restarts) == 0 {
			w.restart()
			client := writer.id
			writer = w.dial()
			writer.send(&wire.Hello{Protocol: wire.Protocol, Client: client})
			writer.id = expect[*wire.Welcome](writer).Client
			writer.open(board)
			writer.open(notes)
		}
	}
	r.step(heads)
	wg.Wait()
	want := make(map[record.Key]string)
	for _, key := range []record.Key{board, notes} {
		want[key] = string(w.greet().open(key).Snapshot)
	}
	cuts, folds := 0, 0
	for i, one := range all {
		cuts, folds = cuts+one.cuts, folds+one.folds
		for key, text := range want {
			if c := one.copies[key]; c == nil || string(c.doc.Canonical()) != text {
				t.Errorf("seed %d: reader %d has another %s", seed, i, key)
			}
		}
	}
	t.Logf("cut off %d times, resumed by a fold %d times", cuts, folds)
	if cuts == 0 {
		t.Error("no reader was cut off")
	}
}

// race is what readers know of the writer.
type race struct {
	*world

	mu    sync.Mutex
	steps int
	heads map[record.Key]record.Position // when all is written
	moved chan struct{}                  // closed and replaced at every step
}

func (r *race) step(heads map[record.Key]record.Position) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps++
	r.heads = heads
	close(r.moved)
	r.moved = make(chan struct{})
}

// wait waits until the writer has gone on so many steps, or is done.
func (r *race) wait(ctx context.Context, steps int) {
	r.mu.Lock()
	until := r.steps + steps
	for r.steps < until && r.heads == nil && ctx.Err() == nil {
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		r.mu.Lock()
	}
	r.mu.Unlock()
}

// reader follows both documents over as many connections as it takes.
type reader struct {
	*race
	random *rand.Rand
	copies map[record.Key]*copyOf
	cuts   int
	folds  int
}

func (r *reader) run(ctx context.Context) {
	for !r.done() {
		conn, _, err := websocket.Dial(ctx, "ws://memory/", &websocket.DialOptions{HTTPClient: r.dialer})
		if err != nil {
			r.t.Errorf("cannot connect: %v", err)
			return
		}
		conn.SetReadLimit(64 << 20)
		err = r.follow(ctx, conn)
		conn.CloseNow() //nolint:errcheck // the test goes on
		if err != nil {
			r.t.Error(err)
			return
		}
	}
}

// done reports whether everything was read.
func (r *reader) done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, at := range r.heads {
		if c := r.copies[key]; c == nil || c.at != at {
			return false
		}
	}
	return r.heads != nil
}

// ask returns a request to go on with a document.
func (r *reader) ask(request uint32, key record.Key) *wire.Open {
	f := &wire.Open{Request: request, Key: key.String()}
	if c := r.copies[key]; c != nil {
		f.At = c.at
	}
	return f
}

// follow reads from one connection. An error is one of the server, not of the connection.
func (r *reader) follow(ctx context.Context, conn *websocket.Conn) error {
	keys := map[uint32]record.Key{1: board, 2: notes} // by request, then by the server's number
	message := wire.Append(wire.Append(wire.Encode(hello), r.ask(1, board)), r.ask(2, notes))
	if conn.Write(ctx, websocket.MessageBinary, message) != nil {
		return nil
	}
	numbers, request := make(map[uint32]record.Key), uint32(2)
	for !r.done() {
		switch r.random.IntN(60) {
		case 0:
			return nil
		case 1, 2, 3:
			r.wait(ctx, 20+r.random.IntN(60))
		}
		read, cancel := context.WithTimeout(ctx, time.Second)
		_, message, err := conn.Read(read)
		cancel()
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return nil
		}
		for len(message) > 0 {
			var f wire.Frame
			if f, message, err = wire.Decode(message); err != nil {
				return err
			}
			switch f := f.(type) {
			case *wire.Opened:
				key := keys[f.Request]
				numbers[f.Doc] = key
				err = r.opened(key, f)
			case *wire.Commit:
				if key, open := numbers[f.Doc]; open {
					err = r.commit(key, f)
				}
			case *wire.Checksum:
				if key, open := numbers[f.Doc]; open {
					err = r.checksum(key, f)
				}
			case *wire.Fault:
				if f.Code != wire.CodeSlow || f.Key == "" {
					return nil // the server stops
				}
				r.cuts++
				key, bad := record.ParseKey(f.Key)
				if bad != nil {
					return bad
				}
				for number, of := range numbers {
					if of == key {
						delete(numbers, number)
					}
				}
				request++
				keys[request] = key
				if conn.Write(ctx, websocket.MessageBinary, wire.Encode(r.ask(request, key))) != nil {
					return nil
				}
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) opened(key record.Key, f *wire.Opened) error {
	c := r.copies[key]
	switch {
	case f.Folded:
		if c == nil || f.At.Revision <= c.at.Revision {
			return fmt.Errorf("%s: folded up to %v for a reader at %+v", key, f.At, c)
		}
		first, second := f.Patches()
		for _, patch := range [][]byte{first, second} {
			if len(patch) > 0 {
				c.doc.Apply(delta.Trusted(patch))
			}
		}
		c.at = f.At
		r.folds++
	case len(f.Snapshot) > 0:
		if c != nil && f.At.Revision < c.at.Revision {
			return fmt.Errorf("%s: a snapshot of %v for a reader at %v", key, f.At, c.at)
		}
		r.copies[key] = &copyOf{doc: doc.Open(f.Snapshot), at: f.At}
	case c == nil || f.At != c.at:
		return fmt.Errorf("%s: opened at %v for a reader at %+v", key, f.At, c)
	}
	return nil
}

func (r *reader) commit(key record.Key, f *wire.Commit) error {
	rec, err := record.Decode(f.Record)
	if err != nil {
		return err
	}
	c := r.copies[key]
	if c == nil || !rec.Continues(c.at) {
		return fmt.Errorf("%s: record %d does not continue %+v", key, f.Revision, c)
	}
	for _, m := range rec.Mutations {
		c.doc.Apply(delta.Trusted(m.Delta))
	}
	c.at = record.Position{Epoch: rec.Epoch, Revision: f.Revision, Chain: record.ChainOf(f.Record)}
	return nil
}

func (r *reader) checksum(key record.Key, f *wire.Checksum) error {
	c := r.copies[key]
	if sum := c.doc.Checksum(); c.at.Revision != f.Revision || sum != (doc.Checksum{Hi: f.Hi, Lo: f.Lo}) {
		return fmt.Errorf("%s: the checksum of %d does not fit a reader at %v", key, f.Revision, c.at)
	}
	return nil
}
