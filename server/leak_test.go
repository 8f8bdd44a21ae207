package server_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL9_TenThousandConnections: connections that come and go, however they go, leave no
// goroutine, no file and no memory behind.
func TestL9_TenThousandConnections(t *testing.T) {
	const connections, atOnce = 10_000, 16
	srv := start(t, server.Config{})
	address := strings.TrimPrefix(srv.URL(), "http://")
	endpoint := "ws://" + address + "/v1/sync"
	greeting := wire.Append(wire.Encode(&wire.Hello{Protocol: wire.Protocol}), &wire.Open{Request: 1, Key: board.String()})

	dial := func() (*websocket.Conn, error) {
		conn, _, err := websocket.Dial(context.Background(), endpoint, nil)
		return conn, err
	}
	ways := []func() error{
		func() error { // reads what it asked for, and says goodbye
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.CloseNow() //nolint:errcheck // closed
			if err := conn.Write(context.Background(), websocket.MessageBinary, greeting); err != nil {
				return err
			}
			if _, _, err := conn.Read(context.Background()); err != nil {
				return err
			}
			return conn.Close(websocket.StatusGoingAway, "")
		},
		func() error { // vanishes with an answer, an edit and a presence on their way
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.CloseNow() //nolint:errcheck // that is how it goes
			message := wire.Append(greeting[:len(greeting):len(greeting)], &wire.SetPresence{Doc: 1, State: []byte(`{"x":1}`)})
			message = wire.Append(message, &wire.Push{Doc: 1, ID: record.MutationID{Number: 1, Nonce: 1}, Delta: []byte(`{"n":1}`)})
			return conn.Write(context.Background(), websocket.MessageBinary, message)
		},
		func() error { // never says a word
			conn, err := dial()
			if err != nil {
				return err
			}
			return conn.CloseNow()
		},
		func() error { // is no WebSocket
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return err
			}
			defer conn.Close() //nolint:errcheck // that is how it goes
			_, err = fmt.Fprint(conn, "GET /v1/sync HTTP/1.1\r\nHost: localhost\r\nUpgr")
			return err
		},
		func() error { // sends nonsense
			conn, err := dial()
			if err != nil {
				return err
			}
			defer conn.CloseNow() //nolint:errcheck // the server has closed it
			if err := conn.Write(context.Background(), websocket.MessageBinary, []byte("nonsense")); err != nil {
				return err
			}
			for {
				if _, _, err := conn.Read(context.Background()); err != nil {
					return nil
				}
			}
		},
	}
	come := func(n int) {
		var wg sync.WaitGroup
		for worker := range atOnce {
			wg.Go(func() {
				for i := worker; i < n; i += atOnce {
					if err := ways[i%len(ways)](); err != nil {
						t.Errorf("connection %d: %v", i, err)
						return
					}
				}
			})
		}
		wg.Wait()
	}
	come(500) // what the first ones need is kept
	before := rest(t, srv, used{})
	come(connections)
	after := rest(t, srv, before)
	t.Logf("before %+v, after %+v", before, after)
	// A client that has edited is remembered, by law L3: about 200 bytes each.
	const remembered = connections / 5 * 400
	if grown := int64(after.heap) - int64(before.heap); grown > remembered+(2<<20) {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
}

// used is what a process uses.
type used struct {
	goroutines, files int
	heap              uint64
}

// rest waits until nobody is connected, and no more goroutines and files are there than
// before, if there was a before.
func rest(t *testing.T, srv *server.Server, before used) (now used) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		now.goroutines, now.files = runtime.NumGoroutine(), files()
		if srv.Clients() == 0 && (before.goroutines == 0 || now.goroutines <= before.goroutines && now.files <= before.files) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d clients, %+v; before %+v", srv.Clients(), now, before)
		}
	}
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now.heap = m.HeapAlloc
	return now
}

// files returns how many this process has open, 0 where that cannot be told.
func files() int {
	entries, _ := os.ReadDir("/proc/self/fd")
	return len(entries)
}
