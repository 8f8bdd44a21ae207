package chaos_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// subscription is the name of the one that a node records.
const subscription = "record"

// subscribe has a node write down all that its feed delivers, a few events at a time, each
// time down to the disk: it is always behind, so it is killed while it catches up.
func (r role) subscribe(srv *server.Server) error {
	out, err := os.OpenFile(r.Record, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	o := server.FeedOptions{Name: subscription}
	o.Order.BatchSize = 7
	_, err = srv.Subscribe(o, func(_ context.Context, events []server.FeedEvent, _ int) error {
		var text strings.Builder
		for _, e := range events {
			fmt.Fprintf(&text, "%s %d %s\n", e.Key, e.Revision, e.Kind)
		}
		if _, err := out.WriteString(text.String()); err != nil {
			return err
		}
		return out.Sync()
	})
	return err
}

// TestL2_L9_FeedKilledInALoop: the server, with NATS inside, is killed while a subscription
// is catching up, and started again. What the subscriber has written down has every
// revision of every document, and none before an earlier one that it had not had.
func TestL2_L9_FeedKilledInALoop(t *testing.T) {
	s := newScene(t)
	record := filepath.Join(t.TempDir(), "record")
	s.node("node", role{Data: t.TempDir(), Record: record})
	s.invite()
	s.run(func(int) {
		s.nodes[0].kill()
		s.meanwhile()
		s.nodes[0].start()
	})
	for _, n := range s.nodes {
		n.kill()
	}
	delivered := readRecord(t, record)
	t.Logf("%d events were delivered while the server was killed", len(delivered))
	if len(delivered) == 0 {
		t.Error("nothing was delivered while the server was killed")
	}
	compareFeed(t, s.nodes[0].role.Data, delivered)
}

// delivery is a line of the record.
type delivery struct {
	key record.Key
	rev record.Revision
}

// readRecord reads what a subscriber has written down. Its last line may be half.
func readRecord(t *testing.T, path string) (all []delivery) {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	for lines := bufio.NewReader(in); ; {
		text, err := lines.ReadString('\n')
		if err != nil {
			return all
		}
		fields := strings.Fields(text)
		if len(fields) != 3 {
			t.Fatalf("the record has a line %q", text)
		}
		key, err1 := record.ParseKey(fields[0])
		rev, err2 := strconv.ParseUint(fields[1], 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		all = append(all, delivery{key, record.Revision(rev)})
	}
}

// compareFeed runs the subscription to its end, and compares all that was delivered with the
// log.
func compareFeed(t *testing.T, dir string, delivered []delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	node, log := openLog(ctx, t, natsd.Config{Dir: dir})
	defer node.Close() //nolint:errcheck // it was only read
	feeds, err := feed.Open(ctx, feed.Config{Log: log, JetStream: node.JetStream(), Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	caught := make(chan struct{})
	sub, err := feeds.Subscribe(feed.Options{Name: subscription, OnCaughtUp: func() { close(caught) }}, func(_ context.Context, events []feed.Event, _ int) error {
		for _, e := range events {
			delivered = append(delivered, delivery{e.Key, e.Revision})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- sub.Run(running) }()
	select {
	case <-caught:
	case <-ctx.Done():
		t.Errorf("the subscription has not caught up: %+v", sub.Status())
	}
	stop()
	<-ended

	once := map[record.Key][]record.Revision{}
	for _, d := range delivered {
		if revs := once[d.key]; len(revs) == 0 || d.rev > revs[len(revs)-1] {
			once[d.key] = append(revs, d.rev)
		}
	}
	count := 0
	for stocked, err := range log.Stock(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		i, got := 0, once[stocked.Key]
		_, err := log.Replay(ctx, stocked.Key, deltalog.Tail{}, func(e deltalog.Entry) error {
			if i >= len(got) || got[i] != e.Position.Revision {
				return fmt.Errorf("%s: delivery %d is not revision %d", stocked.Key, i, e.Position.Revision)
			}
			i++
			count++
			return nil
		})
		if err != nil || i != len(got) {
			t.Errorf("%s: %d of %d deliveries are revisions: %v", stocked.Key, i, len(got), err)
		}
		delete(once, stocked.Key)
	}
	if len(once) > 0 {
		t.Errorf("delivered, and not in the log: %v", once)
	}
	t.Logf("%d revisions, %d deliveries", count, len(delivered))
}
