package presence

import (
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// waiting bounds the messages of a document that wait to be heard. What comes to a full
// channel is dropped, which the next message shows.
const waiting = 64

// Room is the presence on one document, as one server knows it. It has no goroutine: who
// owns it selects on [Room.Come] and [Room.Due], and calls [Room.Say] when it has done
// what there was to do. Its methods are for one goroutine.
type Room struct {
	network *Network
	key     record.Key
	subject string
	talk    talk
	stale   bool // something may have to be said, or the timer set
	sub     *nats.Subscription
	come    chan *nats.Msg // nil while nobody has entered
	timer   *time.Timer    // nil without a network
	due     <-chan time.Time
}

// NewRoom returns an empty room. Without a network it is this server's alone. tell is
// called, within calls of the room's methods, with what the other clients have to hear
// of a client: the state is shared and must not be changed; empty means that it has gone.
func NewRoom(network *Network, key record.Key, tell func(client record.ClientID, state []byte)) *Room {
	r := &Room{network: network, key: key, talk: newTalk(0, tell)}
	if network != nil {
		r.talk.within, r.subject = network.cfg.Expiry, Subject(key)
		r.timer = time.NewTimer(time.Hour)
		r.timer.Stop()
		r.due = r.timer.C
	}
	return r
}

// Enter has the room talk with those of other servers, until Leave. It is to be called
// when somebody has opened the document here, and may be called again.
func (r *Room) Enter() {
	if r.network == nil || r.sub != nil {
		return
	}
	come := make(chan *nats.Msg, waiting)
	sub, err := r.network.cfg.Conn.ChanSubscribe(r.subject, come)
	if err != nil { // the connection is closed for good
		r.network.cfg.Logger.Warn("presence stays on this server", "doc", r.key.String(), "error", err)
		return
	}
	r.sub, r.come, r.stale = sub, come, true
	r.talk.enter(origin(), time.Now())
}

// origin draws who says something.
func origin() uint64 {
	for {
		if n := rand.Uint64(); n != 0 && n != everybody {
			return n
		}
	}
}

// Leave ends it: nobody has the document open here any more. What was heard of other
// servers is forgotten, without a word to tell. It may be called again.
func (r *Room) Leave() {
	if r.sub == nil {
		return
	}
	if bye := r.talk.leave(); bye != nil {
		r.publish(bye)
	}
	_ = r.sub.Unsubscribe() // it errs when the connection is closed, which ends it too
	r.sub, r.come = nil, nil
	r.timer.Stop()
}

// Set takes what a client says of itself by a connection to this server: a JSON object,
// which the room keeps. The connection is anything that can be compared.
func (r *Room) Set(by any, client record.ClientID, state []byte) {
	var now int64
	if r.network != nil {
		now = time.Now().UnixMilli()
	}
	r.talk.set(by, client, state, now)
	r.stale = true
}

// Unset takes it back, unless the client has said something by another connection since.
func (r *Room) Unset(by any, client record.ClientID) {
	r.talk.unset(by, client)
	r.stale = true
}

// Each calls fn with what is seen of every client.
func (r *Room) Each(fn func(client record.ClientID, state []byte)) { r.talk.each(fn) }

// Come delivers what other servers say, to be given to [Room.Hear].
func (r *Room) Come() <-chan *nats.Msg { return r.come }

// Due delivers something when [Room.Tick] has something to do.
func (r *Room) Due() <-chan time.Time { return r.due }

// Hear takes what came. What is no message is counted by the network, and nothing else.
func (r *Room) Hear(m *nats.Msg) {
	said, err := decode(m.Data)
	if err != nil {
		r.network.ignore(r.subject, err)
		return
	}
	r.talk.hear(said, time.Now())
	r.stale = true
}

// Tick takes out the servers that have been silent for too long, after it has heard all
// that has come.
func (r *Room) Tick() {
	for range cap(r.come) {
		select {
		case m := <-r.come:
			r.Hear(m)
			continue
		default:
		}
		break
	}
	r.talk.expire(time.Now())
	r.stale = true
}

// Restored is to be called when the connection was lost and is there again.
func (r *Room) Restored() {
	if r.sub != nil {
		r.talk.restored()
		r.stale = true
	}
}

// Say says what is due. It does not wait for anybody.
func (r *Room) Say() {
	if !r.stale || r.sub == nil {
		return
	}
	r.stale = false
	now := time.Now()
	for _, m := range r.talk.say(now) {
		r.publish(m)
	}
	r.timer.Reset(r.talk.due().Sub(now))
}

// publish fails when there is no connection. The others find that something is missing by
// what comes next.
func (r *Room) publish(m *message) {
	data, err := m.encode()
	if err == nil {
		err = r.network.cfg.Conn.Publish(r.subject, data)
	}
	if err != nil {
		r.network.cfg.Logger.Debug("presence not said", "doc", r.key.String(), "error", err)
	}
}
