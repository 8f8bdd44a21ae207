package session_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestStorageIsToldAfterTheWelcome: clients hear whether edits can be stored;
// those that have not been welcomed yet hear of what is then, and not before the
// welcome.
func TestStorageIsToldAfterTheWelcome(t *testing.T) {
	w := newWorld(t)
	early, between, here := w.dial(), w.dial(), w.greet()
	w.waitSessions(3)
	told := func(p *peer, available bool) {
		t.Helper()
		if s := expect[*wire.Storage](p); s.Available != available || (s.Detail == "") != available {
			t.Errorf("told %+v, want %t", s, available)
		}
	}
	welcomed := func(p *peer) {
		t.Helper()
		p.send(hello)
		expect[*wire.Welcome](p)
	}
	w.group.SetStorage(false, "full")
	told(here, false)
	welcomed(between)
	told(between, false)
	w.group.SetStorage(true, "")
	told(here, true)
	told(between, true)
	welcomed(early)
	early.send(&wire.Ping{Number: 1})
	expect[*wire.Pong](early) // and nothing of the storage
}
