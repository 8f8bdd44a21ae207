package presence

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// server is a talk whose owner writes down what it is told.
type server struct {
	talk
	t    *testing.T
	told []string
}

var noon = time.UnixMilli(1e12)

// enter returns servers that have the document open, and have heard of each other.
func enter(t *testing.T, n int) (all []*server) {
	for i := range n {
		s := &server{t: t}
		s.talk = newTalk(time.Second, func(client record.ClientID, state []byte) {
			s.told = append(s.told, fmt.Sprintf("%d %s", client[0], state))
		})
		s.enter(uint64(i+1), noon)
		all = append(all, s)
	}
	exchange(noon, all...)
	for i := range 3 { // who they are, and what follows from it
		exchange(noon.Add(time.Duration(i+1)*interval), all...)
	}
	return all
}

// exchange has all of them hear what they have to say now.
func exchange(now time.Time, all ...*server) {
	for _, from := range all {
		for _, m := range from.say(now) {
			m.deliver(from.t, now, all...)
		}
	}
}

// deliver has all of them hear a message.
func (m *message) deliver(t *testing.T, now time.Time, all ...*server) {
	t.Helper()
	data, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	said, err := decode(data)
	if err != nil {
		t.Fatalf("%v: %+v", err, m)
	}
	for _, to := range all {
		to.hear(said, now)
	}
}

// says returns the one message with states that a server sends now.
func (s *server) says(now time.Time) *message {
	s.t.Helper()
	all := s.say(now)
	if len(all) != 1 || len(all[0].Clients) == 0 {
		s.t.Fatalf("%d messages: %+v", len(all), all)
	}
	return all[0]
}

func (s *server) wantTold(want ...string) {
	s.t.Helper()
	if !slices.Equal(s.told, want) {
		s.t.Fatalf("told: %q, want %q", s.told, want)
	}
	s.told = nil
}

func (s *server) put(by string, client byte, state string, now time.Time) {
	s.set(by, record.ClientID{client}, []byte(state), now.UnixMilli())
}

// TestLateStateChangesNothing: a message that was overtaken does not replace what the
// later one says, nor bring back who has gone.
func TestLateStateChangesNothing(t *testing.T) {
	all := enter(t, 2)
	a, b := all[0], all[1]
	now := noon.Add(time.Minute / 60)
	a.put("x", 7, `{"n":1}`, now)
	first := a.says(now)
	now = now.Add(interval)
	a.put("x", 7, `{"n":2}`, now)
	second := a.says(now)
	now = now.Add(interval)
	a.unset("x", record.ClientID{7})
	third := a.says(now)
	second.deliver(t, now, b)
	b.wantTold(`7 {"n":2}`)
	first.deliver(t, now, b)
	second.deliver(t, now, b)
	b.wantTold()
	third.deliver(t, now, b)
	b.wantTold("7 ")
	second.deliver(t, now, b)
	first.deliver(t, now, b)
	b.wantTold()
	bye := a.leave()
	late := enter(t, 1)[0]
	late.self = 9
	bye.deliver(t, now, b, late)
	first.deliver(t, now, b, late)
	b.wantTold()
	late.wantTold()
}

// TestMovedClientDoesNotFlicker: the old server's last words of a client that has moved
// take nothing away, for the new server as for a third one, in whatever order they come and
// although the clock of the new server is an hour behind.
func TestMovedClientDoesNotFlicker(t *testing.T) {
	for _, how := range []string{"it closes", "it leaves", "it dies"} {
		t.Run(how, func(t *testing.T) {
			all := enter(t, 3)
			a, b, c := all[0], all[1], all[2]
			now := noon.Add(interval * 10)
			a.put("old", 7, `{"n":1}`, now)
			exchange(now, all...)
			b.wantTold(`7 {"n":1}`)
			c.wantTold(`7 {"n":1}`)

			now = now.Add(interval)
			a.put("old", 7, `{"n":2}`, now) // on its way when the connection broke
			b.put("new", 7, `{"n":3}`, now.Add(-time.Hour))
			b.says(now).deliver(t, now, all...)
			b.wantTold(`7 {"n":3}`)
			c.wantTold(`7 {"n":3}`)
			a.says(now).deliver(t, now, all...)
			b.wantTold()
			c.wantTold()
			a.wantTold(`7 {"n":1}`, `7 {"n":2}`, `7 {"n":3}`)

			switch now = now.Add(interval); how {
			case "it closes":
				a.unset("old", record.ClientID{7})
				a.says(now).deliver(t, now, all...)
				a.wantTold()
			case "it leaves":
				a.leave().deliver(t, now, all...)
			case "it dies":
				for range 30 {
					now = now.Add(interval)
					exchange(now, b, c)
					b.expire(now)
					c.expire(now)
				}
				if len(c.others) != 1 {
					t.Fatalf("%d others, want 1", len(c.others))
				}
			}
			b.wantTold()
			c.wantTold()
			b.unset("new", record.ClientID{7})
			b.says(now).deliver(t, now, all...)
			c.wantTold("7 ")
		})
	}
}

