package presence

import (
	"bytes"
	"slices"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// maxOthers bounds the other servers that are listened to.
	maxOthers = 256
	// maxAway bounds the clients on other servers that are kept.
	maxAway = 4096
)

// table is who is on a document, here and on other servers.
type table struct {
	self   uint64 // of this server, 0 while it is not on the network
	here   map[record.ClientID]*local
	others map[uint64]*other
	away   int // clients of all others, one as often as it is there
	// tell is called with what is seen of a client from now on; empty: it has gone.
	tell func(client record.ClientID, state []byte)
}

// local is a client of this server.
type local struct {
	by    any // the connection by which it last said something
	since int64
	state []byte
}

// other is another server that has the document open.
type other struct {
	heard  time.Time
	within time.Duration // it may be silent
	gone   bool          // it has said so; what comes late is not listened to
	count  uint64        // of its last message with states
	begun  uint64        // of the statement whose parts are coming, 0: there is none
	// lacking: something was missed, and all that it has is asked for.
	lacking bool
	clients map[record.ClientID]remote
}

// remote is a client of another server.
type remote struct {
	since int64
	state []byte
	count uint64 // of the message that last named it
}

// holder returns the server that has the newest connection of a client, and its state;
// empty when it is nowhere.
func (t *table) holder(client record.ClientID) (origin uint64, state []byte) {
	newest := int64(-1)
	if l, ok := t.here[client]; ok {
		origin, state, newest = t.self, l.state, l.since
	}
	for at, o := range t.others {
		if r, ok := o.clients[client]; ok && (r.since > newest || r.since == newest && at > origin) {
			origin, state, newest = at, r.state, r.since
		}
	}
	return origin, state
}

// each calls fn with what is seen of every client.
func (t *table) each(fn func(client record.ClientID, state []byte)) {
	for client := range t.here {
		_, state := t.holder(client)
		fn(client, state)
	}
	for at, o := range t.others {
		for client := range o.clients {
			if _, here := t.here[client]; here {
				continue
			}
			if origin, state := t.holder(client); origin == at {
				fn(client, state)
			}
		}
	}
}

// changing calls fn, which changes what is known of a client, and tells what is seen of
// it if that is something else then.
func (t *table) changing(client record.ClientID, fn func()) {
	_, before := t.holder(client)
	fn()
	if _, after := t.holder(client); !bytes.Equal(before, after) {
		t.tell(client, after)
	}
}

// set takes what a client says by a connection to this server.
func (t *table) set(by any, client record.ClientID, state []byte, now int64) {
	l := t.here[client]
	if l == nil {
		l = new(local)
		t.here[client] = l
	}
	if l.by != by {
		l.by, l.since = by, now
		for _, o := range t.others {
			if r, ok := o.clients[client]; ok {
				l.since = min(max(l.since, r.since+1), maxSince)
			}
		}
	}
	l.state = state
	if len(t.others) > 0 {
		if origin, _ := t.holder(client); origin != t.self {
			return
		}
	}
	t.tell(client, state)
}

// unset takes it back, if the client has not said something by another connection since;
// it reports whether it has not.
func (t *table) unset(by any, client record.ClientID) bool {
	if l, ok := t.here[client]; !ok || l.by != by {
		return false
	}
	t.changing(client, func() { delete(t.here, client) })
	return true
}

// take takes an entry of another server's message.
func (t *table) take(o *other, e *entry, count uint64) {
	had, ok := o.clients[e.Client]
	switch {
	case len(e.State) == 0:
		if ok {
			t.forget(o, e.Client)
		}
		return
	case !ok && t.away >= maxAway:
		return
	case !ok:
		t.away++
	}
	now := remote{since: e.Since, state: had.state, count: count}
	if !bytes.Equal(e.State, had.state) {
		now.state = slices.Clone(e.State) // the message may be much larger
	}
	t.changing(e.Client, func() { o.clients[e.Client] = now })
}

// meet makes room for another server. At the bound those make it that have gone; nil: there
// are none.
func (t *table) meet(origin uint64) *other {
	if len(t.others) >= maxOthers {
		for at, o := range t.others {
			if o.gone {
				delete(t.others, at)
				break
			}
		}
	}
	if len(t.others) >= maxOthers {
		return nil
	}
	o := &other{clients: make(map[record.ClientID]remote)}
	t.others[origin] = o
	return o
}

// forget takes a client off another server.
func (t *table) forget(o *other, client record.ClientID) {
	t.away--
	t.changing(client, func() { delete(o.clients, client) })
}

// forgetAll takes all clients off another server.
func (t *table) forgetAll(o *other) {
	for client := range o.clients {
		t.forget(o, client)
	}
}
