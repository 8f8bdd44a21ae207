//go:build !js

package client_test

import (
	"errors"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// sees waits until a document has others as wanted; nil: nobody.
func sees(t testing.TB, d *client.Doc, want map[record.ClientID]string) {
	t.Helper()
	err := d.AwaitOthers(testContext(t), func(others map[record.ClientID][]byte) bool {
		for id, state := range want {
			if string(others[id]) != state {
				return false
			}
		}
		return len(others) == len(want)
	})
	if err != nil {
		t.Fatalf("%v: it sees %q, want %q", err, d.Others(), want)
	}
}

// TestPresence is told to the other clients, again when the server comes back, and is over
// when the client takes it back or is gone.
func TestPresence(t *testing.T) {
	b := startBackend(t)
	first := b.connect()
	mine, err := first.Open(testContext(t), board)
	if err != nil {
		t.Fatal(err)
	}
	other := b.join()
	if err := mine.SetPresence([]byte(`{"cursor":1}`)); err != nil {
		t.Fatal(err)
	}
	sees(t, other, map[record.ClientID]string{first.ID(): `{"cursor":1}`})
	if len(mine.Others()) != 0 {
		t.Errorf("it sees %q", mine.Others())
	}
	b.stop()
	sees(t, other, nil)
	b.start()
	sees(t, other, map[record.ClientID]string{first.ID(): `{"cursor":1}`})
	if err := mine.SetPresence(nil); err != nil {
		t.Fatal(err)
	}
	sees(t, other, nil)
	if err := mine.SetPresence([]byte(`{"cursor":2}`)); err != nil {
		t.Fatal(err)
	}
	sees(t, other, map[record.ClientID]string{first.ID(): `{"cursor":2}`})
	if err := mine.SetPresence([]byte(`[]`)); !errors.As(err, new(*jsontext.Error)) {
		t.Errorf("the error is %v", err)
	}
	first.Close()
	sees(t, other, nil)
	if err := mine.SetPresence([]byte(`{"cursor":3}`)); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the error is %v", err)
	}
}