// TestHeldUpServerTakesNobodyForDead: a server that was stopped for longer than the expiry
// hears what the others have said meanwhile before it judges them.
func TestHeldUpServerTakesNobodyForDead(t *testing.T) {
	all := enter(t, 3)
	a, b, c := all[0], all[1], all[2]
	now := noon.Add(interval * 10)
	a.put("x", 7, `{"n":1}`, now)
	b.put("y", 8, `{"n":1}`, now)
	exchange(now, all...)
	c.told = nil
	now = now.Add(5 * time.Second)
	beat := a.message(kindBeat)
	beat.deliver(t, now, c) // that of b is yet to come
	c.expire(now)
	c.wantTold()
	if due := c.due(); due.After(now.Add(c.within)) {
		t.Errorf("looks again only in %s", due.Sub(now))
	}
	for range 8 {
		now = now.Add(interval)
		a.message(kindBeat).deliver(t, now, c)
		c.expire(now)
	}
	c.wantTold("8 ") // it is dead indeed
}

// TestL9_NothingIsSaidToNobody: states do not leave a server while no other one has the
// document open, whatever happens; then all do, once.
func TestL9_NothingIsSaidToNobody(t *testing.T) {
	a := enter(t, 1)[0]
	now := noon
	messages := 0
	for n := range 1200 {
		now = now.Add(interval)
		a.put("x", byte(1+n%9), fmt.Sprintf(`{"n":%d}`, n), now)
		for _, m := range a.say(now) {
			if messages++; m.Kind != kindBeat {
				t.Fatalf("says %+v", m)
			}
		}
	}
	if messages < 29 || messages > 31 { // a minute, in which it beats every two seconds
		t.Errorf("%d messages", messages)
	}
	b := enter(t, 1)[0]
	b.self = 2
	b.beat = true
	exchange(now, b, a)
	exchange(now, a, b)
	if len(b.told) != 9 {
		t.Errorf("the other one has heard %q", b.told)
	}
}

// TestL9_StatesArePaced: a server whose clients say something all the time says the newest
// of it 20 times a second, and the last.
func TestL9_StatesArePaced(t *testing.T) {
	all := enter(t, 2)
	a, b := all[0], all[1]
	now := noon.Add(time.Second)
	messages := 0
	for n := range 1000 {
		now = now.Add(time.Millisecond)
		for client := range byte(10) {
			a.put("x", 1+client, fmt.Sprintf(`{"n":%d}`, n), now)
		}
		for _, m := range a.say(now) {
			messages++
			m.deliver(t, now, b)
		}
	}
	if messages < 19 || messages > 21 {
		t.Errorf("%d messages in a second", messages)
	}
	if len(a.changed) > 0 {
		now = a.stated.Add(interval)
		if due := a.due(); due.After(now) {
			t.Fatalf("the last is due %s late", due.Sub(now))
		}
		a.says(now).deliver(t, now, b)
	}
	b.each(func(client record.ClientID, state []byte) {
		if string(state) != `{"n":999}` {
			t.Errorf("the last of %d is %s", client[0], state)
		}
	})
}

