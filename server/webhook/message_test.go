package webhook

import (
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// The vector of the Standard Webhooks libraries; and with two keys, both sign.
func TestSignatureIsStandard(t *testing.T) {
	keys, err := keysOf("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	at, body := time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	if got := sign(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := sign(append(keys, keys...), "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body); got != want+" "+want {
		t.Errorf("with two keys: %s", got)
	}
}

// An event has one id and one body, and no other event has that id.
func TestL3_IDsAreOfEvents(t *testing.T) {
	key := record.Key{Space: "s", ID: "d"}
	base := feed.Event{Kind: feed.Change, Key: key, Revision: 7, Prev: 3, Time: time.Unix(1, 0).UTC(), Cursor: feed.Cursor{Epoch: 9, Sequence: 7},
		Mutations: []record.Mutation{{Client: record.ClientID{1}, ID: record.MutationID{Number: 2, Nonce: 3}, Delta: []byte(`{"a":"<"}`)}}}
	first, err := newMessage("w", &base)
	if err != nil {
		t.Fatal(err)
	}
	again, err := newMessage("w", &base)
	if err != nil {
		t.Fatal(err)
	}
	if first.id != again.id || string(first.body) != string(again.body) {
		t.Errorf("an event is %s %s and %s %s", first.id, first.body, again.id, again.body)
	}
	const want = `{"subscription":"w","events":[{"event":"change","cursor":"9-7","doc":"s/d","revision":7,"prev":3,"time":"1970-01-01T00:00:01Z",` +
		`"mutations":[{"client":"01000000000000000000000000000000","number":2,"delta":{"a":"\u003c"}}]}]}`
	if string(first.body) != want {
		t.Errorf("the body is %s, want %s", first.body, want)
	}
	ids := map[string]bool{first.id: true}
	other := func(name string, e feed.Event) {
		m, err := newMessage(name, &e)
		if err != nil {
			t.Fatal(err)
		}
		if ids[m.id] {
			t.Errorf("%s %+v has the id of another", name, e)
		}
		ids[m.id] = true
	}
	other("v", base)
	e := base
	e.Revision = 8
	other("w", e)
	e = base
	e.Key.ID = "e"
	other("w", e)
	e = base
	e.Cursor.Epoch = 10
	other("w", e)
	e = base
	e.Kind = feed.Delete
	other("w", e)
	e.Kind, e.Mutations, e.Document = feed.Reset, nil, []byte(`{}`)
	other("w", e)
}
