package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	nats "github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/move"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// moved copies what a stopped server has in a directory to a new NATS, and returns its URL.
func moved(t *testing.T, dir string) string {
	t.Helper()
	from, err := natsd.Start(t.Context(), natsd.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	url := natstest.Start(t, t.TempDir(), nats.RANDOM_PORT).ClientURL()
	to, err := natsd.Start(t.Context(), natsd.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := move.All(t.Context(), move.Config{From: from.JetStream(), To: to.JetStream()}); err != nil || n.Records == 0 || n.Beside == 0 {
		t.Fatal(n, err)
	}
	if err := errors.Join(from.Close(), to.Close()); err != nil {
		t.Fatal(err)
	}
	return url
}

// TestL2_MoveSubscriptions: where a server has moved to, a subscription gets what it had not
// got, of every document in order: what failed, and what is new. Dead letters are there.
func TestL2_MoveSubscriptions(t *testing.T) {
	t.Parallel()
	rc := newReceiver(t)
	rc.before = func(w http.ResponseWriter, _ *http.Request, doc record.Key) bool {
		if doc.ID == "d0" {
			http.Error(w, "never", http.StatusBadRequest)
		}
		return doc.ID == "d0"
	}
	cfg := server.Config{Data: t.TempDir(), Webhooks: []server.Webhook{{Name: "hook", URL: rc.URL, Secret: hookSecret, Attempts: 1}}}
	before := start(t, cfg)
	keys := someKeys("one", 5)
	bad, good := keys[0], keys[1:]
	r := newRecorder()
	var failing sync.Once
	failed := make(chan struct{})
	sub, err := before.Subscribe(server.FeedOptions{Name: "mirror"}, func(ctx context.Context, events []server.FeedEvent, n int) error {
		if slices.ContainsFunc(events, func(e server.FeedEvent) bool { return e.Key == bad }) {
			failing.Do(func() { close(failed) })
			return errors.New("not this one")
		}
		return r.take(ctx, events, n)
	})
	if err != nil {
		t.Fatal(err)
	}
	written, committed := map[record.Key]int{}, map[record.Key][]record.Revision{}
	writeDocs(t, before, 50, written, committed, keys...)
	want := map[record.Key]int{}
	for _, key := range good {
		want[key] = written[key]
	}
	r.wait(t, want)
	<-failed
	rc.wait(want)
	dead := func(srv *server.Server) (revs []record.Revision) {
		for _, l := range ask[httpapi.DeadLetter](t, http.MethodGet, srv.URL()+"/v1/webhooks/dead?name=hook") {
			revs = append(revs, l.Revision)
		}
		return revs
	}
	eventually(t, "all of the bad document is given up", func() bool { return slices.Equal(dead(before), committed[bad]) })
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}
	<-sub.Ended()

	cfg.NATS, cfg.Data = moved(t, cfg.Data), ""
	rc.mu.Lock()
	rc.before = func(http.ResponseWriter, *http.Request, record.Key) bool { return false }
	posted := len(rc.bodies)
	rc.mu.Unlock()
	after := start(t, cfg)
	if got := dead(after); !slices.Equal(got, committed[bad]) {
		t.Errorf("dead letters are of %v, want %v", got, committed[bad])
	}
	if _, err := after.Subscribe(server.FeedOptions{Name: "mirror"}, r.take); err != nil {
		t.Fatal(err)
	}
	writeDocs(t, after, 10, written, committed, keys...)
	r.wait(t, written)
	rc.wait(written)
	r.mu.Lock()
	for _, key := range keys {
		if !slices.Equal(r.revisions[key], committed[key]) {
			t.Errorf("%s: delivered %v, want %v", key, r.revisions[key], committed[key])
		}
	}
	r.mu.Unlock()
	rc.mu.Lock()
	if got := len(rc.bodies) - posted; got != 10 {
		t.Errorf("%d events were posted after the move, want the 10 that are new", got)
	}
	rc.mu.Unlock()
	done := ask[httpapi.DeadRetried](t, http.MethodPost, after.URL()+"/v1/webhooks/dead?name=hook")
	if len(done) != 1 || done[0].Delivered != 10 || done[0].Left != 0 {
		t.Errorf("sent again: %+v", done)
	}
}

// TestL2_L3_MoveInbox: where a server has moved to, its inbox has what waited, what was parked
// and what was applied.
func TestL2_L3_MoveInbox(t *testing.T) {
	t.Parallel()
	const docs, chain = 40, 20
	key := func(n int) string { return fmt.Sprint("demo/d", n) }
	delta := func(i int) string { return fmt.Sprintf(`{"e%d":%d}`, i, i) }
	id := func(i int) string {
		if i < 0 {
			return ""
		}
		return fmt.Sprint("e", i)
	}
	// Of each document one event is missing, and another one cannot be applied.
	var first, all []string
	for n := range docs {
		for i := range chain {
			line := event(key(n), id(i), id(i-1), delta(i))
			if all = append(all, line); i != n%(chain-6)+5 {
				first = append(first, line)
			}
		}
		fork := event(key(n), "fork", "e1", `{"e2":"other"}`)
		first, all = append(first, fork, event(key(n), "follows", "fork", `{"x":1}`)), append(all, fork)
	}
	data := t.TempDir()
	before := start(t, server.Config{Data: data})
	put(t, before, before, first...)
	parked, err := before.Parked(t.Context(), 1000)
	if err != nil || len(parked) != 2*docs {
		t.Fatalf("%d are parked: %v", len(parked), err)
	}
	gaps := before.Gaps(1000)
	if len(gaps) != docs {
		t.Fatalf("%d documents wait", len(gaps))
	}
	if err := before.Close(); err != nil {
		t.Fatal(err)
	}

	after := start(t, server.Config{NATS: moved(t, data)})
	eventually(t, "the inbox has looked at all", func() bool { return after.Inbox().CaughtUp })
	if got, err := after.Parked(t.Context(), 1000); err != nil || encode(t, got) != encode(t, parked) {
		t.Errorf("%v: parked are %+v, want %+v", err, got, parked)
	}
	if got := after.Gaps(1000); encode(t, got) != encode(t, gaps) {
		t.Errorf("waiting are %+v, want %+v", got, gaps)
	}
	if s := after.Inbox(); s.Applied+s.NowParked > 0 {
		t.Errorf("%d were applied again, %d parked", s.Applied, s.NowParked)
	}
	put(t, after, after, all...)
	s := after.Inbox()
	held := 0
	for n := range docs {
		held += chain - (n%(chain-6) + 5)
		want := map[string]int{}
		for i := range chain {
			want[id(i)] = i
		}
		at := board
		at.ID = fmt.Sprint("d", n)
		wantState(t, after.Doc(at), encode(t, want))
	}
	if s.Applied != uint64(held) || s.NowParked > 0 || s.Parked != 2*docs || len(after.Gaps(10)) > 0 {
		t.Errorf("%d were applied, want %d; %+v, gaps %+v", s.Applied, held, s, after.Gaps(10))
	}
}

func encode(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
