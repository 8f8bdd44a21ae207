package chaos_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

const (
	documents = 50
	seats     = 3 // clients at a time
	hands     = 2 // writers of a client in one document
)

func keyOf(n int) record.Key { return record.Key{Space: "chaos", ID: strconv.Itoa(n)} }

// edit names one transaction of a document: that a writer has made as its number.
// Every transaction writes its number to the member of its writer.
type edit struct {
	writer, number int
}

// place is where the log holds a mutation.
type place struct {
	revision record.Revision
	index    int
}

// paper is what the clients know of one document.
type paper struct {
	begun [seats * hands]int // edits by writer
	// acknowledged are the edits that are durable by what a client was told, and where;
	// unheard those of which nobody was told, as their client was closed.
	acknowledged map[edit]record.Revision
	unheard      map[edit]bool
	head         record.Revision  // the last that is acknowledged
	seen         map[place]string // deltas that any client was shown
	resets       int              // how often a client was given the whole document
}

// crowd is clients that write as fast as they can to all documents.
type crowd struct {
	t     *testing.T
	ctx   context.Context
	homes []string // URLs of the servers
	stop  chan struct{}
	wake  chan struct{} // somebody has got on
	lives [seats]*life

	mu     sync.Mutex
	papers [documents]paper
	acks   [seats]int
	total  int
}

// life is a client in a seat, which another one takes when it is closed.
type life struct {
	client  *client.Client
	docs    [documents]*client.Doc // nil until open; guarded by crowd.mu
	writing sync.WaitGroup
	reading sync.WaitGroup
}

func newCrowd(t *testing.T, homes ...string) *crowd {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &crowd{t: t, ctx: ctx, homes: homes, stop: make(chan struct{}), wake: make(chan struct{}, 1)}
	for i := range c.papers {
		c.papers[i] = paper{
			acknowledged: make(map[edit]record.Revision), unheard: make(map[edit]bool), seen: make(map[place]string),
		}
	}
	t.Cleanup(func() {
		cancel()
		for seat := range seats {
			c.leave(seat)
		}
	})
	for seat := range seats {
		c.sit(seat)
	}
	return c
}

