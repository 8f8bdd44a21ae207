package load

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// Config says what a load is. Zero values stand for the defaults of the command line.
type Config struct {
	// Server is the URL of the server.
	Server string
	// Documents have Subscribers connections each. The first of a document edits it.
	Documents, Subscribers int
	// InFlight edits a document has at most, without a Rate: up to 1024. With one, so many are
	// sent together.
	InFlight int
	// Rate is how many edits, or presences, are sent in a second, all together.
	Rate float64
	// Bytes is the size of the value that an edit writes to a member, 8 or more; the
	// member's name has 8.
	Bytes int
	// Warmup goes before what is measured, which takes For, or Most edits if those are
	// sent before. 0: there is no such bound.
	Warmup, For time.Duration
	Most        uint64
	// Stuck connections have the documents open, too, and never read what comes of them;
	// Hostile ones send frames that make no sense. They are not measured.
	Stuck, Hostile int
	// Progress is told of what takes long; nil: nobody is.
	Progress func(what string, done, all int)
}

func (c Config) withDefaults() Config {
	if c.Progress == nil {
		c.Progress = func(string, int, int) {}
	}
	c.Documents, c.Subscribers = max(c.Documents, 1), max(c.Subscribers, 1)
	c.InFlight = min(max(c.InFlight, 1), ring/4)
	if c.Bytes < 8 {
		c.Bytes = 48
	}
	if c.For <= 0 && c.Most == 0 {
		c.For = 10 * time.Second
	}
	return c
}

const (
	// ring is how many edits of a document may be on their way, whatever the rate.
	ring = 1 << 12
	// members is how many members of its document a writer writes, one after the other.
	members = 64
	// endWithin bounds how long the last edits may take.
	endWithin = 30 * time.Second
)

// ErrBehind says that a server does not keep up with the rate: more edits of a document are on
// their way than are counted, 4096.
var ErrBehind = errors.New("the server does not keep up: 4096 edits of one document are on their way")

// run is a run of Fanout.
type run struct {
	cfg     Config
	rooms   []*room
	began   time.Time
	latency *distribution // in microseconds
	k       *distribution

	measuring        atomic.Bool
	sent, deliveries atomic.Uint64
	stopping         atomic.Bool
	done             chan struct{} // closed when enough was sent
	enough           func()
	fail             context.CancelCauseFunc
}

// room is a document and those who have it open.
type room struct {
	writer  *conn
	next    uint64        // number of the next edit
	base    atomic.Uint64 // revision that the writer is at
	nonce   uint64
	credits chan struct{} // a token for each edit that has reached everybody
	value   []byte

	left [ring]atomic.Int32 // who has yet to receive an edit, by its number
	due  [ring]atomic.Int64 // when it was sent, in ns since the run began
}

