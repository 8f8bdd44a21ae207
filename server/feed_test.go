package server_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// recorder is a subscriber that remembers what it is handed.
type recorder struct {
	mu        sync.Mutex
	revisions map[record.Key][]record.Revision
	values    map[record.Key]int
	changed   chan struct{}
}

func newRecorder() *recorder {
	return &recorder{revisions: map[record.Key][]record.Revision{}, values: map[record.Key]int{}, changed: make(chan struct{})}
}

func (r *recorder) take(_ context.Context, events []server.FeedEvent, _ int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range events {
		r.revisions[e.Key] = append(r.revisions[e.Key], e.Revision)
		for _, m := range e.Mutations {
			var delta struct{ N int }
			if err := json.Unmarshal(m.Delta, &delta); err != nil {
				return err
			}
			r.values[e.Key] = delta.N
		}
	}
	close(r.changed)
	r.changed = make(chan struct{})
	return nil
}

// wait waits until documents have values.
func (r *recorder) wait(t *testing.T, want map[record.Key]int) {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		r.mu.Lock()
		changed, there := r.changed, true
		for key, n := range want {
			there = there && r.values[key] == n
		}
		r.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("after 30 s delivered %v, want %v", r.values, want)
		}
	}
}

// A durable subscription gets every revision of every document, in order, across restarts of
// the server: what comes twice is a suffix that comes again.
func TestL2_SubscriptionAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	r := newRecorder()
	written := map[record.Key]int{}
	committed := map[record.Key][]record.Revision{}
	for restart := range 4 {
		srv := start(t, server.Config{Data: dir})
		sub, err := srv.Subscribe(server.FeedOptions{Name: "mirror"}, r.take)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 60 {
			key := record.Key{Space: fmt.Sprint("s", i%5), ID: fmt.Sprint("d", i%11)}
			written[key]++
			rev, err := srv.Doc(key).Patch(t.Context(), fmt.Appendf(nil, `{"n":%d}`, written[key]))
			if err != nil {
				t.Fatal(err)
			}
			committed[key] = append(committed[key], rev)
		}
		switch restart {
		case 0:
			r.wait(t, written)
			sub.Close()
			if err := sub.Err(); !errors.Is(err, server.ErrClosed) {
				t.Errorf("a closed subscription ended with %v", err)
			}
		case 3:
			r.wait(t, written)
		}
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
		<-sub.Ended()
	}
	for key, want := range committed {
		got := r.revisions[key]
		seen := record.Revision(0)
		var once []record.Revision
		for i, rev := range got {
			if rev > seen {
				once, seen = append(once, rev), rev
			} else if i > 0 && rev <= got[i-1] && !slices.Contains(want, rev) {
				t.Errorf("%s: %d is no revision", key, rev)
			}
		}
		if !slices.Equal(once, want) {
			t.Errorf("%s: delivered %v, want %v", key, once, want)
		}
		delete(r.revisions, key)
	}
	if len(r.revisions) > 0 {
		t.Errorf("delivered, and never written: %v", r.revisions)
	}
}

// sse is a connection that reads server-sent events.
type sse struct {
	lines  *bufio.Reader
	cancel context.CancelFunc
	id     string
}

// openFeed asks for the feed as a browser does.
func openFeed(t *testing.T, url, lastID string) *sse {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastID != "" {
		request.Header.Set("Last-Event-ID", lastID)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		answer.Body.Close()
	})
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("the answer is %s, %s", answer.Status, answer.Header.Get("Content-Type"))
	}
	return &sse{lines: bufio.NewReader(answer.Body), cancel: cancel}
}