// sit begins the life of a client.
func (c *crowd) sit(seat int) {
	cl, err := client.New(client.Config{
		URL: c.homes[seat%len(c.homes)],
		OnDiverged: func(key record.Key, at record.Position) {
			c.t.Errorf("%s differed from the server's at %s", key, at)
		},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	l := &life{client: cl}
	c.lives[seat] = l
	for n := range documents {
		l.writing.Add(hands)
		l.reading.Go(func() { c.work(l, seat, n) })
	}
}

// leave closes a client, whatever it is about to do.
func (c *crowd) leave(seat int) {
	l := c.lives[seat]
	l.client.Close()
	l.writing.Wait()
	l.reading.Wait()
}

// work opens a document, writes to it and reads what comes, until the client is closed.
func (c *crowd) work(l *life, seat, n int) {
	d, err := l.client.Open(c.ctx, keyOf(n))
	if err != nil {
		l.writing.Add(-hands)
		c.over(err)
		return
	}
	w := d.Watch()
	defer w.Close()
	c.mu.Lock()
	l.docs[n] = d
	c.mu.Unlock()
	for hand := range hands {
		go func() {
			defer l.writing.Done()
			c.write(d, n, seat, seat*hands+hand)
		}()
	}
	for {
		e, err := w.Next(c.ctx)
		if err != nil {
			c.over(err)
			return
		}
		c.read(n, e, d)
	}
}

// over is called with what ends a loop, which must be that the client was closed.
func (c *crowd) over(err error) {
	if !errors.Is(err, client.ErrClosed) && c.ctx.Err() == nil {
		c.t.Error(err)
	}
}

// write makes edits until it is told to stop.
func (c *crowd) write(d *client.Doc, n, seat, writer int) {
	for {
		select {
		case <-c.stop:
			return
		default:
		}
		if !c.edit(d, n, seat, writer) {
			return
		}
	}
}

// edit makes one edit, and notes what comes of it.
func (c *crowd) edit(d *client.Doc, n, seat, writer int) bool {
	p := &c.papers[n]
	c.mu.Lock()
	p.begun[writer]++
	e := edit{writer, p.begun[writer]}
	c.mu.Unlock()
	rev, err := d.Update(c.ctx, e.transaction)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		p.unheard[e] = true
		c.over(err)
		return false
	}
	p.acknowledged[e] = rev
	p.head = max(p.head, rev)
	c.acks[seat]++
	c.total++
	c.gotOn()
	return true
}

// transaction is one of three: it counts, it writes two members that are always equal,
// or neither.
func (e edit) transaction(tx *doc.Tx) error {
	number := strconv.Itoa(e.number)
	switch (e.writer + e.number) % 3 {
	case 0:
		count := 0
		if raw, ok := tx.Get("/count"); ok {
			var err error
			if count, err = strconv.Atoi(string(raw)); err != nil {
				return err
			}
		}
		if err := tx.Set("/count", strconv.AppendInt(nil, int64(count+1), 10)); err != nil {
			return err
		}
	case 1:
		both := []byte(fmt.Sprintf(`"%d.%d"`, e.writer, e.number))
		if err := errors.Join(tx.Set("/left", both), tx.Set("/right", both)); err != nil {
			return err
		}
	}
	return tx.Set(delta.Pointer("/w"+strconv.Itoa(e.writer)), []byte(number))
}

// read notes what a client is shown, and looks for a torn transaction.
func (c *crowd) read(n int, e client.Event, d *client.Doc) {
	d.Read(func(view *doc.Doc) {
		left, _ := view.Get("/left")
		if right, _ := view.Get("/right"); string(left) != string(right) {
			c.t.Errorf("%s is torn: %s and %s", d.Key(), left, right)
		}
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.gotOn()
	if e.Reset {
		c.papers[n].resets++
		return
	}
	at := place{e.Position.Revision, e.Index}
	if before, ok := c.papers[n].seen[at]; ok && before != string(e.Delta) {
		c.t.Errorf("%s at %v is %s, and %s for somebody else", d.Key(), at, e.Delta, before)
	}
	c.papers[n].seen[at] = string(e.Delta)
}

func (c *crowd) gotOn() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// until waits for what the crowd must come to. ok is called with the crowd locked.
func (c *crowd) until(what string, ok func() bool) {
	c.t.Helper()
	timeout := time.NewTimer(within)
	defer timeout.Stop()
	for {
		c.mu.Lock()
		done := ok()
		c.mu.Unlock()
		if done {
			return
		}
		select {
		case <-c.wake:
		case <-timeout.C:
			c.t.Fatalf("%s: not after %v\n%s", what, within, c.report())
		}
		if c.t.Failed() {
			c.t.FailNow()
		}
	}
}

// acknowledge waits until every client has been told of an edit of its own, so all of
// them are there, and then for so many more.
func (c *crowd) acknowledge(more int) {
	c.t.Helper()
	c.mu.Lock()
	before := c.acks
	c.mu.Unlock()
	c.until("an acknowledgement for everybody", func() bool {
		for seat := range seats {
			if c.acks[seat] == before[seat] {
				return false
			}
		}
		return true
	})
	c.mu.Lock()
	enough := c.total + more
	c.mu.Unlock()
	c.until(fmt.Sprintf("%d acknowledgements", more), func() bool { return c.total >= enough })
}

// report says who waits for what.
func (c *crowd) report() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := ""
	for seat, l := range c.lives {
		text += fmt.Sprintf("client %d: %+v, %d edits acknowledged, pending:", seat, l.client.State(), c.acks[seat])
		for n, d := range l.docs {
			if d == nil {
				text += fmt.Sprintf(" %d is not open", n)
			} else if d.Pending() > 0 {
				text += fmt.Sprintf(" %d of %s at %s", d.Pending(), d.Key(), d.Position())
			}
		}
		text += "\n"
	}
	return text
}

// settle has everybody stop, and waits until every client has all that is in the log.
func (c *crowd) settle() {
	c.t.Helper()
	c.until("all documents open", func() bool {
		for _, l := range c.lives {
			if slices.Contains(l.docs[:], nil) {
				return false
			}
		}
		return true
	})
	close(c.stop)
	for _, l := range c.lives {
		c.wait(&l.writing)
	}
	// What a client that was closed has left behind, at a server or on its way, comes
	// before another edit by way of the same server, or never.
	var last sync.WaitGroup
	for seat, l := range c.lives {
		for n, d := range l.docs {
			last.Go(func() { c.edit(d, n, seat, seat*hands) })
		}
	}
	c.wait(&last)
	c.until("everybody at the head", func() bool {
		for n := range documents {
			for _, l := range c.lives {
				if l.docs[n].Position().Revision < c.papers[n].head {
					return false
				}
			}
		}
		return true
	})
}

func (c *crowd) wait(all *sync.WaitGroup) {
	c.t.Helper()
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(within):
		c.t.Fatalf("writers still wait after %v\n%s", within, c.report())
	}
}
