package webhook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server/webhook"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// deadLetters returns an empty store.
func deadLetters(t *testing.T) *webhook.DeadLetters {
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
	dead, err := webhook.OpenDead(t.Context(), node.JetStream(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return dead
}

func change(doc string, revision uint64) feed.Event {
	key, err := record.ParseKey(doc)
	if err != nil {
		panic(err)
	}
	return feed.Event{Kind: feed.Change, Key: key, Revision: record.Revision(revision), Time: time.Unix(int64(revision), 0).UTC(),
		Cursor:    feed.Cursor{Epoch: 5, Sequence: revision},
		Mutations: []record.Mutation{{Delta: []byte(`{"n":1}`)}}}
}

// hook returns a webhook that posts to a handler.
func hook(t *testing.T, dead *webhook.DeadLetters, cfg webhook.Config, logger *slog.Logger, h http.HandlerFunc) *webhook.Hook {
	t.Helper()
	receiver := httptest.NewServer(h)
	t.Cleanup(receiver.Close)
	if cfg.URL == "" {
		cfg.URL = receiver.URL + "/hook?token=hunter2"
	}
	cfg.Name, cfg.Secret = "hook", secret
	out, err := webhook.New(cfg, webhook.Options{Dead: dead, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(out.Close)
	return out
}

func letters(t *testing.T, dead *webhook.DeadLetters) []webhook.Letter {
	t.Helper()
	var list []webhook.Letter
	for l, err := range dead.All(t.Context(), "hook") {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, l)
	}
	return list
}

// Whatever a receiver does, an attempt is an error of a few hundred bytes or a success, within the
// time-out, and neither the errors nor the log have what is secret.
func TestL11_Receivers(t *testing.T) {
	dead := deadLetters(t)
	var log bytes.Buffer
	var redirected atomic.Bool
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for _, c := range []struct {
		name, url, want string // nothing: it is taken
		answer          http.HandlerFunc
	}{
		{name: "200", answer: func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "thanks") }},
		{name: "204", answer: func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }},
		{name: "endless 200", answer: func(w http.ResponseWriter, r *http.Request) { endless(w, r) }},
		{name: "500", want: `the receiver answered 500 Internal Server Error: "no \x00 luck"`, answer: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			io.WriteString(w, "no \x00 luck\xff")
		}},
		{name: "endless 500", want: "the receiver answered 500", answer: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(500)
			endless(w, r)
		}},
		{name: "redirect", want: "307 Temporary Redirect, and redirects are not followed", answer: func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				redirected.Store(true)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(307)
		}},
		{name: "silent", want: "no answer within 100ms", answer: func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			<-r.Context().Done()
		}},
		{name: "hangs up", want: "EOF", answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{name: "not there", url: closed.URL + "?token=hunter2", want: "connection refused"},
		{name: "no such host", url: "http://user:hunter2@host.invalid/?token=hunter2", want: "host.invalid"},
	} {
		cfg := webhook.Config{Timeout: 100 * time.Millisecond, URL: c.url}
		if !strings.Contains(c.name, "silent") {
			cfg.Timeout = 20 * time.Second
		}
		logger := slog.New(slog.NewTextHandler(&log, nil))
		h := hook(t, dead, cfg, logger, c.answer)
		err := h.Deliver(t.Context(), []feed.Event{change("s/d", 1)}, 1)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || len(err.Error()) > 1000):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: an error has the secret: %v", c.name, err)
		}
		if strings.Contains(h.URL(), "hunter2") {
			t.Errorf("%s: the URL is told as %s", c.name, h.URL())
		}
		// The last attempt after a restart, which is logged.
		h = hook(t, dead, cfg, logger, c.answer)
		if err := h.Deliver(t.Context(), []feed.Event{change("s/d", 1)}, webhook.DefaultAttempts); err != nil {
			t.Errorf("%s: it is not given up: %v", c.name, err)
		}
	}
	if redirected.Load() {
		t.Error("a redirect was followed")
	}
	list := letters(t, dead)
	if len(list) != 1 { // the same event each time
		t.Errorf("there are %d dead letters", len(list))
	}
	if text := log.String() + fmt.Sprint(list); strings.Contains(text, "hunter2") || strings.Contains(text, "MfKQ9r8G") || !strings.Contains(log.String(), "given up") {
		t.Errorf("the log is %s", text)
	}
}

