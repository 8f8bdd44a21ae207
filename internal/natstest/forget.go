package natstest

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// Forget drops the messages of a stream that are before a sequence.
func Forget(t testing.TB, js jetstream.JetStream, name string, before uint64) {
	t.Helper()
	stream, err := js.Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(before)); err != nil {
		t.Fatal(err)
	}
}
