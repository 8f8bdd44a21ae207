package server_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/server/webhook"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	hookKey    = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
	hookSecret = "whsec_" + hookKey
)

// receiver takes webhooks, and verifies each by what the standard says, with code of its own.
type receiver struct {
	t *testing.T
	*httptest.Server

	mu      sync.Mutex
	bodies  map[string]string // by webhook-id, of all attempts
	events  map[record.Key][]record.Revision
	values  map[record.Key]int
	changed chan struct{}
	// before answers what is not to be taken, and returns true then.
	before func(w http.ResponseWriter, r *http.Request, doc record.Key) bool
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{
		t: t, bodies: map[string]string{}, events: map[record.Key][]record.Revision{}, values: map[record.Key]int{},
		changed: make(chan struct{}), before: func(http.ResponseWriter, *http.Request, record.Key) bool { return false },
	}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// verified returns the body of a request if its signature is right.
func verified(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	id, at := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return nil, fmt.Errorf("the time is %q: %v", at, err)
	}
	key, err := base64.StdEncoding.DecodeString(hookKey)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	version, signature, _ := strings.Cut(r.Header.Get("Webhook-Signature"), ",")
	sum, err := base64.StdEncoding.DecodeString(signature)
	if id == "" || version != "v1" || err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return nil, fmt.Errorf("the signature of %q is %s", id, r.Header.Get("Webhook-Signature"))
	}
	return body, nil
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, err := verified(r)
	if err != nil {
		if r.Context().Err() == nil {
			rc.t.Error(err)
		}
		return
	}
	var body webhook.Body
	if err := json.Unmarshal(data, &body); err != nil || len(body.Events) != 1 || r.Header.Get("Content-Type") != "application/json" {
		rc.t.Errorf("%s: %v", data, err)
		return
	}
	e := body.Events[0]
	rc.mu.Lock()
	id := r.Header.Get("Webhook-Id")
	if known, is := rc.bodies[id]; is && known != string(data) {
		rc.t.Errorf("%s was %s, and is %s", id, known, data)
	}
	rc.bodies[id] = string(data)
	before := rc.before
	rc.mu.Unlock()
	if before(w, r, e.Doc) {
		return
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.events[e.Doc] = append(rc.events[e.Doc], e.Revision)
	for _, m := range e.Mutations {
		var delta struct{ N int }
		if err := json.Unmarshal(m.Delta, &delta); err != nil {
			rc.t.Error(err)
		}
		rc.values[e.Doc] = delta.N
	}
	close(rc.changed)
	rc.changed = make(chan struct{})
}

// wait waits until documents have values.
func (rc *receiver) wait(want map[record.Key]int) {
	rc.t.Helper()
	late := time.After(60 * time.Second)
	for {
		rc.mu.Lock()
		changed, there := rc.changed, true
		for key, n := range want {
			there = there && rc.values[key] == n
		}
		rc.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-late:
			rc.mu.Lock()
			defer rc.mu.Unlock()
			rc.t.Fatalf("after 60 s delivered %v, want %v", rc.values, want)
		}
	}
}

// check fails unless what was taken of each document is its revisions, in order, when what came again is
// left out; what comes again is a suffix.
func (rc *receiver) check(committed map[record.Key][]record.Revision) {
	rc.t.Helper()
	rc.mu.Lock()
	defer rc.mu.Unlock()
	for key, want := range committed {
		var once []record.Revision
		for _, rev := range rc.events[key] {
			if len(once) == 0 || rev > once[len(once)-1] {
				once = append(once, rev)
			} else if !slices.Contains(once, rev) {
				rc.t.Errorf("%s: %d came after %d", key, rev, once[len(once)-1])
			}
		}
		if !slices.Equal(once, want) {
			rc.t.Errorf("%s: taken %v, want %v", key, rc.events[key], want)
		}
	}
	for key := range rc.events {
		if committed[key] == nil {
			rc.t.Errorf("%s was sent, and never written", key)
		}
	}
}

// logBuffer is a log that several goroutines write.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func writeDocs(t *testing.T, srv *server.Server, n int, written map[record.Key]int, committed map[record.Key][]record.Revision, keys ...record.Key) {
	t.Helper()
	for i := range n {
		key := keys[i%len(keys)]
		written[key]++
		rev, err := srv.Doc(key).Patch(t.Context(), fmt.Appendf(nil, `{"n":%d}`, written[key]))
		if err != nil {
			t.Fatal(err)
		}
		committed[key] = append(committed[key], rev)
	}
}

