package natstest

import (
	"errors"
	"runtime"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// CreateStream creates a stream, if need be under a name that another one had until
// just now, whose directory the server may still be removing.
func CreateStream(t testing.TB, js jetstream.JetStream, c jetstream.StreamConfig) {
	t.Helper()
	const storeFailed = 10049
	for {
		_, err := js.CreateStream(t.Context(), c)
		var api *jetstream.APIError
		if errors.As(err, &api) && api.ErrorCode == storeFailed && t.Context().Err() == nil {
			runtime.Gosched()
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
}
