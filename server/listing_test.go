package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// told is what a live listing has told.
type told struct {
	t       *testing.T
	changes chan server.ListChange
	err     chan error
}

// watchList reads a live listing until the test ends, or the listing does.
func watchList(t *testing.T, srv *server.Server, space string) *told {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &told{t: t, changes: make(chan server.ListChange, 1000), err: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for change, err := range srv.WatchList(ctx, space) {
			if err != nil {
				l.err <- err
			} else if change.Event != httpapi.EventAlive {
				l.changes <- change
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// next waits for the next change and returns it as text.
func (l *told) next() string {
	l.t.Helper()
	select {
	case c := <-l.changes:
		if c.Event == httpapi.EventLive {
			return "live"
		}
		if listed := c.Event == httpapi.EventListed; listed != (c.Records > 0) || !c.Damaged && time.Since(c.Modified) > time.Minute {
			l.t.Errorf("%+v", c)
		}
		return fmt.Sprintf("%s %s %d", c.Event, c.Key, c.Revision)
	case err := <-l.err:
		l.t.Fatalf("the listing ended: %v", err)
	case <-time.After(30 * time.Second):
		l.t.Fatal("nothing is told")
	}
	return ""
}

func (l *told) want(lines ...string) {
	l.t.Helper()
	for _, line := range lines {
		if got := l.next(); got != line {
			l.t.Fatalf("told %q, want %q", got, line)
		}
	}
}

func set(t testing.TB, srv *server.Server, space, id string, n int) record.Revision {
	t.Helper()
	rev, err := srv.Doc(record.Key{Space: space, ID: id}).Update(t.Context(), func(tx *doc.Tx) error {
		return tx.Set("/n", fmt.Append(nil, n))
	})
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// TestWatchList: what is there, then what becomes of it, of one space only.
func TestWatchList(t *testing.T) {
	t.Parallel()
	srv := start(t, server.Config{})
	set(t, srv, "demo", "b", 1)
	set(t, srv, "demo", "a", 1)
	set(t, srv, "demo", "gone", 1)
	gone := srv.Doc(record.Key{Space: "demo", ID: "gone"})
	if _, err := gone.Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	set(t, srv, "other", "a", 1)
	demo, other, nobody := watchList(t, srv, "demo"), watchList(t, srv, "other"), watchList(t, srv, "nobody")
	demo.want("listed demo/a 2", "listed demo/b 1", "live")
	other.want("listed other/a 1", "live")
	nobody.want("live")

	set(t, srv, "demo", "c", 1)
	demo.want("created demo/c 5")
	set(t, srv, "demo", "a", 2)
	demo.want("changed demo/a 6")
	if _, err := srv.Doc(record.Key{Space: "demo", ID: "b"}).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	demo.want("deleted demo/b 7")
	set(t, srv, "demo", "b", 1)
	demo.want("created demo/b 8")
	set(t, srv, "demo", "gone", 1)
	demo.want("created demo/gone 9")
	if err := srv.Doc(record.Key{Space: "demo", ID: "gone"}).Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	demo.want("deleted demo/gone 10")
	// What has told of no revision is not told: the bases of a compaction.
	if _, err := srv.Compact(t.Context()); err != nil {
		t.Fatal(err)
	}
	rev := set(t, srv, "demo", "last", 1)
	demo.want(fmt.Sprint("created demo/last ", rev))
	set(t, srv, "other", "b", 1)
	if got := other.next(); !strings.HasPrefix(got, "created other/b ") {
		t.Errorf("the other space: %s", got)
	}
}

// TestWatchListWhileDocumentsAreMade: a listing that begins in the midst of it tells of
// each document once: as one that is there, or as one that is created.
func TestWatchListWhileDocumentsAreMade(t *testing.T) {
	t.Parallel()
	const documents = 300
	srv := start(t, server.Config{})
	var listings []*told
	for i := range documents {
		if i%30 == 10 {
			listings = append(listings, watchList(t, srv, "demo"))
		}
		set(t, srv, "demo", fmt.Sprint("d", i), 1)
	}
	for _, l := range listings {
		heard, live := make(map[string]string), false
		for len(heard) < documents || !live {
			line := l.next()
			event, rest, _ := strings.Cut(line, " ")
			if rest == "" {
				live = true
				continue
			}
			if want := map[bool]string{false: "listed", true: "created"}[live]; event != want || heard[rest] != "" {
				t.Fatalf("told %q after %q", line, heard[rest])
			}
			heard[rest] = line
		}
	}
}

// TestL9_ListingOfASlowReader: a reader that is busy while documents change a thousand
// times is told of what they are then.
func TestL9_ListingOfASlowReader(t *testing.T) {
	const documents, edits = 20, 50
	srv := start(t, server.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	last, heard, lines := make(map[string]record.Revision), make(map[string]record.Revision), 0
	for change, err := range srv.WatchList(ctx, "demo") {
		if err != nil {
			t.Fatal(err)
		}
		if change.Event == httpapi.EventLive {
			for n := range edits {
				for i := range documents {
					id := fmt.Sprint("d", i)
					last["demo/"+id] = set(t, srv, "demo", id, n)
				}
			}
			continue
		}
		lines++
		heard[change.Key.String()] = change.Revision
		done := len(heard) == len(last)
		for key, rev := range heard {
			done = done && last[key] == rev
		}
		if done {
			break
		}
	}
	// Hardly more than one each: news of the last edits may come while it reads of those before.
	if lines > 4*documents {
		t.Errorf("%d lines for %d documents", lines, documents)
	}
}

// TestL9_ListingIsPaced: a document that changes all the time has a line four times a
// second, and the last one is of its last change.
func TestL9_ListingIsPaced(t *testing.T) {
	srv := start(t, server.Config{})
	l := watchList(t, srv, "demo")
	l.want("live")
	began, last := time.Now(), record.Revision(0)
	for n := 0; time.Since(began) < time.Second; n++ {
		last = set(t, srv, "demo", "busy", n)
	}
	lines := 1
	for want := fmt.Sprint("demo/busy ", last); !strings.HasSuffix(l.next(), want); {
		lines++
	}
	if most := 2 + int(time.Since(began)/(250*time.Millisecond)); lines > most {
		t.Errorf("%d lines of %d changes in %v", lines, last, time.Since(began))
	}
}

// TestWatchListWhenNewsIsLost: what the news did not say is found by comparing.
func TestWatchListWhenNewsIsLost(t *testing.T) {
	t.Parallel()
	store := startNATS(t)
	proxy := natstest.NewProxy(t, store.url())
	var lost atomic.Int64
	proxy.Inspect(nil, func(_ *natstest.Pipe, f natstest.Frame) natstest.Action {
		if strings.HasPrefix(f.Op(), "HMSG") && strings.HasPrefix(f.Fields()[1], "rvn.") {
			lost.Add(1)
			return natstest.Drop
		}
		return natstest.Pass
	})
	srv := start(t, server.Config{NATS: proxy.URL()})
	set(t, srv, "demo", "a", 1)
	l := watchList(t, srv, "demo")
	l.want("listed demo/a 1", "live")
	set(t, srv, "demo", "b", 1)
	l.want("created demo/b 2")
	if lost.Load() == 0 {
		t.Error("no news was lost")
	}
	// The connection breaks, and something happens before it is there again.
	proxy.Sever()
	elsewhere := start(t, server.Config{NATS: store.url()})
	set(t, elsewhere, "demo", "a", 2)
	if _, err := elsewhere.Doc(record.Key{Space: "demo", ID: "b"}).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	proxy.Mend()
	l.want("changed demo/a 3", "deleted demo/b 4")
}

// TestWatchListOnACluster hears of what is done at another server, with three replicas.
func TestWatchListOnACluster(t *testing.T) {
	t.Parallel()
	urls := natstest.URLs(natstest.Cluster(t))
	here := start(t, server.Config{NATS: urls, Replicas: 3})
	there := start(t, server.Config{NATS: urls, Replicas: 3})
	l := watchList(t, here, "demo")
	l.want("live")
	set(t, there, "demo", "a", 1)
	l.want("created demo/a 1")
	set(t, here, "demo", "a", 2)
	l.want("changed demo/a 2")
	if _, err := there.Doc(record.Key{Space: "demo", ID: "a"}).Delete(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.want("deleted demo/a 3")
}

// TestL10_DamagedDocumentIsListed: a document that cannot be read is listed as such,
// with the others.
func TestL10_DamagedDocumentIsListed(t *testing.T) {
	store := startNATS(t)
	srv := start(t, server.Config{NATS: store.url()})
	set(t, srv, "demo", "z", 1)
	store.publish(t, record.Key{Space: "demo", ID: "a"}, []byte("garbage"))
	list := ""
	for d, err := range srv.List(t.Context(), "demo") {
		if err != nil {
			t.Fatal(err)
		}
		list += fmt.Sprintf("%s %d %t, ", d.Key, d.Revision, d.Damaged)
	}
	if want := "demo/a 2 true, demo/z 1 false, "; list != want {
		t.Errorf("listed %s, want %s", list, want)
	}
	l := watchList(t, srv, "demo")
	l.want("listed demo/a 2", "listed demo/z 1", "live")
	store.publish(t, record.Key{Space: "demo", ID: "z"}, []byte("garbage"))
	l.want("changed demo/z 3")
}

// TestWatchListEndsWithTheServer, in a Go program and over HTTP.
func TestWatchListEndsWithTheServer(t *testing.T) {
	srv := start(t, server.Config{})
	l := watchList(t, srv, "demo")
	l.want("live")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(srv.URL() + "/v1/docs/demo?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	began := time.Now()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the server took %v to close", took)
	}
	if err := <-l.err; !errors.Is(err, server.ErrClosed) {
		t.Errorf("it ended with %v", err)
	}
	// In order or not, it ends.
	if body, err := io.ReadAll(response.Body); string(body) != "{\"event\":\"live\"}\n" {
		t.Errorf("read %q, %v", body, err)
	}
}