// Fanout has every document edited and everybody who has it open receive that. The error
// says what a server did wrong, if it did.
func Fanout(ctx context.Context, cfg Config) (*Report, error) {
	cfg = cfg.withDefaults()
	began := time.Now().UnixMilli() // so that each run has documents of its own
	key := func(i int) record.Key {
		return record.Key{Space: "bench", ID: fmt.Sprintf("%d-%d", began, i/cfg.Subscribers)}
	}
	crowd, err := gather(ctx, cfg.Server, cfg.Documents*cfg.Subscribers, key, cfg.Progress)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	r := &run{
		cfg: cfg, began: time.Now(), fail: cancel, done: make(chan struct{}),
		latency: newDistribution(int64(time.Minute / time.Microsecond)), k: newDistribution(1 << 20),
	}
	r.enough = sync.OnceFunc(func() { close(r.done) })
	var wg sync.WaitGroup
	defer wg.Wait()
	defer crowd.close()
	defer cancel(nil)
	for d := range cfg.Documents {
		all := crowd.conns[d*cfg.Subscribers:][:cfg.Subscribers]
		m := &room{writer: all[0], next: 1, nonce: rand.Uint64() | 1, credits: make(chan struct{}, ring)}
		m.base.Store(uint64(all[0].at))
		m.value = base64.RawURLEncoding.AppendEncode(nil, make([]byte, cfg.Bytes))[:cfg.Bytes]
		r.rooms = append(r.rooms, m)
		for _, c := range all {
			wg.Go(func() { r.told(r.listen(ctx, m, c)) })
		}
	}
	wg.Go(func() { crowd.keepAlive(ctx) })
	stuck, err := r.stuck(ctx, cfg.Stuck, key)
	if err != nil {
		return nil, err
	}
	defer stuck.close()
	wg.Go(func() { stuck.keepAlive(ctx) })
	var t trouble
	t.hostile(ctx, cfg, cfg.Hostile, key)
	defer t.wg.Wait()
	defer cancel(nil)
	var writers sync.WaitGroup
	for i, m := range r.rooms {
		if cfg.Rate > 0 {
			writers.Go(func() { r.told(r.writeAtRate(ctx, m, i)) })
		} else {
			writers.Go(func() { r.told(r.write(ctx, m)) })
		}
	}
	report, err := r.measure(ctx)
	r.stopping.Store(true)
	writers.Wait()
	if err == nil {
		err = r.awaitLast(ctx)
	}
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if report != nil {
		report.Stuck, report.Hostile, report.HostileSent = cfg.Stuck, cfg.Hostile, t.sent.Load()
	}
	return report, err
}

// told ends the run with the first error.
func (r *run) told(err error) {
	if err != nil {
		r.fail(err)
	}
}

func (r *run) measure(ctx context.Context) (*Report, error) {
	if err := pause(ctx, nil, r.cfg.Warmup); err != nil {
		return nil, err
	}
	before, err := usageOf(ctx, r.cfg.Server)
	if err != nil {
		return nil, err
	}
	r.latency.reset()
	r.k.reset()
	r.measuring.Store(true)
	start := time.Now()
	if err := pause(ctx, r.done, r.cfg.For); err != nil {
		return nil, err
	}
	r.measuring.Store(false)
	took := time.Since(start)
	sent, deliveries := r.sent.Load(), r.deliveries.Load()
	after, err := usageOf(ctx, r.cfg.Server)
	if err != nil {
		return nil, err
	}
	report := &Report{
		Load: "fanout", Documents: r.cfg.Documents, Connections: r.cfg.Documents * r.cfg.Subscribers,
		InFlight: r.cfg.InFlight, Rate: r.cfg.Rate, Bytes: r.cfg.Bytes,
		K: r.k.numbers(1), LatencyMS: r.latency.numbers(1000),
	}
	if deliveries == 0 {
		return nil, errors.New("nothing was delivered in the time of the run")
	}
	report.count(sent, deliveries, took, before, after)
	return report, nil
}

