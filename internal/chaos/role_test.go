package chaos_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
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
	// Replicas of the streams that a node makes.
	Replicas int
	// Keep is for how long a node that is told to compact keeps every revision.
	Keep time.Duration
	// Routes are where the servers of a NATS cluster take each other's connections, this
	// one at the one with its Number; none for a server alone.
	Routes []string
	Number int
	// Record is the file in which a node writes down what its feed delivers; none: it does
	// not subscribe.
	Record string
}

// readyLine is what a server prints when it is reached.
const readyLine = "ready\n"

// play is the whole life of a server. It ends when nobody holds its standard input any
// more. What that says is for the server to obey.
func play(text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return err
	}
	told := make(chan string)
	if r.Node {
		srv, err := r.node()
		if err != nil {
			return err
		}
		go r.compact(srv, told)
	} else if err := r.nats(); err != nil {
		return err
	}
	fmt.Print(readyLine)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		select {
		case told <- lines.Text():
		default: // it is at it
		}
	}
	return lines.Err()
}

// node runs a Rivulet server whose bounds are small, so that clients which were away
// need snapshots, and checksums are compared often.
func (r role) node() (*server.Server, error) {
	srv, err := server.Start(context.Background(), server.Config{
		Addr: r.Addr, Data: r.Data, NATS: r.NATS, Sync: natsd.Sync{Always: true},
		Replicas: r.Replicas, Keep: r.Keep,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Documents: host.Config{
			KeepRecords: 32, ChecksumEvery: 16, SnapshotEvery: 50, SnapshotIdle: 5, CheckEvery: time.Second,
		},
	})
	if err != nil {
		return nil, err
	}
	go transfer(srv)
	if r.Record != "" {
		if err := r.subscribe(srv); err != nil {
			return nil, err
		}
	}
	return srv, nil
}

// What a node says of its compactions.
const (
	compactionBegins = "a compaction begins"
	compactionEnds   = "a compaction ends"
)

// compact compacts the log whenever it is told to by a witness, who has read all that was
// stored before a time, in milliseconds since 1970. What is newer is not dropped: that is
// why the compaction ends in time, whether it is complete or not.
func (r role) compact(srv *server.Server, told <-chan string) {
	for line := range told {
		ms, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			panic(err)
		}
		fmt.Fprintln(os.Stderr, compactionBegins)
		ctx, cancel := context.WithDeadline(context.Background(), time.UnixMilli(ms).Add(r.Keep))
		done, err := srv.Compact(ctx)
		cancel()
		fmt.Fprintf(os.Stderr, "%s: %+v %v\n", compactionEnds, done, err) // it is told again
	}
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
	ip, port, err := split(r.Addr)
	if err != nil {
		return err
	}
	opts := &nats.Options{
		Host: ip, Port: port, NoSigs: true,
		JetStream: true, StoreDir: r.Data, SyncAlways: true,
	}
	if len(r.Routes) > 0 {
		if err := r.joins(opts); err != nil {
			return err
		}
	}
	s, err := nats.NewServer(opts)
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

// joins makes a server one of a cluster.
func (r role) joins(opts *nats.Options) error {
	ip, port, err := split(r.Routes[r.Number])
	if err != nil {
		return err
	}
	opts.ServerName = fmt.Sprintf("n%d", r.Number)
	opts.Cluster = nats.ClusterOpts{Name: "chaos", Host: ip, Port: port}
	opts.Routes = nats.RoutesFromStr("nats://" + strings.Join(r.Routes, ",nats://"))
	return nil
}

func split(addr string) (ip string, port int, err error) {
	ip, text, err := net.SplitHostPort(addr)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return ip, port, err
}
