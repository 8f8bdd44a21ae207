package host

import (
	"testing"
	"time"
)

// TestL10_Turn: who has appended the head lets somebody who has asked for it go
// first, until they have, or until it has waited for long enough; then not again
// before it is asked again.
func TestL10_Turn(t *testing.T) {
	turn := turn{over: stoppedTimer()}
	yields := func(when string, want bool) {
		t.Helper()
		if got := turn.yields(); got != want {
			t.Fatalf("%s: it yields: %t", when, got)
		}
	}
	yields("nobody has asked", false)
	turn.landed(time.Now().Add(-time.Minute)) // appends take long, so it waits for as long as it may
	yields("nobody has asked, the head is its own", false)
	turn.asked = true
	yields("asked", true)
	yields("asked still", true)
	turn.mine = false
	yields("the other has appended", false)
	turn.landed(time.Now())
	yields("it has appended since", false)

	turn.asked = true
	turn.landed(time.Now()) // appends take no time, so it waits for minTurn
	began := time.Now()
	yields("asked again", true)
	<-turn.over.C
	yields("it has waited", false)
	if waited := time.Since(began); waited < minTurn {
		t.Errorf("it has waited for %s", waited)
	}
	yields("nobody has asked since", false)
}
