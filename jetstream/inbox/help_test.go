package inbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// bench is a log with live documents, and inboxes on it.
type bench struct {
	t         testing.TB
	node      *natsd.Node
	log       *deltalog.Log
	documents *host.Registry
	logger    *slog.Logger
}

func newBench(t testing.TB) *bench {
	t.Helper()
	node, err := natsd.Start(t.Context(), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, node: node, logger: slog.New(slog.DiscardHandler)}
	if testing.Verbose() {
		b.logger = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	b.log, err = deltalog.Open(t.Context(), deltalog.Config{Conn: node.Conn(), JetStream: node.JetStream()})
	if err != nil {
		t.Fatal(err)
	}
	b.documents = b.newDocuments()
	return b
}

// newDocuments returns the live documents of another process.
func (b *bench) newDocuments() *host.Registry {
	r := host.NewRegistry(host.Config{Log: b.log, MaxDocument: 64 << 10, Policy: func(space string) host.Policy {
		if space == "only" {
			return host.Only
		}
		return host.Trust
	}})
	b.t.Cleanup(r.Close)
	return r
}

// running is an inbox that runs.
type running struct {
	*Inbox
	t     testing.TB
	kill  context.CancelFunc
	ended chan error
}

// run runs an inbox. The step function may be nil.
func (b *bench) run(documents *host.Registry, step func(string) error) *running {
	b.t.Helper()
	r := b.prepare(documents, Config{step: step, Exclusive: true})
	r.start()
	return r
}

func (b *bench) prepare(documents *host.Registry, cfg Config) *running {
	cfg.Documents, cfg.Log, cfg.Conn, cfg.JetStream = committer{documents}, b.log, b.node.Conn(), b.node.JetStream()
	cfg.Order.RetryAfter, cfg.Order.RetryAtMost = time.Millisecond, 20*time.Millisecond
	cfg.Logger = b.logger
	return &running{Inbox: New(cfg), t: b.t, ended: make(chan error, 1)}
}

func (r *running) start() {
	var ctx context.Context
	ctx, r.kill = context.WithCancel(context.Background())
	go func() { r.ended <- r.Run(ctx) }()
	r.t.Cleanup(func() { r.stop() })
}

// stop ends a run, and returns with what. It may be called again.
func (r *running) stop() error {
	r.kill()
	err := <-r.ended
	r.ended <- err
	return err
}

// put puts lines and waits until they are settled.
func (r *running) put(lines ...string) Receipt {
	r.t.Helper()
	receipt := r.store(lines...)
	r.settled(receipt)
	return receipt
}

func (r *running) store(lines ...string) Receipt {
	r.t.Helper()
	receipt, err := r.Put(r.t.Context(), "", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		r.t.Fatal(err)
	}
	return receipt
}

func (r *running) settled(receipt Receipt) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	if err := r.Settle(ctx, receipt.Until); err != nil {
		r.t.Fatalf("not settled: %v: %+v", err, r.Status())
	}
}

// line is an event as it is put.
func line(doc, id, prev, patch string) string {
	return fmt.Sprintf(`{"id":%q,"doc":%q,"prev":%q,"delta":%s}`, id, doc, prev, patch)
}

func key(t testing.TB, text string) record.Key {
	t.Helper()
	k, err := record.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

type nobody struct{}

func (nobody) Client() record.ClientID { return record.ClientID{0xff, 1} }
func (nobody) Send([]byte)             {}
func (nobody) Answer(*payload.Answer)  {}

// edit changes a document as a client does.
func (b *bench) edit(doc, patch string) record.Revision {
	b.t.Helper()
	rev, err := b.tryEdit(doc, patch)
	if err != nil {
		b.t.Fatal(err)
	}
	return rev
}

func (b *bench) tryEdit(text, patch string) (record.Revision, error) {
	h, err := b.documents.Attach(key(b.t, text), nobody{})
	if err != nil {
		return 0, err
	}
	defer h.Close()
	p, err := delta.Parse([]byte(patch))
	if err != nil {
		return 0, err
	}
	return h.Run(b.t.Context(), func(tx *doc.Tx) error { return tx.Merge(p) })
}

// read returns a document as it is.
func (b *bench) read(text string) (content string, err error) {
	h, err := b.documents.Attach(key(b.t, text), nobody{})
	if err != nil {
		return "", err
	}
	defer h.Close()
	err = h.Read(b.t.Context(), func(v host.View) { content = string(v.Doc.Canonical()) })
	return content, err
}

// history returns the mutations of a document, in order, those of the inbox by their hashes.
func (b *bench) history(text string) (all []logged) {
	b.t.Helper()
	_, err := b.log.Replay(b.t.Context(), key(b.t, text), deltalog.Tail{}, func(e deltalog.Entry) error {
		for _, m := range e.Record.Mutations {
			l := logged{delta: delta.Trusted(m.Delta)}
			if m.Client == client {
				l.id = hash(m.ID.Nonce)
			}
			all = append(all, l)
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return all
}

// logged is a mutation of the log; of the inbox if it has an id.
type logged struct {
	id    hash
	delta delta.Delta
}

// want compares a document, as the log has it, and the ids of the inbox's events in the log.
func (b *bench) want(text, content string, ids ...string) {
	b.t.Helper()
	d := doc.New()
	var got []hash
	for _, l := range b.history(text) {
		d.Apply(l.delta)
		if l.id != 0 {
			got = append(got, l.id)
		}
	}
	if canonical := string(d.Canonical()); canonical != content {
		b.t.Errorf("%s is %s, want %s", text, canonical, content)
	}
	var want []hash
	for _, id := range ids {
		want = append(want, hashOf(id))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("%s has events %x, want %x", text, got, want)
	}
}

// wantParked compares what is parked, as "id: reason".
func (r *running) wantParked(want ...string) []Parked {
	r.t.Helper()
	list, err := r.Parked(r.t.Context(), 10_000)
	if err != nil {
		r.t.Fatal(err)
	}
	got := map[string]int{}
	for _, p := range list {
		got[p.ID+": "+string(p.Reason)]++
	}
	for _, w := range want {
		if got[w]--; got[w] == 0 {
			delete(got, w)
		}
	}
	if text := fmt.Sprint(got); len(got) > 0 {
		r.t.Errorf("parked, but for what is right: %.1000s (want %q)", text, want)
	}
	return list
}

// wantGaps compares the documents that wait, as "doc: id that is missing".
func (r *running) wantGaps(want ...string) {
	r.t.Helper()
	var got []string
	for _, g := range r.Gaps(1000) {
		got = append(got, g.Document+": "+g.Missing)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		r.t.Errorf("gaps %q, want %q", got, want)
	}
}

// committer is the live documents as the inbox sees them.
type committer struct{ documents *host.Registry }

func (c committer) Commit(ctx context.Context, key record.Key, client record.ClientID, fn func(Front) error) (record.Revision, error) {
	rev, err := c.documents.Admit(ctx, key, client, func(f *host.Front) error { return fn(front{f}) })
	if errors.As(err, new(*deltalog.ConflictError)) {
		err = fmt.Errorf("%w: %w", ErrMoved, err)
	}
	return rev, err
}

type front struct{ *host.Front }

func (f front) Add(id record.MutationID, patch delta.Delta) error {
	err := f.Front.Add(id, patch)
	if errors.Is(err, host.ErrNoRoom) {
		err = ErrNoRoom
	}
	return err
}

// wait waits a moment, for something that tells nobody.
func (r *running) wait() {
	select {
	case <-time.After(time.Millisecond):
	case <-r.t.Context().Done():
		r.t.Fatal("it does not come")
	}
}
