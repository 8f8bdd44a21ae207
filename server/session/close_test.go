package session_test

import (
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// TestL9_CloseWhileADocumentIsFull: the log takes nothing, the document's queue
// is full, and its clients go on pushing. The server can be stopped all the same.
func TestL9_CloseWhileADocumentIsFull(t *testing.T) {
	w := newWorld(t, func(_ *session.Config, c *host.Config) { c.MaxQueue = 4 })
	release := w.log.hold(board)
	defer release()
	p := w.greet()
	p.open(board)
	p.flood(func() wire.Frame { return p.push(board, `{"a":1}`) })
	done := make(chan struct{})
	go func() {
		w.close()
		close(done)
	}()
	p.wantEnd(wire.CodeDraining)
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		t.Error("the group does not close")
		release()
		<-done
	}
}
