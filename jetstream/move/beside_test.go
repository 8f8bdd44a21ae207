package move_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/internal/natstest"
	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/move"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

// Two streams that are beside a log: one of which sequences count, and one with values.
const (
	ledger    = inbox.LedgerStream
	partition = 3
)

var events = inbox.EventStream(partition)

func streamOf(t testing.TB, n *natsd.Node, name string) jetstream.Stream {
	t.Helper()
	s, err := n.JetStream().Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func create(t testing.TB, n *natsd.Node, name, subjects string, perSubject int64) {
	t.Helper()
	natstest.CreateStream(t, n.JetStream(), jetstream.StreamConfig{
		Name: name, Subjects: []string{subjects}, MaxMsgsPerSubject: perSubject, Storage: jetstream.FileStorage,
		Metadata: map[string]string{"rivulet-format": "1"},
	})
}

func createBeside(t testing.TB, n *natsd.Node) {
	t.Helper()
	create(t, n, events, fmt.Sprintf("rvi.%02X.>", partition), -1)
	create(t, n, ledger, "rvl.>", 1)
}

// writeBeside does what an inbox does to its streams: events come, and what is settled goes;
// values are written again and again, and some are deleted.
func writeBeside(t testing.TB, n *natsd.Node, random *rand.Rand) {
	t.Helper()
	put := func(subject string) {
		t.Helper()
		msg := &nats.Msg{Subject: subject, Header: nats.Header{"Of-Its-Own": {"x"}}, Data: fmt.Append(nil, random.Int())}
		if _, err := n.JetStream().PublishMsg(t.Context(), msg); err != nil {
			t.Fatal(err)
		}
	}
	for range 60 {
		put(fmt.Sprintf("rvi.%02X.s.d%d", partition, random.IntN(10)))
	}
	for range 150 {
		put(fmt.Sprintf("rvl.doc.%d", random.IntN(60)))
	}
	s, l := streamOf(t, n, events), streamOf(t, n, ledger)
	last := s.CachedInfo().State.LastSeq
	err := s.Purge(t.Context(), jetstream.WithPurgeSequence(last-50+uint64(random.IntN(20))))
	for _, gap := range []uint64{last - 20, last - 19, last} {
		err = errors.Join(err, s.DeleteMsg(t.Context(), gap))
	}
	if err := errors.Join(err, l.Purge(t.Context(), jetstream.WithPurgeSubject(fmt.Sprintf("rvl.doc.%d", random.IntN(60))))); err != nil {
		t.Fatal(err)
	}
}

// contents are the messages of a stream in order, with their sequences if these count.
func contents(t testing.TB, n *natsd.Node, name string, sequences bool) string {
	t.Helper()
	var all strings.Builder
	s := streamOf(t, n, name)
	for at := uint64(1); ; {
		m, err := s.GetMsg(t.Context(), at, jetstream.WithGetMsgSubject(">"))
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if at = m.Sequence + 1; sequences {
			fmt.Fprint(&all, m.Sequence, " ")
		}
		fmt.Fprintln(&all, m.Subject, string(m.Data), m.Header.Get("Of-Its-Own"))
	}
	if sequences {
		fmt.Fprintln(&all, "end", s.CachedInfo().State.LastSeq)
	}
	return all.String()
}

func sameBeside(t testing.TB, from, to *natsd.Node) {
	t.Helper()
	for _, name := range []string{events, ledger} {
		if want, got := contents(t, from, name, name == events), contents(t, to, name, name == events); want != got {
			t.Fatalf("%s: copied is\n%swant\n%s", name, got, want)
		}
	}
}

// cut is a JetStream that fails after some messages.
type cut struct {
	jetstream.JetStream
	left int
}

var errCut = errors.New("the connection is cut")

func (c *cut) PublishMsgAsync(msg *nats.Msg, opts ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	if c.left--; c.left < 0 {
		return nil, errCut
	}
	return c.JetStream.PublishMsgAsync(msg, opts...)
}

// TestL2_MoveInterruptedAnywhere: a copy that ends after any message is gone on with, also when
// the old server has run in between, and is what was copied.
func TestL2_MoveInterruptedAnywhere(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]bool{"stopped": false, "run in between": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, after := range []int{1000, 300, 61} {
				random := rand.New(rand.NewPCG(uint64(after), 1))
				from, to := embedded(t), embedded(t)
				log := open(t, from, 1)
				fill(t, log)
				createBeside(t, from)
				writeBeside(t, from, random)
				cuts := 0
				for {
					_, err := move.All(t.Context(), move.Config{From: from.JetStream(), To: &cut{to.JetStream(), after}})
					if err == nil {
						break
					}
					if !errors.Is(err, errCut) {
						t.Fatalf("after %d cuts: %v", cuts, err)
					}
					<-to.JetStream().PublishAsyncComplete()
					if cuts++; meanwhile && cuts < 40 {
						writeBeside(t, from, random)
					}
				}
				if cuts == 0 && after < 1000 {
					t.Error("it was never interrupted")
				}
				same(t, log, open(t, to, 1))
				sameBeside(t, from, to)
			}
		})
	}
}

