package natsd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

func start(t *testing.T, cfg natsd.Config) *natsd.Node {
	t.Helper()
	n, err := natsd.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, n) })
	return n
}

func stop(t *testing.T, n *natsd.Node) {
	t.Helper()
	began := time.Now()
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("Close took %s", took)
	}
}

var words = jetstream.StreamConfig{Name: "WORDS", Subjects: []string{"words.*"}, Storage: jetstream.FileStorage}

func TestRestartKeepsMessages(t *testing.T) {
	cfg := natsd.Config{Dir: filepath.Join(t.TempDir(), "made", "by", "start")}
	n := start(t, cfg)
	if _, err := n.JetStream().CreateStream(t.Context(), words); err != nil {
		t.Fatal(err)
	}
	if _, err := n.JetStream().Publish(t.Context(), "words.a", []byte("A")); err != nil {
		t.Fatal(err)
	}
	if err := n.Health(); err != nil {
		t.Fatal(err)
	}
	stop(t, n)
	stop(t, n) // again does no harm
	if err := n.Health(); err == nil {
		t.Error("a closed node is healthy")
	}

	n = start(t, cfg)
	s, err := n.JetStream().Stream(t.Context(), words.Name)
	if err != nil {
		t.Fatal(err)
	}
	msg, err := s.GetLastMsgForSubject(t.Context(), "words.a")
	if err != nil || string(msg.Data) != "A" {
		t.Fatalf("%v, %v", msg, err)
	}
	if got := n.Conn().MaxPayload(); got != natsd.DefaultMaxPayload {
		t.Errorf("largest payload is %d", got)
	}
}

func TestDirectoryIsLocked(t *testing.T) {
	cfg := natsd.Config{Dir: t.TempDir()}
	n := start(t, cfg)
	_, err := natsd.Start(t.Context(), cfg)
	var locked *natsd.LockedError
	if !errors.As(err, &locked) || locked.PID != os.Getpid() || locked.Dir != cfg.Dir {
		t.Fatalf("%#v", err)
	}
	for _, part := range []string{cfg.Dir, "in use by process", "choose another directory"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if err := n.Health(); err != nil {
		t.Errorf("the holder: %v", err)
	}
	stop(t, n)
	start(t, cfg)
}

// TestFailedStart checks that no failure ends the process or keeps the lock.
func TestFailedStart(t *testing.T) {
	t.Run("the store is a file", func(t *testing.T) {
		dir := t.TempDir()
		store := filepath.Join(dir, "jetstream")
		if err := os.WriteFile(store, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := natsd.Start(t.Context(), natsd.Config{Dir: dir}); err == nil {
			t.Fatal("started")
		}
		if err := os.Remove(store); err != nil {
			t.Fatal(err)
		}
		start(t, natsd.Config{Dir: dir})
	})
	t.Run("a stream cannot be recovered", func(t *testing.T) {
		dir := t.TempDir()
		n := start(t, natsd.Config{Dir: dir})
		if _, err := n.JetStream().CreateStream(t.Context(), words); err != nil {
			t.Fatal(err)
		}
		stop(t, n)
		meta, err := filepath.Glob(filepath.Join(dir, "jetstream", "*", "streams", words.Name, "meta.inf"))
		if err != nil || len(meta) != 1 {
			t.Fatal(meta, err)
		}
		if err := os.WriteFile(meta[0], []byte("bits have flipped"), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err = natsd.Start(t.Context(), natsd.Config{Dir: dir})
		if err == nil || !strings.Contains(err.Error(), words.Name) || !strings.Contains(err.Error(), dir) {
			t.Fatal(err)
		}
	})
	t.Run("the context has ended", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := natsd.Start(ctx, natsd.Config{Dir: t.TempDir()}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	for name, cfg := range map[string]natsd.Config{
		"nothing":             {},
		"both":                {Dir: t.TempDir(), URL: "nats://127.0.0.1"},
		"negative payload":    {Dir: t.TempDir(), MaxPayload: -1},
		"contradictory sync":  {Dir: t.TempDir(), Sync: natsd.Sync{Always: true, Interval: time.Second}},
		"negative interval":   {Dir: t.TempDir(), Sync: natsd.Sync{Interval: -time.Second}},
		"nobody at this port": {URL: "nats://user:secret@127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := natsd.Start(t.Context(), cfg)
			if err == nil || strings.Contains(err.Error(), "secret") {
				t.Fatal(err)
			}
		})
	}
}

func TestHealthTellsWhyJetStreamIsOff(t *testing.T) {
	dir := t.TempDir()
	n := start(t, natsd.Config{Dir: dir})
	if err := n.DisableJetStream("write: no space left on device"); err != nil {
		t.Fatal(err)
	}
	err := n.Health()
	if err == nil {
		t.Fatal("healthy without JetStream")
	}
	for _, part := range []string{"JetStream has switched itself off", "no space left on device", dir} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
}

func BenchmarkHealth(b *testing.B) {
	n, err := natsd.Start(b.Context(), natsd.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer n.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := n.Health(); err != nil {
			b.Fatal(err)
		}
	}
}

// A server in which streams are being made is healthy.
func TestHealthWhileStreamsAreMade(t *testing.T) {
	n, err := natsd.Start(t.Context(), natsd.Config{Dir: t.TempDir(), Sync: natsd.Sync{Always: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	made := make(chan error, 1)
	go func() {
		defer close(made)
		for i := range 100 {
			name := fmt.Sprint("S", i)
			if _, err := n.JetStream().CreateStream(t.Context(), jetstream.StreamConfig{Name: name, Subjects: []string{name + ".>"}}); err != nil {
				made <- err
				return
			}
		}
	}()
	for looks := 0; ; looks++ {
		if err := n.Health(); err != nil {
			t.Fatalf("look %d: %v", looks, err)
		}
		select {
		case err := <-made:
			if err != nil {
				t.Fatal(err)
			}
			return
		default:
		}
	}
}