// pause waits for a time, or until done is closed; a time of 0 is without end then.
func pause(ctx context.Context, done <-chan struct{}, d time.Duration) error {
	var over <-chan time.Time
	if d > 0 || done == nil {
		over = time.After(d)
	}
	select {
	case <-over:
	case <-done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// awaitLast waits until everybody has received everything: no run ends well before.
func (r *run) awaitLast(ctx context.Context) error {
	end := time.NewTimer(endWithin)
	defer end.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, m := range r.rooms {
		for n := m.next - min(m.next, ring); n < m.next; n++ {
			for m.left[n%ring].Load() > 0 {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return context.Cause(ctx)
				case <-end.C:
					return fmt.Errorf("edit %d has not reached %d subscribers after %s", n, m.left[n%ring].Load(), endWithin)
				}
			}
		}
	}
	return nil
}

// write keeps so many edits of a document in flight, joined into one message when several
// can go at once.
func (r *run) write(ctx context.Context, m *room) error {
	for range r.cfg.InFlight {
		m.credits <- struct{}{}
	}
	var message []byte
	for {
		select {
		case <-m.credits:
		case <-ctx.Done():
			return nil
		}
		if r.stopping.Load() {
			return nil
		}
		now := time.Since(r.began).Nanoseconds()
		message = r.edit(message[:0], m, now)
		for n := len(m.credits); n > 0; n-- {
			<-m.credits
			message = r.edit(message, m, now)
		}
		if err := m.writer.ws.Write(ctx, websocket.MessageBinary, message); err != nil {
			return err
		}
	}
}

// writeAtRate sends the edits of one document at their times.
func (r *run) writeAtRate(ctx context.Context, m *room, i int) error {
	every := time.Duration(float64(time.Second) * float64(len(r.rooms)*r.cfg.InFlight) / r.cfg.Rate)
	due := time.Since(r.began) + every*time.Duration(i)/time.Duration(len(r.rooms))
	timer := time.NewTimer(0)
	defer timer.Stop()
	var message []byte
	for {
		timer.Reset(due - time.Since(r.began))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return nil
		}
		if r.stopping.Load() {
			return nil
		}
		message = message[:0]
		for now := time.Since(r.began); due <= now; due += every {
			for range r.cfg.InFlight {
				if m.left[m.next%ring].Load() > 0 {
					return ErrBehind
				}
				message = r.edit(message, m, due.Nanoseconds())
			}
		}
		if err := m.writer.ws.Write(ctx, websocket.MessageBinary, message); err != nil {
			return err
		}
	}
}

// edit appends the next edit of a document.
func (r *run) edit(message []byte, m *room, due int64) []byte {
	n := m.next
	m.next++
	m.left[n%ring].Store(int32(r.cfg.Subscribers))
	m.due[n%ring].Store(due)
	for i, digits := 0, n; i < 8; i, digits = i+1, digits/10 {
		m.value[7-i] = '0' + byte(digits%10)
	}
	patch := fmt.Appendf(nil, `{"k%07d":%q}`, n%members, m.value)
	push := wire.Push{Doc: m.writer.doc, ID: record.MutationID{Number: n, Nonce: m.nonce}, Base: record.Revision(m.base.Load()), Delta: patch}
	if n > 1 {
		push.Follows = record.MutationID{Number: n - 1, Nonce: m.nonce}
	}
	if r.measuring.Load() {
		if sent := r.sent.Add(1); r.cfg.Most > 0 && sent >= r.cfg.Most {
			r.enough()
		}
	}
	return wire.Append(message, &push)
}

// listen receives what is committed and holds the server to its promises.
func (r *run) listen(ctx context.Context, m *room, c *conn) error {
	var rec record.Record // reused
	at := uint64(0)       // number of the last edit
	for {
		came := int64(0)
		// Not with ctx, which would cost as much as reading does: the connection is cut.
		err := c.receive(context.Background(), func(f wire.Frame) error {
			commit, ok := f.(*wire.Commit)
			if !ok {
				return nil
			}
			if _, err := rec.UnmarshalMsg(commit.Record); err != nil {
				return err
			}
			if rec.Prev != c.at {
				return fmt.Errorf("order: the record of revision %d follows %d, and the last that came was %d", commit.Revision, rec.Prev, c.at)
			}
			if c.at = commit.Revision; c == m.writer {
				m.base.Store(uint64(c.at))
			}
			now := time.Since(r.began).Nanoseconds()
			for i := range rec.Mutations {
				if rec.Mutations[i].Client != m.writer.client {
					continue // of a hostile one that has made sense
				}
				n := rec.Mutations[i].ID.Number
				if at++; n != at {
					return fmt.Errorf("order: edit %d came when %d was due", n, at)
				}
				came++
				r.latency.add((now-m.due[n%ring].Load())/1000, 1)
				if m.left[n%ring].Add(-1) == 0 && r.cfg.Rate == 0 {
					m.credits <- struct{}{}
				}
			}
			return nil
		})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return fmt.Errorf("a subscriber: %w", err)
		case came > 0:
			r.k.add(came, 1)
			if r.measuring.Load() {
				r.deliveries.Add(uint64(came))
			}
		}
	}
}