func endless(w http.ResponseWriter, r *http.Request) {
	chunk := make([]byte, 32<<10)
	for r.Context().Err() == nil {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// Retry-After has the document wait, up to a bound, and not when all is being stopped.
func TestRetryAfter(t *testing.T) {
	seconds := "1"
	h := hook(t, deadLetters(t), webhook.Config{RetryAfter: 1}, nil, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", seconds)
		w.WriteHeader(http.StatusTooManyRequests)
	})
	began := time.Now()
	if err := h.Deliver(t.Context(), []feed.Event{change("s/d", 1)}, 1); err == nil || time.Since(began) < time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
	seconds = "100000"
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	began = time.Now()
	if err := h.Deliver(ctx, []feed.Event{change("s/d", 1)}, 1); !errors.Is(err, context.Canceled) || time.Since(began) > 10*time.Second {
		t.Errorf("after %v: %v", time.Since(began), err)
	}
}

// 410 stops the webhook, and gives nothing up.
func TestGone(t *testing.T) {
	dead := deadLetters(t)
	asked := 0
	h := hook(t, dead, webhook.Config{}, nil, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusGone)
	})
	for range 3 {
		if err := h.Deliver(t.Context(), []feed.Event{change("s/d", 1)}, webhook.DefaultAttempts); !errors.Is(err, webhook.ErrGone) {
			t.Errorf("it returned %v", err)
		}
	}
	<-h.Gone()
	if list := letters(t, dead); asked != 1 || len(list) != 0 {
		t.Errorf("asked %d times, with %d dead letters", asked, len(list))
	}
}

// Dead letters are sent again in order, document by document, with the id and the body that they
// had; the rest of a document waits for one that is refused again.
func TestL10_RetryDeadLetters(t *testing.T) {
	dead := deadLetters(t)
	bad := map[string]bool{"s/a": true, "s/b": true, "s/c": true}
	type request struct{ id, body string }
	var got []request
	h := hook(t, dead, webhook.Config{Attempts: 1}, nil, func(w http.ResponseWriter, r *http.Request) {
		var body webhook.Body
		data, err := io.ReadAll(r.Body)
		if err == nil {
			err = json.Unmarshal(data, &body)
		}
		if err != nil {
			t.Error(err)
		}
		if bad[body.Events[0].Doc.String()] {
			http.Error(w, "not this one", http.StatusUnprocessableEntity)
			return
		}
		got = append(got, request{r.Header.Get("webhook-id"), string(data)})
	})
	large := change("s/b", 4)
	large.Mutations[0].Delta = noise(700_000, 4)
	for _, e := range []feed.Event{change("s/b", 2), change("s/a", 1), change("s/a", 3), large, change("s/c", 6), change("s/a", 5)} {
		if err := h.Deliver(t.Context(), []feed.Event{e}, 1); err != nil {
			t.Fatal(err)
		}
	}
	stored := letters(t, dead)
	if n, err := dead.Count(t.Context(), "hook"); err != nil || n != 6 || len(stored) != 6 {
		t.Fatalf("%d dead letters, %v", n, err)
	}
	var order []uint64
	want := map[uint64]request{}
	for _, l := range stored {
		order = append(order, uint64(l.Revision))
		want[uint64(l.Revision)] = request{l.ID, string(l.Body)}
		if l.Reason != `the receiver answered 422 Unprocessable Entity: "not this one"` || l.Attempts != 1 {
			t.Errorf("a letter is %+v", l)
		}
	}
	if !slices.Equal(order, []uint64{2, 1, 3, 4, 6, 5}) {
		t.Errorf("the letters are %v", order)
	}
	bad["s/a"], bad["s/b"] = false, false
	done, err := h.Retry(t.Context())
	if err != nil || done.Delivered != 5 || done.Left != 1 || len(done.Failed) != 1 || done.Failed[0].Doc.String() != "s/c" {
		t.Errorf("sent again: %+v, %v", done, err)
	}
	if !slices.Equal(got, []request{want[1], want[3], want[5], want[2], want[4]}) {
		t.Errorf("it was sent %d requests in another order, or with others", len(got))
	}
	if left := letters(t, dead); len(left) != 1 || left[0].Revision != 6 {
		t.Errorf("%d letters are left", len(left))
	}
	if n, err := dead.Drop(t.Context(), "hook"); n != 1 || err != nil || len(letters(t, dead)) != 0 {
		t.Errorf("dropped %d, %v", n, err)
	}
}

