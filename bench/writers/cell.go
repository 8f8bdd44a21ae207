package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

var key = record.Key{Space: "bench", ID: "writers"}

// settleWithin bounds what is waited for when nobody writes any more.
const settleWithin = 30 * time.Second

// house is a server, and the way to it.
type house struct {
	*server.Server
	dir string

	mu    sync.Mutex
	delay map[time.Duration]*delay
	conns []*client.Client
}

func open(ctx context.Context, documents host.Config) (*house, error) {
	dir, err := os.MkdirTemp("", "rivulet-writers-")
	if err != nil {
		return nil, err
	}
	srv, err := server.Start(ctx, server.Config{Addr: "127.0.0.1:0", Data: dir, Documents: documents})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return &house{Server: srv, dir: dir, delay: make(map[time.Duration]*delay)}, nil
}

// connect opens the document for clients with a latency, all at once.
func (h *house) connect(ctx context.Context, latency time.Duration, clients int) ([]follower, error) {
	all, errs := make([]follower, clients), make([]error, clients)
	url, err := h.way(latency)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	for i := range all {
		wg.Go(func() {
			c, err := client.Connect(ctx, client.Config{URL: url})
			if err != nil {
				errs[i] = err
				return
			}
			h.mu.Lock()
			h.conns = append(h.conns, c)
			h.mu.Unlock()
			d, err := c.Open(ctx, key)
			all[i], errs[i] = follower{c, d}, err
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// follower is a client that has the document open.
type follower struct {
	client *client.Client
	doc    *client.Doc
}

// way returns the URL of the server for clients with a latency.
func (h *house) way(latency time.Duration) (string, error) {
	if latency == 0 {
		return h.URL(), nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	d := h.delay[latency]
	if d == nil {
		var err error
		if d, err = newDelay(h.URL(), latency); err != nil {
			return "", err
		}
		h.delay[latency] = d
	}
	return d.url(), nil
}

func (h *house) close() error {
	for _, c := range h.conns {
		c.Close()
	}
	for _, d := range h.delay {
		d.close()
	}
	return errors.Join(h.Close(), os.RemoveAll(h.dir))
}

// cell is what one row is about.
type cell struct {
	writers int
	latency time.Duration
	shared  bool
}

func (c cell) fields() string {
	if c.shared {
		return "one, shared"
	}
	return "of their own"
}

// results are of all edits that were acknowledged in time.
type results struct {
	peer, author []time.Duration
	conflicts    int64
	slowest      float64 // how many edits the writer with the fewest made, of what all made on average
	took         time.Duration
}

// edit is one that was acknowledged.
type edit struct {
	rev          record.Revision
	began, ended time.Time
}

func (c cell) measure(ctx context.Context, span time.Duration) (r results, err error) {
	h, err := open(ctx, host.Config{})
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	ctx, cancel := context.WithTimeout(ctx, span+2*settleWithin)
	defer cancel()

	clients, err := h.connect(ctx, c.latency, c.writers+1)
	if err != nil {
		return r, err
	}
	authors, passive := clients[:c.writers], clients[c.writers].doc
	var conflicts atomic.Int64
	// Nothing is new any more when it counts.
	if err := each(authors, func(i int, d *client.Doc) error {
		_, err := c.write(ctx, d, i, 0, &conflicts)
		return err
	}); err != nil {
		return r, err
	}

	inside, peer := newStamps(), newStamps()
	var followers sync.WaitGroup
	following, stop := context.WithCancel(ctx)
	defer followers.Wait()
	defer stop()
	followers.Go(func() { inside.end(followInside(following, h.Server, inside)) })
	watch := passive.Watch()
	defer watch.Close()
	followers.Go(func() { peer.end(followPeer(following, watch, peer)) })
	if err := inside.await(ctx, 0); err != nil {
		return r, err
	}

	conflicts.Store(0)
	began := time.Now()
	all := make([][]edit, c.writers)
	if err := each(authors, func(i int, d *client.Doc) (err error) {
		all[i], err = c.writeUntil(ctx, d, i, began.Add(span), &conflicts)
		return err
	}); err != nil {
		return r, err
	}
	r.took, r.conflicts = time.Since(began), conflicts.Load()
	last := record.Revision(0)
	commits := make(map[record.Revision]time.Time)
	for _, edits := range all {
		for _, e := range edits {
			last = max(last, e.rev)
			if there, ok := commits[e.rev]; heard(e, c.latency).Before(there) || !ok {
				commits[e.rev] = heard(e, c.latency)
			}
		}
	}
	if err := errors.Join(inside.await(ctx, last), peer.await(ctx, last)); err != nil {
		return r, err
	}
	stop()
	followers.Wait()
	for _, edits := range all {
		for _, e := range edits {
			at, known := peer.at[e.rev]
			if !known {
				return r, fmt.Errorf("the peer was not told of revision %d", e.rev)
			}
			from := commits[e.rev]
			if t, known := inside.at[e.rev]; known && t.Before(from) {
				from = t
			}
			r.peer = append(r.peer, at.Sub(from))
			r.author = append(r.author, e.ended.Sub(e.began))
		}
	}
	if len(r.peer) == 0 {
		return r, errors.New("nothing was acknowledged in time; write for longer")
	}
	fewest := slices.MinFunc(all, func(a, b []edit) int { return len(a) - len(b) })
	r.slowest = float64(len(fewest)*c.writers) / float64(len(r.peer))
	return r, nil
}

// each calls fn for all clients at once.
func each(clients []follower, fn func(i int, d *client.Doc) error) error {
	errs := make([]error, len(clients))
	var wg sync.WaitGroup
	for i, f := range clients {
		wg.Go(func() { errs[i] = fn(i, f.doc) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// heard is when an author's acknowledgement left the server, at the latest.
func heard(e edit, latency time.Duration) time.Time { return e.ended.Add(-latency / 2) }

func (c cell) writeUntil(ctx context.Context, d *client.Doc, who int, until time.Time, conflicts *atomic.Int64) ([]edit, error) {
	var edits []edit
	for n := 1; ; n++ {
		began := time.Now()
		if began.After(until) {
			return edits, nil
		}
		rev, err := c.write(ctx, d, who, n, conflicts)
		if err != nil {
			return nil, err
		}
		edits = append(edits, edit{rev: rev, began: began, ended: time.Now()})
	}
}

// write makes one edit. A transaction runs once, and once more for each conflict.
func (c cell) write(ctx context.Context, d *client.Doc, who, n int, conflicts *atomic.Int64) (record.Revision, error) {
	runs := int64(0)
	rev, err := d.Update(ctx, func(tx *doc.Tx) error {
		runs++
		if c.shared {
			return increase(tx, "/n")
		}
		return tx.Set(delta.Pointer(fmt.Sprintf("/w%d", who)), strconv.AppendInt(nil, int64(n), 10))
	})
	conflicts.Add(runs - 1)
	return rev, err
}

func increase(tx *doc.Tx, p delta.Pointer) error {
	n := 0
	if text, there := tx.Get(p); there {
		var err error
		if n, err = strconv.Atoi(string(text)); err != nil {
			return err
		}
	}
	return tx.Set(p, strconv.AppendInt(nil, int64(n+1), 10))
}

// followInside follows the document in the server.
func followInside(ctx context.Context, srv *server.Server, s *stamps) error {
	for change, err := range srv.Doc(key).Watch(ctx) {
		if err != nil {
			return err
		}
		s.note(change.Revision)
	}
	return nil
}

func followPeer(ctx context.Context, w *client.Watch, s *stamps) error {
	for {
		e, err := w.Next(ctx)
		if err != nil {
			return err
		}
		s.note(e.Position.Revision)
	}
}
