//go:build !js

package client

import (
	"context"
	"maps"
	"slices"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// SetPresence tells the other clients that have the document open something about this
// one: a JSON object of at most [wire.MaxPresence] bytes, which the Doc keeps. Empty takes
// it back. It is never stored, told again after every reconnect, and forgotten when the
// client is gone. It does not wait. What the server would not take is refused with a
// [*jsontext.Error]; a document that is of no more use has its own error.
//
// [wire.MaxPresence]: https://pkg.go.dev/github.com/rivulet-sync/rivulet/shared/wire#MaxPresence
// [*jsontext.Error]: https://pkg.go.dev/github.com/rivulet-sync/rivulet/shared/jsontext#Error
func (d *Doc) SetPresence(state []byte) (err error) {
	d.client.do(func() {
		if err = d.err; err == nil {
			err = d.replica.SetPresence(state)
		}
	})
	return err
}

// Others returns what the other clients on the document tell about themselves, whichever
// server they are at. The map is the caller's, the states must not be changed. It is empty
// while there is no connection.
func (d *Doc) Others() map[record.ClientID][]byte {
	d.client.mu.Lock()
	defer d.client.mu.Unlock()
	return maps.Clone(d.others)
}

// AwaitOthers waits until what [Doc.Others] returns is as wanted. ready is called with the
// client locked: it must be quick, not call the client, and not keep the map. The error is
// that of ctx or of the document.
func (d *Doc) AwaitOthers(ctx context.Context, ready func(map[record.ClientID][]byte) bool) error {
	return d.await(ctx, func() bool { return ready(d.others) })
}

// Peer implements [replica.Observer].
func (d *Doc) Peer(client record.ClientID, state []byte) {
	if len(state) == 0 {
		delete(d.others, client)
	} else {
		d.others[client] = slices.Clone(state)
	}
	d.Changed()
}