func someKeys(space string, n int) []record.Key {
	var keys []record.Key
	for i := range n {
		keys = append(keys, record.Key{Space: space, ID: fmt.Sprint("d", i)})
	}
	return keys
}

// Each revision of each document is taken, in order, whatever the receiver does and
// whenever the server is restarted; the log never has the secret.
func TestL2_WebhooksAcrossFailuresAndRestarts(t *testing.T) {
	dir := t.TempDir()
	rc := newReceiver(t)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	var mu sync.Mutex
	r := rand.New(rand.NewPCG(7, 7))
	rc.before = func(w http.ResponseWriter, request *http.Request, doc record.Key) bool {
		mu.Lock()
		fate := r.IntN(10)
		mu.Unlock()
		switch {
		case doc.ID == "d0" && fate < 4: // a slow one
			<-request.Context().Done()
			return true
		case fate == 0:
			w.WriteHeader(http.StatusInternalServerError)
			return true
		case fate == 1:
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
			return true
		case fate == 2:
			panic(http.ErrAbortHandler)
		}
		return false
	}
	var log logBuffer
	cfg := server.Config{Data: dir, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	hook := server.Webhook{Name: "all", Secret: hookSecret, Timeout: 100 * time.Millisecond, Attempts: webhook.MaxAttempts, RetryAfter: time.Millisecond, RetryAtMost: 20 * time.Millisecond}
	written, committed := map[record.Key]int{}, map[record.Key][]record.Revision{}
	keys := append(someKeys("one", 6), someKeys("two", 5)...)
	for restart := range 4 {
		hook.URL = rc.URL
		if restart == 1 {
			hook.URL = away.URL // the connection is refused
		}
		cfg.Webhooks = []server.Webhook{hook}
		srv := start(t, cfg)
		writeDocs(t, srv, 60, written, committed, keys...)
		if restart == 3 {
			rc.wait(written)
		}
		began := time.Now()
		if err := srv.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the server took %v to close", took)
		}
	}
	rc.check(committed)
	if text := log.String(); strings.Contains(text, hookKey[:12]) || !strings.Contains(text, "a delivery failed") {
		t.Errorf("the log is %s", text)
	}
}

func hookStatus(t *testing.T, srv *server.Server) []httpapi.WebhookStatus {
	t.Helper()
	return ask[httpapi.WebhookStatus](t, http.MethodGet, srv.URL()+"/v1/webhooks")
}

// ask returns the lines of an answer.
func ask[T any](t *testing.T, method, url string) []T {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(answer.Body)
		t.Fatalf("%s %s: %s %s", method, url, answer.Status, text)
	}
	var list []T
	for in := json.NewDecoder(answer.Body); ; {
		var line T
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, line)
	}
}

