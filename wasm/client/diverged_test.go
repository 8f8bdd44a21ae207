//go:build !js

package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// liar is a server whose checksums are never those of what it sends.
func liar(t *testing.T) *httptest.Server {
	at := record.Position{Epoch: 1, Revision: 7, Chain: 1}
	serve := func(ctx context.Context, conn *websocket.Conn) error {
		for {
			_, message, err := conn.Read(ctx)
			if err != nil {
				return nil // the client is done
			}
			for len(message) > 0 {
				var f wire.Frame
				if f, message, err = wire.Decode(message); err != nil {
					return err
				}
				var answer []byte
				switch f := f.(type) {
				case *wire.Hello:
					answer = wire.Encode(&wire.Welcome{
						Protocol: wire.Protocol, Client: record.ClientID{1}, Heartbeat: 15_000,
						MaxMessage: wire.MaxMessage, MaxDelta: wire.MaxDelta,
					})
				case *wire.Open:
					answer = wire.Append(wire.Encode(&wire.Opened{
						Request: f.Request, Doc: 1, At: at, Head: at.Revision, Snapshot: []byte(`{"a":1}`),
					}), &wire.Checksum{Doc: 1, Revision: at.Revision})
				default:
					continue
				}
				if err := conn.Write(ctx, websocket.MessageBinary, answer); err != nil {
					return err
				}
			}
		}
	}
	var sessions sync.WaitGroup
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sessions.Add(1)
		defer sessions.Done()
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the client has closed it
		if err := serve(testContext(t), conn); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(func() { sessions.Wait(); srv.Close() })
	return srv
}

// TestL4_DocumentThatDiffersForGood fails with a typed error, after one more try,
// and the application is told each time.
func TestL4_DocumentThatDiffersForGood(t *testing.T) {
	var told []string
	c, err := client.Connect(testContext(t), client.Config{URL: liar(t).URL, OnDiverged: func(key record.Key, at record.Position) {
		told = append(told, fmt.Sprint(key, " ", at.Revision))
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var failed *client.DocError
	if _, err := c.Open(testContext(t), board); !errors.As(err, &failed) || failed.Code != wire.CodeDiverged {
		t.Errorf("opened with %v", err)
	}
	if n := c.Diverged(); n != 2 || !slices.Equal(told, []string{"demo/board 7", "demo/board 7"}) {
		t.Errorf("%d checksums differed, told %q", n, told)
	}
}
