package presence

import (
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// interval is how long after states have left a server others do at the earliest.
	interval = 50 * time.Millisecond
	// wholeInterval is how long after all states the next time that it is all of them.
	wholeInterval = 250 * time.Millisecond
)

// talk is what a room says to those of other servers and makes of what they say: the
// states are in the table, when to speak is told by due. It has no clock and does no I/O.
//
// Whatever is heard first from another server, it is told all that is here: it may know
// nothing. Therefore who enters needs no more than to say that it is there.
type talk struct {
	table
	within time.Duration // this server may be silent

	count   uint64
	changed map[record.ClientID]struct{} // since the last message with states
	whole   bool                         // all that is here is to be said
	askAll  bool                         // something may have been missed, of anybody
	beat    bool                         // something is to be said at once
	alone   int                          // beats since anybody else was there, from 0 on for who has entered

	said   time.Time // the last message
	stated time.Time // the last one with states
	wholed time.Time // the last one with all states
	asked  time.Time // the last one that asks
	looked time.Time // the last look at what is due
}

func newTalk(within time.Duration, tell func(record.ClientID, []byte)) talk {
	return talk{
		table:  table{here: make(map[record.ClientID]*local), tell: tell},
		within: within,
	}
}

// enter begins to talk, as an origin that nobody knows.
func (t *talk) enter(self uint64, now time.Time) {
	t.self, t.others, t.changed = self, make(map[uint64]*other), make(map[record.ClientID]struct{})
	t.count, t.alone, t.beat, t.looked = 0, 0, true, now
}

// leave ends it. What is returned is to be said, if anything. Nobody is there to be told
// that the others are not seen any more.
func (t *talk) leave() *message {
	var bye *message
	if t.count > 0 || len(t.others) > 0 {
		bye = t.message(kindBye)
	}
	t.self, t.others, t.changed, t.away = 0, nil, nil, 0
	t.whole, t.askAll, t.beat = false, false, false
	return bye
}

// shared reports whether another server has the document open.
func (t *talk) shared() bool {
	for _, o := range t.others {
		if !o.gone {
			return true
		}
	}
	return false
}

// set takes what a client of this server says.
func (t *talk) set(by any, client record.ClientID, state []byte, now int64) {
	t.table.set(by, client, state, now)
	t.note(client)
}

// unset takes it back.
func (t *talk) unset(by any, client record.ClientID) {
	if t.table.unset(by, client) {
		t.note(client)
	}
}

// note has a change told to the others. Who comes later is told everything.
func (t *talk) note(client record.ClientID) {
	if t.shared() {
		t.changed[client] = struct{}{}
	}
}

// restored is to be called when the connection was lost and is there again.
func (t *talk) restored() { t.askAll, t.beat = true, true }

// hear takes a message. Those of its own come back.
func (t *talk) hear(m *message, now time.Time) {
	t.look(now)
	if t.self == 0 || m.Origin == t.self {
		return
	}
	o := t.others[m.Origin]
	if o == nil {
		if o = t.meet(m.Origin); o == nil {
			return
		}
		t.whole = t.whole || m.Kind != kindBye
	}
	if o.gone {
		return
	}
	o.heard, o.within = now, m.within()
	if m.Ask == everybody || m.Ask == t.self {
		t.whole = true
	}
	switch m.Kind {
	case kindBye:
		o.gone, o.lacking = true, false
		t.forgetAll(o)
	case kindBeat:
		o.lacking = o.lacking || m.Count > o.count
	default:
		t.hearStates(o, m)
	}
}

// hearStates takes a message with states, if it is later than those before.
func (t *talk) hearStates(o *other, m *message) {
	if m.Count <= o.count {
		return
	}
	if begins := m.Begun == m.Count; begins {
		o.begun = m.Begun
	} else if m.Count != o.count+1 {
		o.begun, o.lacking = 0, true
	}
	o.count = m.Count
	for i := range m.Clients {
		t.take(o, &m.Clients[i], m.Count)
	}
	if m.Kind == kindWhole && o.begun == m.Begun {
		for client, r := range o.clients {
			if r.count < o.begun {
				t.forget(o, client)
			}
		}
		o.begun, o.lacking = 0, false
	}
}

