package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"time"

	nats "github.com/nats-io/nats-server/v2/server"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// roleVariable has the test binary be a server instead of running tests.
const roleVariable = "RIVULET_CHAOS_ROLE"

// role is what a process of its own is: a Rivulet server, with NATS inside or not, or a
// NATS server.
type role struct {
	Node bool
	Addr string
	Data string // "" for a node on an external NATS
	NATS string
}

// readyLine is what a server prints when it is reached.
const readyLine = "ready\n"

// play is the whole life of a server. It ends when nobody holds its standard input any
// more.
func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	run := r.nats
	if r.Node {
		run = r.node
	}
	if err := run(); err != nil {
		return err
	}
	fmt.Print(readyLine)
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

// node runs a Rivulet server whose bounds are small, so that clients which were away
// need snapshots, and checksums are compared often.
func (r role) node() error {
	srv, err := server.Start(context.Background(), server.Config{
		Addr: r.Addr, Data: r.Data, NATS: r.NATS, Sync: natsd.Sync{Always: true},
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Documents: host.Config{
			KeepRecords: 32, ChecksumEvery: 16, SnapshotEvery: 50, SnapshotIdle: 5, CheckEvery: time.Second,
		},
	})
	if err != nil {
		return err
	}
	go transfer(srv)
	return nil
}

// pairs is how many pairs of documents the servers themselves write to.
const pairs = 5

// pairOf returns two documents that are equal at all times.
func pairOf(n int) []record.Key {
	return []record.Key{{Space: "chaos", ID: fmt.Sprintf("left-%d", n)}, {Space: "chaos", ID: fmt.Sprintf("right-%d", n)}}
}

// transfer writes to both documents of a pair, again and again, what was never there.
func transfer(srv *server.Server) {
	for life, n := rand.Uint64(), 0; ; n++ {
		what := fmt.Appendf(nil, `"%x.%d"`, life, n)
		_, err := srv.Transact(context.Background(), pairOf(n%pairs), func(txs []*doc.Tx) error {
			return errors.Join(txs[0].Set("/transfer", what), txs[1].Set("/transfer", what))
		})
		if err != nil {
			panic(fmt.Sprintf("transaction over two documents: %v", err))
		}
	}
}

// nats runs a NATS server that syncs every message.
func (r role) nats() error {
	ip, port, err := net.SplitHostPort(r.Addr)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	s, err := nats.NewServer(&nats.Options{
		Host: ip, Port: number, NoSigs: true,
		JetStream: true, StoreDir: r.Data, SyncAlways: true,
	})
	if err != nil {
		return err
	}
	s.ConfigureLogger() // to standard error
	s.Start()
	if !s.ReadyForConnections(within / 2) {
		return errors.New("the NATS server does not start")
	}
	return nil
}