// Documents that are always refused hold up nobody, become dead letters in order, and are taken
// when they are sent again.
func TestL10_RefusedDocuments(t *testing.T) {
	rc := newReceiver(t)
	refuse := true
	given := make(chan struct{}, 1000)
	last := map[record.Key]int{} // attempts
	rc.before = func(w http.ResponseWriter, _ *http.Request, doc record.Key) bool {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		if doc.ID != "bad" || !refuse {
			return false
		}
		last[doc]++
		http.Error(w, "never", http.StatusBadRequest)
		given <- struct{}{}
		return true
	}
	srv := start(t, server.Config{Webhooks: []server.Webhook{{
		Name: "two", URL: rc.URL, Secret: hookSecret, Space: "two", Attempts: 3, RetryAfter: time.Millisecond, RetryAtMost: 10 * time.Millisecond,
	}}})
	bad := record.Key{Space: "two", ID: "bad"}
	written, committed := map[record.Key]int{}, map[record.Key][]record.Revision{}
	writeDocs(t, srv, 80, written, committed, append(someKeys("two", 3), bad)...)
	writeDocs(t, srv, 6, map[record.Key]int{}, map[record.Key][]record.Revision{}, someKeys("one", 3)...) // of no concern
	refused := committed[bad]
	delete(written, bad)
	delete(committed, bad)
	rc.wait(written)
	late := time.After(60 * time.Second)
	for range 3 * len(refused) {
		select {
		case <-given:
		case <-late:
			t.Fatal("it is not given up")
		}
	}
	rc.check(committed)
	// A good event of the document, after which all before it are dead.
	rc.mu.Lock()
	refuse = false
	rc.mu.Unlock()
	rev, err := srv.Doc(bad).Patch(t.Context(), []byte(`{"n":99}`))
	if err != nil {
		t.Fatal(err)
	}
	rc.wait(map[record.Key]int{bad: 99})
	var dead []record.Revision
	for _, l := range ask[httpapi.DeadLetter](t, http.MethodGet, srv.URL()+"/v1/webhooks/dead?name=two") {
		dead = append(dead, l.Revision)
		if l.Doc != bad || l.Attempts != 3 || !strings.Contains(l.Reason, "never") {
			t.Errorf("a dead letter is %+v", l)
		}
	}
	if !slices.Equal(dead, refused) {
		t.Errorf("dead are %v, want %v", dead, refused)
	}
	if last[bad] != 3*len(refused) {
		t.Errorf("%d attempts for %d events", last[bad], len(refused))
	}
	st := hookStatus(t, srv)
	if len(st) != 1 || st[0].Name != "two" || st[0].State != httpapi.WebhookLive || st[0].Dead != len(refused) || st[0].GivenUp != uint64(len(refused)) || st[0].Failures != uint64(3*len(refused)) || st[0].URL != rc.URL {
		t.Errorf("the status is %+v", st)
	}
	done := ask[httpapi.DeadRetried](t, http.MethodPost, srv.URL()+"/v1/webhooks/dead?name=two")
	if len(done) != 1 || done[0].Delivered != len(refused) || done[0].Left != 0 {
		t.Errorf("sent again: %+v", done)
	}
	if want := append([]record.Revision{rev}, refused...); !slices.Equal(rc.events[bad], want) {
		t.Errorf("taken at last: %v, want %v", rc.events[bad], want)
	}
	for _, c := range []struct {
		method, path, kind string
		status             int
	}{
		{http.MethodGet, "/v1/webhooks/dead?name=other", "", http.StatusNotFound},
		{http.MethodDelete, "/v1/webhooks/dead?name=other", "", http.StatusNotFound},
		{http.MethodPost, "/v1/webhooks/dead?name=two", "text/plain", http.StatusUnsupportedMediaType},
	} {
		request, err := http.NewRequestWithContext(t.Context(), c.method, srv.URL()+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", c.kind)
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != c.status {
			t.Errorf("%s %s: %s", c.method, c.path, answer.Status)
		}
	}
}

// A document that waits for another attempt is told with the reason and the time.
func TestWebhookStatusOfFailing(t *testing.T) {
	rc := newReceiver(t)
	asked := make(chan struct{}, 1)
	rc.before = func(w http.ResponseWriter, _ *http.Request, doc record.Key) bool {
		if doc.ID != "bad" {
			return false
		}
		http.Error(w, "out of order", http.StatusBadGateway)
		asked <- struct{}{}
		return true
	}
	srv := start(t, server.Config{Webhooks: []server.Webhook{{Name: "all", URL: rc.URL + "/x?token=hunter2", Secret: hookSecret, RetryAfter: time.Hour}}})
	bad := record.Key{Space: "s", ID: "bad"}
	if _, err := srv.Doc(bad).Patch(t.Context(), []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	<-asked
	// What comes after it was delivered when the failure is known: one lane has finished it.
	good := map[record.Key]int{}
	writeDocs(t, srv, 50, good, map[record.Key][]record.Revision{}, someKeys("s", 5)...)
	rc.wait(good)
	late := time.Now().Add(10 * time.Second)
	st := hookStatus(t, srv)
	for st[0].FailingCount == 0 && time.Now().Before(late) {
		st = hookStatus(t, srv)
	}
	if len(st[0].Failing) != 1 || st[0].Failing[0].Doc != "s/bad" || st[0].Failing[0].Attempts != 1 || !strings.Contains(st[0].Failing[0].Reason, "out of order") ||
		time.Until(st[0].Failing[0].Next) < 50*time.Minute || st[0].URL != rc.URL+"/x" {
		t.Errorf("the status is %+v", st)
	}
}

// 410 stops a webhook, which says so; a restart begins it again, where it was.
func TestWebhookGone(t *testing.T) {
	dir := t.TempDir()
	rc := newReceiver(t)
	gone := true
	asked := make(chan struct{}, 100)
	rc.before = func(w http.ResponseWriter, _ *http.Request, _ record.Key) bool {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		if gone {
			w.WriteHeader(http.StatusGone)
			asked <- struct{}{}
		}
		return gone
	}
	cfg := server.Config{Data: dir, Webhooks: []server.Webhook{{Name: "all", URL: rc.URL, Secret: hookSecret}}}
	srv := start(t, cfg)
	written, committed := map[record.Key]int{}, map[record.Key][]record.Revision{}
	writeDocs(t, srv, 3, written, committed, someKeys("s", 1)...)
	<-asked
	for _, sub := range srv.Subscriptions() {
		<-sub.Ended()
	}
	if st := hookStatus(t, srv); st[0].State != httpapi.WebhookGone || st[0].Dead != 0 {
		t.Errorf("the status is %+v", st)
	}
	writeDocs(t, srv, 3, written, committed, someKeys("s", 1)...)
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if n := len(asked); n != 0 {
		t.Errorf("asked %d times after it was gone", n)
	}
	rc.mu.Lock()
	gone = false
	rc.mu.Unlock()
	start(t, cfg)
	rc.wait(written)
	rc.check(committed)
}

// Of two servers on one NATS one sends, and the other goes on when that is closed: each revision is
// taken, in order.
func TestL2_WebhooksOfTwoServers(t *testing.T) {
	nats := startNATS(t)
	rc := newReceiver(t)
	cfg := server.Config{NATS: nats.url(), Webhooks: []server.Webhook{{Name: "all", URL: rc.URL, Secret: hookSecret}}}
	servers := []*server.Server{start(t, cfg), start(t, cfg)}
	written, committed := map[record.Key]int{}, map[record.Key][]record.Revision{}
	for range servers {
		writeDocs(t, servers[0], 30, written, committed, someKeys("s", 4)...)
		rc.wait(written)
		var sent []uint64
		for _, srv := range servers {
			sent = append(sent, hookStatus(t, srv)[0].Delivered)
		}
		if slices.Max(sent) == 0 || len(sent) == 2 && slices.Min(sent) != 0 {
			t.Errorf("the servers have sent %v", sent)
		}
		// The one that sends is closed.
		i := slices.Index(sent, slices.Max(sent))
		if err := servers[i].Close(); err != nil {
			t.Fatal(err)
		}
		servers = slices.Delete(servers, i, i+1)
		if len(servers) == 0 {
			break
		}
	}
	rc.check(committed)
}

// A configuration that cannot be is an error before anything is started.
func TestWebhookConfig(t *testing.T) {
	_, err := server.Start(t.Context(), server.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Webhooks: []server.Webhook{{Name: "a", URL: "mailto:x", Secret: hookSecret}}})
	var bad *webhook.ConfigError
	if !errors.As(err, &bad) || bad.Entry != 1 || bad.Field != "url" {
		t.Errorf("it is %v", err)
	}
}

// Many documents that are refused, with long pauses, hold up nobody.
func TestL10_ManyRefusedDocuments(t *testing.T) {
	rc := newReceiver(t)
	refused := make(chan struct{}, 100)
	rc.before = func(w http.ResponseWriter, _ *http.Request, doc record.Key) bool {
		if doc.Space != "bad" {
			return false
		}
		w.WriteHeader(http.StatusBadRequest)
		refused <- struct{}{}
		return true
	}
	srv := start(t, server.Config{Webhooks: []server.Webhook{{Name: "all", URL: rc.URL, Secret: hookSecret, RetryAfter: time.Hour}}})
	writeDocs(t, srv, 40, map[record.Key]int{}, map[record.Key][]record.Revision{}, someKeys("bad", 40)...)
	good := map[record.Key]int{}
	for range 40 {
		<-refused
	}
	writeDocs(t, srv, 5, good, map[record.Key][]record.Revision{}, someKeys("good", 5)...)
	rc.wait(good)
}