// look notes that the owner of the room looks at it, as it does by due several times in
// the time that others may be silent. If it was held up for longer, not they were silent
// but this server was deaf: they have the time of a beat.
func (t *talk) look(now time.Time) {
	heldUp := now.Sub(t.looked) > t.within*2/3
	t.looked = now
	if !heldUp {
		return
	}
	for _, o := range t.others {
		if least := now.Add(-o.within * 2 / 3); o.heard.Before(least) {
			o.heard = least
		}
	}
}

// expire takes out who has been silent for too long.
func (t *talk) expire(now time.Time) {
	t.look(now)
	for origin, o := range t.others {
		if now.Sub(o.heard) >= o.within {
			t.forgetAll(o)
			delete(t.others, origin)
		}
	}
}

// due returns when say or expire has something to do; the zero time: never.
func (t *talk) due() time.Time {
	if t.self == 0 {
		return time.Time{}
	}
	next := t.nextBeat()
	earlier := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	switch changes, all := t.stated.Add(interval), t.wholed.Add(wholeInterval); {
	case len(t.changed) > 0, t.whole && all.Before(changes):
		earlier(changes)
	case t.whole:
		earlier(all)
	}
	for _, o := range t.others {
		earlier(o.heard.Add(o.within))
		if o.lacking {
			earlier(t.asked.Add(t.patience()))
		}
	}
	return next
}

// patience is how long an answer is waited for.
func (t *talk) patience() time.Duration { return t.within / 15 }

func (t *talk) nextBeat() time.Time {
	switch {
	case t.beat:
		return time.Time{}.Add(1)
	case t.shared():
		return t.said.Add(t.within / 3)
	case t.alone == 1: // the subscription may not have been known everywhere
		return t.said.Add(t.patience())
	}
	return t.said.Add(2 * t.within)
}

// say returns what is to be said now.
func (t *talk) say(now time.Time) (all []*message) {
	if t.self == 0 {
		return nil
	}
	t.look(now)
	shared := t.shared()
	if !shared {
		t.whole = false
		clear(t.changed)
	}
	if whole := t.whole && now.Sub(t.wholed) >= wholeInterval; (whole || len(t.changed) > 0) && now.Sub(t.stated) >= interval {
		all = t.states(whole)
		t.stated = now
		if whole {
			t.wholed, t.whole = now, false
		}
	}
	ask := t.ask(now)
	if len(all) == 0 && (ask != 0 || !now.Before(t.nextBeat())) {
		all = append(all, t.message(kindBeat))
		t.alone++
	}
	if len(all) > 0 {
		all[0].Ask = ask
		t.said, t.beat = now, false
	}
	if shared {
		t.alone = 2 // it knows that its subscription is known
	}
	return all
}

// ask returns whom to ask for everything.
func (t *talk) ask(now time.Time) (whom uint64) {
	switch {
	case t.askAll:
		whom, t.askAll = everybody, false
	case now.Sub(t.asked) < t.patience():
		return 0
	default:
		for origin, o := range t.others {
			switch {
			case !o.lacking || o.gone:
			case whom == 0:
				whom = origin
			default:
				whom = everybody
			}
		}
	}
	if whom != 0 {
		t.asked = now
	}
	return whom
}

func (t *talk) message(kind uint8) *message {
	return &message{Origin: t.self, Kind: kind, Count: t.count, Within: uint32(t.within.Milliseconds())}
}

// states returns everything, or what has changed.
func (t *talk) states(whole bool) (all []*message) {
	var last *message
	size := 0
	next := func() {
		t.count++
		last, size = t.message(kindChange), messageOverhead
		if whole {
			last.Kind, last.Begun = kindPart, t.count-uint64(len(all))
		}
		all = append(all, last)
	}
	add := func(client record.ClientID) {
		var l local // empty: it has gone
		if here := t.here[client]; here != nil {
			l = *here
		}
		if last == nil || size+entryOverhead+len(l.state) > maxMessage {
			next()
		}
		size += entryOverhead + len(l.state)
		last.Clients = append(last.Clients, entry{Client: client, Since: l.since, State: l.state})
	}
	if whole {
		next()
		for client := range t.here {
			add(client)
		}
		last.Kind = kindWhole
	} else {
		for client := range t.changed {
			add(client)
		}
	}
	clear(t.changed)
	return all
}