// next returns the name and the data of the next event; no name when there is none.
func (s *sse) next() (name, data string) {
	for {
		text, err := s.lines.ReadString('\n')
		if err != nil {
			return "", err.Error()
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch field {
		case "id":
			s.id = value
		case "event":
			name = value
		case "data":
			data = value
		case "":
			if data != "" {
				return name, data
			}
		}
	}
}

func TestServerSentEvents(t *testing.T) {
	srv := start(t, server.Config{})
	for i := range 3 {
		for _, doc := range []string{"notes/a", "notes/b", "other/c"} {
			key, err := record.ParseKey(doc)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := srv.Doc(key).Patch(t.Context(), fmt.Appendf(nil, `{"n":%d}`, i)); err != nil {
				t.Fatal(err)
			}
		}
	}
	feed := openFeed(t, srv.URL()+"/v1/feed?space=notes", "")
	var got []string
	read := func(s *sse, n int) {
		for range n {
			name, data := s.next()
			var e struct {
				Doc       string
				Mutations []struct{ Delta json.RawMessage }
			}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatalf("%s: %v", data, err)
			}
			delta := ""
			if len(e.Mutations) > 0 {
				delta = string(e.Mutations[0].Delta)
			}
			got = append(got, fmt.Sprint(name, " ", e.Doc, " ", delta))
		}
	}
	read(feed, 4)
	feed.cancel()
	// As a browser that has lost the connection.
	feed = openFeed(t, srv.URL()+"/v1/feed?space=notes", feed.id)
	read(feed, 2)
	if _, err := srv.Doc(record.Key{Space: "notes", ID: "b"}).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	read(feed, 1)
	want := []string{
		`change notes/a {"n":0}`, `change notes/b {"n":0}`, `change notes/a {"n":1}`, `change notes/b {"n":1}`,
		`change notes/a {"n":2}`, `change notes/b {"n":2}`,
	}
	if !slices.Equal(got[:6], want) || !strings.HasPrefix(got[6], "delete notes/b") {
		t.Errorf("got %q, want %q and a deletion", got, want)
	}
	once := openFeed(t, srv.URL()+"/v1/feed?space=notes&once=true", "")
	got = nil
	read(once, 7)
	if name, _ := once.next(); name != "" {
		t.Errorf("a feed that is read once goes on with %s", name)
	}
	for _, query := range []string{"", "?space=a/b", "?space=notes&cursor=x"} {
		answer, err := http.Get(srv.URL() + "/v1/feed" + query)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%q: %s", query, answer.Status)
		}
	}
	began := time.Now()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("with a feed open the server took %v to close", took)
	}
}

// A server that is told to stop while subscriptions are catching up, one of them in the middle
// of a slow delivery, does so at once, and goes on from there when it is started again.
func TestL9_StopsWhileCatchingUp(t *testing.T) {
	dir := t.TempDir()
	srv := start(t, server.Config{Data: dir})
	want := map[record.Key]int{}
	for d := range 40 {
		key := record.Key{Space: fmt.Sprint("s", d%4), ID: fmt.Sprint("d", d)}
		for want[key] = range 51 {
			if _, err := srv.Doc(key).Patch(t.Context(), fmt.Appendf(nil, `{"n":%d}`, want[key])); err != nil {
				t.Fatal(err)
			}
		}
	}
	r := newRecorder()
	o := server.FeedOptions{Name: "slow"}
	o.Order.BatchSize = 10
	begun := make(chan struct{})
	var once sync.Once
	_, err := srv.Subscribe(o, func(ctx context.Context, events []server.FeedEvent, attempt int) error {
		if err := r.take(ctx, events, attempt); err != nil || len(r.revisions) < 20 {
			return err
		}
		once.Do(func() { close(begun) })
		<-ctx.Done() // as one that waits for somebody else
		return ctx.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	<-begun
	began := time.Now()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %v to stop", took)
	}
	srv = start(t, server.Config{Data: dir})
	sub, err := srv.Subscribe(o, r.take)
	if err != nil {
		t.Fatal(err)
	}
	r.wait(t, want)
	if st := sub.Status(); st.Discovered == 0 || st.Discovered > 40*51 {
		t.Errorf("the status is %+v", st)
	}
}

// A server that waits to take a subscription over does not say every second that it is
// catching up.
func TestWaitingIsNotCatchingUp(t *testing.T) {
	nats := startNATS(t)
	var said lines
	here := start(t, server.Config{NATS: nats.url()})
	there := start(t, server.Config{NATS: nats.url(), Logger: slog.New(slog.NewTextHandler(&said, nil))})
	caught := make(chan struct{})
	take := func(context.Context, []server.FeedEvent, int) error { return nil }
	if _, err := here.Subscribe(server.FeedOptions{Name: "x", OnCaughtUp: func() { close(caught) }}, take); err != nil {
		t.Fatal(err)
	}
	<-caught
	sub, err := there.Subscribe(server.FeedOptions{Name: "x"}, take)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(2500 * time.Millisecond) // it is said every second
	if n := said.count("catching up"); n > 0 || !sub.Status().Waiting {
		t.Errorf("it was said %d times; the status is %+v", n, sub.Status())
	}
}

// lines is what is logged.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}