// TestL9_ManyAndLarge: more states than a message holds go in several, and those that get
// lost on the way are asked for.
func TestL9_ManyAndLarge(t *testing.T) {
	all := enter(t, 2)
	a, b := all[0], all[1]
	now := noon.Add(time.Second)
	large := append(append([]byte(`{"a":"`), bytes.Repeat([]byte("x"), wire.MaxPresence-8)...), `"}`...)
	for n := range 100 {
		a.set("x", record.ClientID{1, byte(n)}, large, now.UnixMilli())
	}
	parts := a.say(now)
	if len(parts) < 100*len(large)/maxMessage {
		t.Fatalf("%d messages", len(parts))
	}
	for i, m := range parts {
		if i != 2 {
			m.deliver(t, now, b)
		}
	}
	if len(b.told) >= 100 {
		t.Fatalf("%d were told", len(b.told))
	}
	exchange(now, b, a)
	now = now.Add(interval)
	exchange(now, a, b)
	here, there := make(map[record.ClientID]string), make(map[record.ClientID]string)
	a.each(func(c record.ClientID, state []byte) { here[c] = string(state) })
	b.each(func(c record.ClientID, state []byte) { there[c] = string(state) })
	if len(here) != 100 || !maps.Equal(here, there) || len(b.told) != 100 {
		t.Errorf("%d here, %d there, %d told", len(here), len(there), len(b.told))
	}
}

// TestL9_StrangersAreBounded: who says it is a thousand servers with a million clients gets
// no more room than there is, and real ones go on.
func TestL9_StrangersAreBounded(t *testing.T) {
	all := enter(t, 2)
	a, b := all[0], all[1]
	now := noon.Add(time.Second)
	a.put("x", 7, `{"n":1}`, now)
	exchange(now, all...)
	for n := range uint64(1000) {
		m := &message{Origin: 100 + n, Kind: kindChange, Count: 1, Within: 1000}
		for i := range 1000 {
			m.Clients = append(m.Clients, entry{Client: record.ClientID{9, byte(n), byte(n >> 8), byte(i), byte(i >> 8)}, State: []byte(`{}`)})
		}
		m.deliver(t, now, b)
	}
	if len(b.others) != maxOthers || b.away != maxAway {
		t.Errorf("%d servers, %d clients", len(b.others), b.away)
	}
	b.told = nil
	now = now.Add(interval)
	a.put("x", 7, `{"n":2}`, now)
	exchange(now, a, b)
	b.wantTold(`7 {"n":2}`)
	for range 30 {
		now = now.Add(interval)
		exchange(now, a, b)
		b.expire(now)
	}
	if len(b.others) != 1 || b.away != 1 {
		t.Errorf("%d servers, %d clients, after they were silent", len(b.others), b.away)
	}
}

// TestNewcomerIsAnswered as soon as may be, not by the way.
func TestNewcomerIsAnswered(t *testing.T) {
	a := enter(t, 2)[0]
	if !a.due().Equal(a.said.Add(a.within / 3)) {
		t.Fatalf("a beat is due %s after the last message", a.due().Sub(a.said))
	}
	now := a.said.Add(time.Millisecond)
	(&message{Origin: 9, Kind: kindBeat, Within: 15_000}).deliver(t, now, a)
	if !a.due().Equal(a.wholed.Add(wholeInterval)) {
		t.Errorf("all is said %s after the last time", a.due().Sub(a.wholed))
	}
	a.put("x", 7, `{"n":1}`, now)
	if !a.due().Equal(a.stated.Add(interval)) {
		t.Errorf("what has changed is said %s after the last time", a.due().Sub(a.stated))
	}
}

// TestL9_OpenedAndLeftAllTheTime: a server that opens a document and leaves it again, many
// times a second, is not told everything as often, and takes nobody's place.
func TestL9_OpenedAndLeftAllTheTime(t *testing.T) {
	all := enter(t, 2)
	a, b := all[0], all[1]
	now := noon.Add(time.Second)
	a.put("x", 7, `{"n":1}`, now)
	exchange(now, all...)
	whole := 0
	for n := range uint64(1000) {
		now = now.Add(time.Millisecond)
		for _, kind := range []uint8{kindBeat, kindBye} {
			(&message{Origin: 100 + n, Kind: kind, Within: 15_000}).deliver(t, now, a)
		}
		for _, m := range a.say(now) {
			if m.Kind == kindWhole {
				whole++
			}
		}
	}
	if whole < 3 || whole > 5 {
		t.Errorf("all was told %d times in a second", whole)
	}
	late := enter(t, 1)[0]
	late.self, late.beat = 3, true
	late.put("y", 8, `{"n":1}`, now)
	exchange(now, late, a)
	now = now.Add(wholeInterval)
	exchange(now, a, b, late)
	late.wantTold(`8 {"n":1}`, `7 {"n":1}`)
	exchange(now, late, a)
	a.wantTold(`7 {"n":1}`, `8 {"n":1}`)
}
