package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/server/httpapi"
)

// Body is the JSON that is sent. There is one event in it, so that its id stays the same
// however the feed cuts and repeats its deliveries.
type Body struct {
	Subscription string  `json:"subscription"`
	Events       []Event `json:"events"`
}

// Event is an event as server-sent events have it, with its name and cursor.
type Event struct {
	Event  string `json:"event"` // change, delete or reset
	Cursor string `json:"cursor"`
	httpapi.FeedEvent
}

// message is what is sent of an event: the same each time.
type message struct {
	id   string
	body []byte
}

// newMessage returns the message of an event for a webhook.
func newMessage(name string, e *feed.Event) (message, error) {
	body, err := json.Marshal(Body{Subscription: name, Events: []Event{{
		Event: e.Kind.String(), Cursor: e.Cursor.String(), FeedEvent: httpapi.NewFeedEvent(e),
	}}})
	if err != nil {
		return message{}, fmt.Errorf("%s at %d: %w", e.Key, e.Revision, err)
	}
	// A log that was replaced has another epoch, and a reset may have the revision of a change.
	hash := sha256.Sum256(fmt.Appendf(nil, "%s %x %s %s %d", name, uint64(e.Cursor.Epoch), e.Key, e.Kind, e.Revision))
	return message{id: "msg_" + hex.EncodeToString(hash[:16]), body: body}, nil
}

// sign returns the value of webhook-signature: one for each key, with spaces in between.
func sign(keys [][]byte, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
