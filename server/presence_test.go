package server_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/presence"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// sees waits until a document has others as wanted; nil: nobody.
func sees(t testing.TB, d *client.Doc, want map[record.ClientID]string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	err := d.AwaitOthers(ctx, func(others map[record.ClientID][]byte) bool {
		for id, state := range want {
			if string(others[id]) != state {
				return false
			}
		}
		return len(others) == len(want)
	})
	if err != nil {
		t.Fatalf("%v: it sees %q, want %q", err, d.Others(), want)
	}
}

func says(t testing.TB, d *client.Doc, state string) {
	t.Helper()
	if err := d.SetPresence([]byte(state)); err != nil {
		t.Fatal(err)
	}
}

// TestPresenceAcrossServers: clients of two servers on one NATS see each other, whoever came
// first, until they go. A client that moves to the other server stays to be seen.
func TestPresenceAcrossServers(t *testing.T) {
	t.Parallel()
	url := startNATS(t).url()
	a, b := start(t, server.Config{NATS: url}), start(t, server.Config{NATS: url})
	way := newProxy(t, a.URL())
	ann, bob, eve := connect(t, way.url()), connect(t, b.URL()), connect(t, a.URL())
	anns := open(t, ann, board)
	says(t, anns, `{"name":"Ann"}`)
	bobs := open(t, bob, board)
	sees(t, bobs, map[record.ClientID]string{ann.ID(): `{"name":"Ann"}`})
	says(t, bobs, `{"name":"Bob"}`)
	sees(t, anns, map[record.ClientID]string{bob.ID(): `{"name":"Bob"}`})
	eves := open(t, eve, board)
	sees(t, eves, map[record.ClientID]string{ann.ID(): `{"name":"Ann"}`, bob.ID(): `{"name":"Bob"}`})

	says(t, anns, `{"name":"Ann","cursor":1}`)
	want := map[record.ClientID]string{ann.ID(): `{"name":"Ann","cursor":1}`, bob.ID(): `{"name":"Bob"}`}
	sees(t, eves, want)
	way.retarget(b.URL())
	way.cut(1)
	sees(t, anns, map[record.ClientID]string{bob.ID(): `{"name":"Bob"}`})
	says(t, anns, `{"name":"Ann","cursor":2}`)
	want[ann.ID()] = `{"name":"Ann","cursor":2}`
	sees(t, eves, want)

	if err := a.Close(); err != nil { // without eve having said anything
		t.Fatal(err)
	}
	sees(t, bobs, map[record.ClientID]string{ann.ID(): `{"name":"Ann","cursor":2}`})
	ann.Close()
	sees(t, bobs, nil)
}

// TestPresenceOfADeadServer: a server that is killed takes its clients with it, for those of
// the others, within the expiry that it was started with. Bytes that are no message are
// counted, whoever sends them.
func TestPresenceOfADeadServer(t *testing.T) {
	t.Parallel()
	url := startNATS(t).url()
	way := natstest.NewProxy(t, url)
	a := start(t, server.Config{NATS: url})
	b := start(t, server.Config{NATS: way.URL(), PresenceExpiry: 400 * time.Millisecond})
	ann, bob := connect(t, a.URL()), connect(t, b.URL())
	anns, bobs := open(t, ann, board), open(t, bob, board)
	says(t, bobs, `{"name":"Bob"}`)
	sees(t, anns, map[record.ClientID]string{bob.ID(): `{"name":"Bob"}`})
	way.Sever() // that is how it looks to the others
	sees(t, anns, nil)
	way.Mend()
	sees(t, anns, map[record.ClientID]string{bob.ID(): `{"name":"Bob"}`})

	conn, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.Publish(presence.Subject(board), []byte("nonsense")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the nonsense is counted", func() bool {
		answer, err := http.Get(a.URL() + "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(body), "rivulet_presence_ignored_total 1\n")
	})
}
