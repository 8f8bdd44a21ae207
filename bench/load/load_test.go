package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/bench/load"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T) string {
	t.Helper()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	srv, err := server.Start(t.Context(), server.Config{Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}, Debug: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv.URL()
}

// TestLoads: each load has numbers that fit each other, for people and for programs.
func TestLoads(t *testing.T) {
	url := start(t)
	for name, c := range map[string]struct {
		cfg load.Config
		do  func(context.Context, load.Config) (*load.Report, error)
	}{
		"fanout":    {load.Config{Documents: 2, Subscribers: 5, InFlight: 3, Most: 200}, load.Fanout},
		"at a rate": {load.Config{Documents: 2, Subscribers: 3, Rate: 500, Most: 100}, load.Fanout},
		"trouble":   {load.Config{Documents: 1, Subscribers: 5, Most: 200, Stuck: 2, Hostile: 2}, load.Fanout},
		"presence":  {load.Config{Documents: 1, Subscribers: 5, Rate: 200, For: 200 * time.Millisecond}, load.Presence},
		"idle":      {load.Config{Documents: 3, Subscribers: 5}, load.Idle},
	} {
		t.Run(name, func(t *testing.T) {
			c.cfg.Server = url
			report, err := c.do(t.Context(), c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if want := c.cfg.Documents * c.cfg.Subscribers; report.Connections != want {
				t.Errorf("%d connections, want %d", report.Connections, want)
			}
			switch {
			case name == "idle":
				if report.WithoutGC || report.ServerRSS == 0 {
					t.Errorf("%+v", report)
				}
			case report.Deliveries == 0 || report.Seconds == 0 || report.LatencyMS.Max <= 0 || report.K.Mean < 1:
				t.Errorf("%+v", report)
			case c.cfg.Most > 0 && report.Deliveries < uint64(c.cfg.Subscribers)*c.cfg.Most/2:
				t.Errorf("%d edits, %d deliveries to %d subscribers", report.Sent, report.Deliveries, c.cfg.Subscribers)
			}
			var text bytes.Buffer
			if err := report.Print(&text); err != nil || !strings.HasPrefix(text.String(), report.Load) {
				t.Errorf("%v: %s", err, text.String())
			}
			if _, err := json.Marshal(report); err != nil {
				t.Error(err)
			}
		})
	}
}

// liar is a server that does with the records that it tells what lie does.
func liar(t *testing.T, lie func(n int, frame []byte) [][]byte) string {
	t.Helper()
	t.Cleanup(http.DefaultClient.CloseIdleConnections)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		w.Write([]byte("process_cpu_seconds_total 1\nprocess_resident_memory_bytes 1\n")) //nolint:errcheck // the test finds out
	})
	var wg sync.WaitGroup
	mux.HandleFunc("GET /v1/sync", func(w http.ResponseWriter, r *http.Request) {
		wg.Add(1)
		defer wg.Done()
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer conn.CloseNow() //nolint:errcheck // the test is over
		client, head := record.ClientID{5: 1}, record.Revision(0)
		for n := 0; ; {
			_, message, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			var answer []byte
			for len(message) > 0 {
				f, rest, err := wire.Decode(message)
				if err != nil {
					return
				}
				message = rest
				switch f := f.(type) {
				case *wire.Hello:
					answer = wire.Append(answer, &wire.Welcome{Protocol: wire.Protocol, Client: client})
				case *wire.Open:
					answer = wire.Append(answer, &wire.Opened{Request: f.Request, Doc: 1})
				case *wire.Push:
					rec := record.Record{Epoch: 1, Prev: head, Mutations: []record.Mutation{{Client: client, ID: f.ID, Delta: f.Delta}}}
					data, err := rec.Encode()
					if err != nil {
						return
					}
					head++
					n++
					for _, frame := range lie(n, wire.EncodeCommit(1, head, data)) {
						answer = append(answer, frame...)
					}
				}
			}
			if conn.Write(context.Background(), websocket.MessageBinary, answer) != nil {
				return
			}
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(func() {
		srv.Close()
		wg.Wait()
	})
	return srv.URL
}

// TestWrongOrderHasNoNumbers: a server that leaves out, repeats or changes the order of
// records is found out.
func TestWrongOrderHasNoNumbers(t *testing.T) {
	var late []byte
	for name, lie := range map[string]func(n int, frame []byte) [][]byte{
		"leaves one out": func(n int, f []byte) [][]byte {
			if n == 5 {
				return nil
			}
			return [][]byte{f}
		},
		"repeats one": func(n int, f []byte) [][]byte {
			if n == 5 {
				return [][]byte{f, f}
			}
			return [][]byte{f}
		},
		"one too late": func(n int, f []byte) [][]byte {
			switch n {
			case 5:
				late = f
				return nil
			case 6:
				return [][]byte{f, late}
			}
			return [][]byte{f}
		},
	} {
		t.Run(name, func(t *testing.T) {
			report, err := load.Fanout(t.Context(), load.Config{Server: liar(t, lie), Subscribers: 1, InFlight: 4, For: 5 * time.Second})
			if err == nil || !strings.Contains(err.Error(), "order") {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
}

// TestNoServer says what is wrong.
func TestNoServer(t *testing.T) {
	if _, err := load.Fanout(t.Context(), load.Config{Server: "http://127.0.0.1:1", Subscribers: 1}); err == nil || !strings.Contains(err.Error(), "no Rivulet server answers") {
		t.Error(err)
	}
}