// TestMoveRefuses: what would be lost, or overwritten, is said, and nothing else is touched.
func TestMoveRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, want string
		prepare    func(t *testing.T, from, to *natsd.Node)
	}{
		{"a stream of later versions", "does not know it", func(t *testing.T, from, _ *natsd.Node) {
			create(t, from, "RV_LATER", "later.>", 1)
		}},
		{"a later format", "is not of this version", func(t *testing.T, from, _ *natsd.Node) {
			cfg := streamOf(t, from, ledger).CachedInfo().Config
			cfg.Metadata["rivulet-format"] = "2"
			if _, err := from.JetStream().UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}},
		{"more than last values", "more than the last value", func(t *testing.T, from, _ *natsd.Node) {
			cfg := streamOf(t, from, ledger).CachedInfo().Config
			cfg.MaxMsgsPerSubject = 2
			if _, err := from.JetStream().UpdateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
		}},
		{"somebody else's stream", "was not made by this version", func(t *testing.T, _, to *natsd.Node) {
			natstest.CreateStream(t, to.JetStream(), jetstream.StreamConfig{Name: ledger, Subjects: []string{"rvl.>"}})
		}},
		{"values of another log", "in use already", func(t *testing.T, _, to *natsd.Node) {
			createBeside(t, to)
			if _, err := to.JetStream().Publish(t.Context(), "rvl.owner", nil); err != nil {
				t.Fatal(err)
			}
		}},
		{"an inbox where there was none", "not where the log comes from", func(t *testing.T, _, to *natsd.Node) {
			create(t, to, inbox.ParkedStream, "rvp.>", 1)
			if _, err := to.JetStream().Publish(t.Context(), "rvp.x", nil); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			from, to := embedded(t), embedded(t)
			open(t, from, 1)
			createBeside(t, from)
			writeBeside(t, from, rand.New(rand.NewPCG(1, 1)))
			c.prepare(t, from, to)
			before := contents(t, from, ledger, true)
			_, err := move.All(t.Context(), move.Config{From: from.JetStream(), To: to.JetStream()})
			if !errors.As(err, new(*move.StreamError)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it is moved, or the error is %v", err)
			}
			if contents(t, from, ledger, true) != before {
				t.Error("the source has changed")
			}
		})
	}
}

// TestMoveIntoUse: what a server has written at the target is not overwritten by a second move.
func TestMoveIntoUse(t *testing.T) {
	t.Parallel()
	from, to := embedded(t), embedded(t)
	fill(t, open(t, from, 1))
	createBeside(t, from)
	writeBeside(t, from, rand.New(rand.NewPCG(1, 1)))
	cfg := move.Config{From: from.JetStream(), To: to.JetStream()}
	if _, err := move.All(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	if _, err := to.JetStream().Publish(t.Context(), "rvl.doc.1", []byte("new")); err != nil {
		t.Fatal(err)
	}
	if _, err := move.All(t.Context(), cfg); !errors.As(err, new(*move.StreamError)) || !strings.Contains(err.Error(), "in use already") {
		t.Errorf("over what is in use: %v", err)
	}
	if m, err := streamOf(t, to, ledger).GetLastMsgForSubject(t.Context(), "rvl.doc.1"); err != nil || string(m.Data) != "new" {
		t.Errorf("it was overwritten: %v", err)
	}
}