// What cannot be kept whole is kept without its body, and told.
func TestL9_HugeDeadLetter(t *testing.T) {
	dead := deadLetters(t)
	h := hook(t, dead, webhook.Config{}, nil, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusRequestEntityTooLarge)
	})
	e := change("s/d", 9)
	e.Kind, e.Mutations, e.Document = feed.Reset, nil, noise(3<<20, 61)
	if err := h.Deliver(t.Context(), []feed.Event{e}, webhook.DefaultAttempts); err != nil {
		t.Fatal(err)
	}
	if list := letters(t, dead); len(list) != 1 || list[0].Body != nil || list[0].Revision != 9 {
		t.Errorf("the letters are %v", list)
	}
	done, err := h.Retry(t.Context())
	if err != nil || done.Left != 1 || len(done.Failed) != 1 || !strings.Contains(done.Failed[0].Reason, "too large") {
		t.Errorf("sent again: %+v, %v", done, err)
	}
}

// noise returns a JSON object of about n bytes in which so many letters are as likely as each other.
func noise(n, letters int) []byte {
	const all = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	r := rand.New(rand.NewPCG(1, 2))
	text := []byte(`{"x":"`)
	for range n {
		text = append(text, all[r.IntN(letters)])
	}
	return append(text, `"}`...)
}

// A store that takes no letters has the event tried on.
func TestL2_NotStoredIsNotGivenUp(t *testing.T) {
	node, err := natsd.Start(t.Context(), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	dead, err := webhook.OpenDead(t.Context(), node.JetStream(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.JetStream().DeleteStream(t.Context(), "RV_DEAD"); err != nil {
		t.Fatal(err)
	}
	taken := false
	h := hook(t, dead, webhook.Config{Attempts: 1, RetryAfter: 1, RetryAtMost: 1}, nil, func(w http.ResponseWriter, _ *http.Request) {
		if !taken {
			w.WriteHeader(500)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := h.Deliver(ctx, []feed.Event{change("s/d", 1)}, 1); err == nil {
		t.Error("it was given up, and is nowhere")
	}
	taken = true
	if err := h.Deliver(t.Context(), []feed.Event{change("s/d", 1)}, 2); err != nil {
		t.Error(err)
	}
}

// What was taken is not sent again although it is delivered again with what was not, and each event
// has its own attempts and pauses.
func TestL3_TakenEventsAreNotSentAgain(t *testing.T) {
	dead := deadLetters(t)
	var got []uint64
	bad := map[uint64]bool{2: true, 3: true}
	now := time.Unix(1e9, 0)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body webhook.Body
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		revision := uint64(body.Events[0].Revision)
		got = append(got, revision)
		if bad[revision] {
			w.WriteHeader(500)
		}
	}))
	defer receiver.Close()
	h, err := webhook.New(webhook.Config{Name: "hook", URL: receiver.URL, Secret: secret, Attempts: 3, RetryAfter: time.Minute}, webhook.Options{Dead: dead, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	events := []feed.Event{change("s/d", 1), change("s/d", 2), change("s/d", 3), change("s/d", 4)}
	for round, c := range []struct {
		wait time.Duration
		want []uint64
	}{
		{0, []uint64{1, 2}},
		{0, nil}, // not yet
		{time.Minute, []uint64{2}},
		{time.Minute, nil},            // the second pause is longer
		{time.Minute, []uint64{2, 3}}, // 2 is given up
		{time.Minute, []uint64{3}},
	} {
		now = now.Add(c.wait)
		got = nil
		if err := h.Deliver(t.Context(), events, round+1); err == nil || !slices.Equal(got, c.want) {
			t.Errorf("round %d: sent %v, want %v; %v", round, got, c.want, err)
		}
	}
	now, got = now.Add(time.Hour), nil
	bad[3] = false
	if err := h.Deliver(t.Context(), events, 7); err != nil || !slices.Equal(got, []uint64{3, 4}) {
		t.Errorf("at last: sent %v, %v", got, err)
	}
	if list := letters(t, dead); len(list) != 1 || list[0].Revision != 2 || list[0].Attempts != 3 {
		t.Errorf("the letters are %v", list)
	}
	// A log that was replaced begins with the same revisions.
	anew := change("s/d", 1)
	anew.Cursor.Epoch++
	got = nil
	if err := h.Deliver(t.Context(), []feed.Event{anew}, 1); err != nil || !slices.Equal(got, []uint64{1}) {
		t.Errorf("of another log: sent %v, %v", got, err)
	}
}
