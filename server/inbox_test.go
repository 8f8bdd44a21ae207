package server_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	rivulet "github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// event is a line of the inbox.
func event(doc, id, prev, delta string) string {
	return fmt.Sprintf(`{"id":%q,"doc":%q,"prev":%q,"delta":%s}`, id, doc, prev, delta)
}

// put puts events, and waits until they are settled by one of the servers.
func put(t testing.TB, srv *rivulet.Server, by *rivulet.Server, lines ...string) inbox.Receipt {
	t.Helper()
	receipt, err := srv.Put(t.Context(), "", strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := by.Settled(ctx, receipt.Until); err != nil {
		t.Fatalf("%v: %+v", err, by.Inbox())
	}
	return receipt
}

// TestL3_InboxBesideClients shuffles chains of events into documents which clients write
// meanwhile, on other members, and stops the server in the middle: in the end every event and
// every edit is there once.
func TestL3_InboxBesideClients(t *testing.T) {
	data := t.TempDir()
	srv := start(t, rivulet.Config{Data: data})
	const docs, events, edits = 4, 100, 50
	var lines []string
	for d := range docs {
		prev := ""
		for i := range events {
			id := fmt.Sprint("e", i)
			lines = append(lines, event(fmt.Sprint("demo/d", d), id, prev, fmt.Sprintf(`{"events":{"e%d":%d},"last":%d}`, i, i, i)))
			prev = id
		}
	}
	rand.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	var clients sync.WaitGroup
	c := connect(t, srv.URL())
	for n := range docs {
		clients.Go(func() {
			key := board
			key.ID = fmt.Sprint("d", n)
			d := open(t, c, key)
			for i := range edits {
				if _, err := d.Update(t.Context(), func(tx *doc.Tx) error {
					return tx.Set(pointer(fmt.Sprint("/c", i)), fmt.Append(nil, i))
				}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	if _, err := srv.Put(t.Context(), "", strings.NewReader(strings.Join(lines[:len(lines)/2], "\n"))); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	srv = start(t, rivulet.Config{Data: data})
	put(t, srv, srv, lines...)
	want := doc.New()
	for i := range events {
		apply(t, want, fmt.Sprintf(`{"events":{"e%d":%d},"last":%d}`, i, i, i))
	}
	for i := range edits {
		apply(t, want, fmt.Sprintf(`{"c%d":%d}`, i, i))
	}
	for n := range docs {
		key := board
		key.ID = fmt.Sprint("d", n)
		wantState(t, srv.Doc(key), string(want.Canonical()))
	}
	if parked, err := srv.Parked(t.Context(), 10); err != nil || len(parked) > 0 || len(srv.Gaps(10)) > 0 {
		t.Errorf("%v: parked %+v, gaps %+v", err, parked, srv.Gaps(10))
	}
}

func apply(t testing.TB, d *doc.Doc, patch string) {
	t.Helper()
	p, err := delta.Parse([]byte(patch))
	if err != nil {
		t.Fatal(err)
	}
	d.Apply(p)
}

// TestL3_InboxOnTwoServers has one server put what the other one puts in order, and take over
// when that is closed.
func TestL3_InboxOnTwoServers(t *testing.T) {
	nats := natstest.Start(t, t.TempDir(), server.RANDOM_PORT)
	one := start(t, rivulet.Config{NATS: nats.ClientURL()})
	put(t, one, one, event("demo/board", "a", "", `{"n":1}`))
	two := start(t, rivulet.Config{NATS: nats.ClientURL()})
	put(t, two, one, event("demo/board", "c", "b", `{"n":3}`))
	if two.Inbox().Running {
		t.Error("both run it")
	}
	if err := one.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, two, two, event("demo/board", "b", "a", `{"n":2}`), event("demo/board", "a", "", `{"n":1}`))
	wantState(t, two.Doc(board), `{"n":3}`)
}

// TestL3_NobodyIsTheInbox: the id under which events are committed is known to everybody, and no
// client may say that it is its own.
func TestL3_NobodyIsTheInbox(t *testing.T) {
	srv := start(t, rivulet.Config{})
	for _, id := range []record.ClientID{inbox.Client(), inbox.Client().Transactions()} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		conn, _, err := websocket.Dial(ctx, srv.URL()+"/v1/sync", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseNow() //nolint:errcheck // the server has closed it
		if err := conn.Write(ctx, websocket.MessageBinary, wire.Encode(&wire.Hello{Protocol: wire.Protocol, Client: id})); err != nil {
			t.Fatal(err)
		}
		_, message, err := conn.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		frame, _, err := wire.Decode(message)
		if fault, is := frame.(*wire.Fault); err != nil || !is || fault.Code != wire.CodeBadClient || !strings.Contains(fault.Detail, "the server's own") {
			t.Errorf("%s is answered %T %+v: %v", id, frame, frame, err)
		}
	}
}

// TestInboxIsSeen: who has a document open is told what comes by the inbox.
func TestInboxIsSeen(t *testing.T) {
	srv := start(t, rivulet.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	begun, seen := make(chan struct{}), make(chan string, 10)
	go func() {
		defer close(seen)
		for change, err := range srv.Doc(board).Watch(ctx) {
			if err != nil {
				return
			}
			if change.State != nil {
				close(begun) // of a document that is not there yet
			}
			for _, d := range change.Deltas {
				seen <- string(d.Bytes())
			}
		}
	}()
	select {
	case <-begun:
	case <-ctx.Done():
		t.Fatal("the document cannot be watched")
	}
	put(t, srv, srv, event("demo/board", "a", "", `{"n":1}`))
	put(t, srv, srv, event("demo/board", "b", "a", `{"n":2}`))
	for {
		select {
		case got := <-seen:
			if got == `{"n":2}` {
				cancel()
				for range seen {
				}
				return
			}
		case <-ctx.Done():
			t.Fatal("nothing is seen")
		}
	}
}

// TestInboxMetrics: what waits and what is parked is in the numbers of the server.
func TestInboxMetrics(t *testing.T) {
	srv := start(t, rivulet.Config{})
	put(t, srv, srv, event("demo/board", "a", "", `{"n":1}`), event("demo/board", "x", "", `{"n":2}`), event("demo/other", "c", "b", `{"n":1}`))
	answer, err := http.Get(srv.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"applied_total 1", "parked_total 1", "parked 1", "waiting_documents 1", "failing_documents 0", "lag 0", "discovered_total 3"} {
		if !strings.Contains(string(text), "\nrivulet_inbox_"+want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	if age := "\nrivulet_inbox_oldest_gap_seconds "; !strings.Contains(string(text), age) || strings.Contains(string(text), age+"0\n") {
		t.Error("the gap has no age")
	}
}
