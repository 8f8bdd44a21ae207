package e2e_test

import (
	"slices"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/e2e"
)

// The server is killed five times while two people type. What was acknowledged
// is there once, what was not arrives once, no page was reloaded, and the pages
// said what they were doing.
func TestL3_KilledWhileBothType(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := gather(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	for _, p := range people {
		p.Allow(refused)
		e2e.Eval[string](p.Page, "globalThis.__same = 'page'")
	}
	for range 5 {
		outage(t, srv, people)
	}

	log := agree(t, srv, people...)
	once(t, slices.Concat(ann.typed, bob.typed), ann.titles(), log)
	for _, p := range people {
		if e2e.Eval[string](p.Page, "globalThis.__same ?? ''") != "page" {
			t.Errorf("%s's page was reloaded", p.name)
		}
		if waits := count(p.statuses(), "waiting"); waits < 5 {
			t.Errorf("%s's pill said 'waiting' %d times in 5 outages: %v", p.name, waits, p.statuses())
		}
	}
}

// A server that is asked to stop does so in less than two seconds with people
// connected, who come back to it by themselves.
func TestStopIsPrompt(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	people := gather(t, srv, "ann", "bob")
	ann, bob := people[0], people[1]
	for _, p := range people {
		p.Allow(refused)
		p.add(p.columns()[0])
	}
	if took := srv.Stop(); took > 2*time.Second {
		t.Errorf("SIGTERM took %v", took)
	}
	for _, p := range people {
		p.add(p.columns()[0])
	}
	srv.Restart()
	log := agree(t, srv, ann, bob)
	once(t, slices.Concat(ann.typed, bob.typed), ann.titles(), log)
}

// refused is what Chromium writes to the console when nothing listens.
const refused = `WebSocket connection to|ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET`

// outage kills the server while everybody types, and starts it again when
// everybody has typed into a page that knows that it is on its own.
func outage(t *testing.T, srv *e2e.Server, people []*person) {
	t.Helper()
	const before, meanwhile, after = 8, 5, 5
	down, up := newMoment(), newMoment()
	var everybody []func()
	var typing, alone []*moment
	for _, p := range people {
		typed, offline := newMoment(), newMoment()
		typing, alone = append(typing, typed), append(alone, offline)
		column := p.columns()[0]
		add := func(cards int) {
			for range cards {
				p.add(column)
			}
		}
		begin := len(p.typed)
		everybody = append(everybody, func() {
			defer typed.now()
			defer offline.now()
			add(before)
			p.waitSent() // or there would be nothing that must not be lost
			typed.now()
			add(meanwhile) // the server dies somewhere in here
			down.wait()
			p.WaitFor(`document.querySelector('[data-testid="connection-pill"]').dataset.status !== 'online'`)
			if own := p.typed[begin:]; len(missing(own, p.settled())) == len(own) {
				t.Errorf("%s had nothing acknowledged before the server was killed: the test shows nothing", p.name)
			}
			add(meanwhile)
			p.WaitFor(unsent)
			p.WaitFor(`/kept and will be sent/.test(document.querySelector('[data-testid="connection-pill"]').textContent)`)
			offline.now()
			add(after) // and it comes back in here
			up.wait()
			p.waitOnline()
		})
	}
	everybody = append(everybody, func() {
		defer down.now()
		defer up.now()
		for _, m := range typing {
			m.wait()
		}
		srv.Kill()
		down.now()
		for _, m := range alone {
			m.wait()
		}
		srv.Restart()
	})
	e2e.Together(t, everybody...)
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}
