package host

import (
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// setPresence takes what a client says of itself; empty: it takes that back.
func (h *Host) setPresence(handle *Handle, state []byte) {
	if len(state) == 0 {
		h.room.Unset(handle, handle.sub.Client())
	} else {
		h.room.Set(handle, handle.sub.Client(), state)
	}
}

// greet tells a subscriber who is there. Its own is what an earlier connection of the
// client has left behind.
func (h *Host) greet(sub Subscriber) {
	h.room.Each(func(client record.ClientID, state []byte) {
		if client != sub.Client() {
			sub.Send(wire.Encode(&wire.Peer{Doc: h.number, Client: client, State: state}))
		}
	})
}

// tellPeer tells the subscribers what another client says of itself, on this server or
// another one.
func (h *Host) tellPeer(client record.ClientID, state []byte) {
	frame := wire.Encode(&wire.Peer{Doc: h.number, Client: client, State: state})
	for _, other := range h.subs.list {
		if other.sub.Client() != client {
			other.sub.Send(frame)
		}
	}
}

// dropLeft ends the subscriptions of the handles that were closed.
func (h *Host) dropLeft() {
	for _, handle := range h.left.take() {
		handle.gone = true
		h.subs.remove(handle)
		h.setPresence(handle, nil)
		h.forget(handle.sub.Client())
	}
	if h.subs.len() == 0 {
		h.room.Leave()
	}
}
