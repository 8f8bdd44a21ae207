package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// mode is how a bare server tells an edit to those who have the document open.
type mode string

const (
	// joined marshals what came in one message once, and writes it as one message.
	joined mode = "joined"
	// once marshals each edit once, and writes a message for each.
	once mode = "once"
	// each marshals each edit for each subscriber, and writes a message for each.
	each mode = "each"
)

// bare is a server that broadcasts and does nothing else: it judges nothing, stores nothing
// and writes to one subscriber after the other, so that a single slow one would stop it.
// It is the least that a server on coder/websocket can do.
type bare struct {
	mode mode

	mu      sync.Mutex
	rooms   map[string]*bareRoom
	clients byte
}

type bareRoom struct {
	number uint32

	mu      sync.Mutex
	head    record.Revision
	members map[*websocket.Conn]bool
}

// serveBare serves until the process is told to stop.
func serveBare(ctx context.Context, m mode) error {
	b := &bare{mode: m, rooms: make(map[string]*bareRoom)}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /v1/sync", b.sync)
	mux.Handle("GET /debug/pprof/", http.DefaultServeMux)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	srv := &http.Server{Handler: mux}
	stop := context.AfterFunc(ctx, func() { srv.Close() }) //nolint:errcheck // it is the end
	defer stop()
	if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func (b *bare) sync(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		return
	}
	defer conn.CloseNow() //nolint:errcheck // it has ended
	conn.SetReadLimit(wire.MaxMessage)
	var in *bareRoom
	defer func() {
		if in != nil {
			in.mu.Lock()
			defer in.mu.Unlock()
			delete(in.members, conn)
		}
	}()
	var client record.ClientID
	ctx := context.Background()
	for {
		_, message, err := conn.Read(ctx)
		if err != nil {
			return
		}
		var edits []*wire.Push
		for len(message) > 0 {
			f, rest, err := wire.Decode(message)
			if err != nil {
				return
			}
			message = rest
			switch f := f.(type) {
			case *wire.Hello:
				client = b.newClient()
				err = conn.Write(ctx, websocket.MessageBinary, wire.Encode(&wire.Welcome{Protocol: wire.Protocol, Client: client}))
			case *wire.Open:
				in = b.enter(conn, f.Key)
				err = conn.Write(ctx, websocket.MessageBinary, wire.Encode(&wire.Opened{Request: f.Request, Doc: in.number, Snapshot: []byte(`{}`)}))
			case *wire.Push:
				edits = append(edits, f)
			}
			if err != nil {
				return
			}
		}
		if in != nil && len(edits) > 0 {
			in.tell(ctx, b.mode, client, edits)
		}
	}
}

func (b *bare) newClient() record.ClientID {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients++
	return record.ClientID{5: 1, 6: b.clients}
}

func (b *bare) enter(conn *websocket.Conn, key string) *bareRoom {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, ok := b.rooms[key]
	if !ok {
		m = &bareRoom{number: uint32(len(b.rooms) + 1), members: make(map[*websocket.Conn]bool)}
		b.rooms[key] = m
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.members[conn] = true
	return m
}

// tell tells edits to all members.
func (m *bareRoom) tell(ctx context.Context, how mode, client record.ClientID, edits []*wire.Push) {
	m.mu.Lock()
	defer m.mu.Unlock()
	first := m.head
	m.head += record.Revision(len(edits))
	commit := func(dst []byte, i int) []byte {
		prev := first + record.Revision(i)
		rec := record.Record{Epoch: 1, Prev: prev, PrevChain: 1, Time: 1, Mutations: []record.Mutation{{Client: client, ID: edits[i].ID, Delta: edits[i].Delta}}}
		data, err := rec.Encode()
		if err != nil {
			panic(err) // it is from a frame
		}
		return wire.Append(dst, &wire.Commit{Doc: m.number, Revision: prev + 1, Record: data})
	}
	var messages [][]byte
	switch how {
	case joined:
		var all []byte
		for i := range edits {
			all = commit(all, i)
		}
		messages = [][]byte{all}
	case once:
		for i := range edits {
			messages = append(messages, commit(nil, i))
		}
	}
	for conn := range m.members {
		if how == each {
			for i := range edits {
				conn.Write(ctx, websocket.MessageBinary, commit(nil, i)) //nolint:errcheck // its reader sees it
			}
			continue
		}
		for _, message := range messages {
			conn.Write(ctx, websocket.MessageBinary, message) //nolint:errcheck // its reader sees it
		}
	}
}
