package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Webhooks are those of the server.
type Webhooks interface {
	// Status returns what they are doing.
	Status(ctx context.Context) ([]WebhookStatus, error)
	// Dead returns the dead letters of a webhook, or with an empty name of all. It and those
	// below err with ErrNoWebhook.
	Dead(ctx context.Context, name string) (iter.Seq2[DeadLetter, error], error)
	// RetryDead sends them again, and DropDead removes them.
	RetryDead(ctx context.Context, name string) ([]DeadRetried, error)
	DropDead(ctx context.Context, name string) (dropped int, err error)
}

// ErrNoWebhook reports a name that no webhook has.
var ErrNoWebhook = errors.New("there is no webhook of that name")

// WebhookState says what a webhook is doing.
type WebhookState string

// The states.
const (
	// WebhookWaiting: it has not begun, or runs on another server of the cluster.
	WebhookWaiting WebhookState = "waiting"
	// WebhookCatchingUp: it sends what was committed before it began.
	WebhookCatchingUp WebhookState = "catching up"
	// WebhookLive: it sends what is committed.
	WebhookLive WebhookState = "live"
	// WebhookGone: the receiver has answered 410; it begins again with the server.
	WebhookGone WebhookState = "gone"
)

// WebhookStatus is what a webhook is doing.
type WebhookStatus struct {
	Name  string       `json:"name"`
	Space string       `json:"space,omitempty"`
	URL   string       `json:"url"` // without user and query
	State WebhookState `json:"state"`
	// Delivered, Failures and GivenUp count since the server was started: events taken,
	// attempts that were not, and events that became dead letters.
	Delivered uint64 `json:"delivered"`
	Failures  uint64 `json:"failures"`
	GivenUp   uint64 `json:"givenUp"`
	// Lag is how many messages of the log come after the marks of the subscription.
	Lag uint64 `json:"lag"`
	// Dead letters are stored.
	Dead int `json:"dead"`
	// Failing documents, of which there are FailingCount, wait for another attempt.
	FailingCount int              `json:"failingCount"`
	Failing      []WebhookFailing `json:"failing,omitempty"`
}

// WebhookFailing is a document that waits for another attempt.
type WebhookFailing struct {
	Doc      string    `json:"doc"`
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Since    time.Time `json:"since"`
	Next     time.Time `json:"next"`
}

// DeadLetter is an event that a webhook has given up.
type DeadLetter struct {
	Webhook  string          `json:"webhook"`
	ID       string          `json:"id"`
	Doc      record.Key      `json:"doc"`
	Event    string          `json:"event"`
	Revision record.Revision `json:"revision"`
	Cursor   string          `json:"cursor"`
	Time     time.Time       `json:"time"`
	Attempts int             `json:"attempts"`
	Reason   string          `json:"reason"`
	Body     json.RawMessage `json:"body,omitempty"` // what was sent, if it could be kept
}

// DeadRetried is what has become of the dead letters of a webhook that were sent again.
type DeadRetried struct {
	Webhook   string       `json:"webhook"`
	Delivered int          `json:"delivered"`
	Left      int          `json:"left"`             // are dead still
	Failed    []DeadLetter `json:"failed,omitempty"` // the first of each document, up to a bound
}

// webhooks adds the routes of webhooks.
func (cfg Config) webhooks(mux *http.ServeMux) {
	if cfg.Webhooks == nil {
		return
	}
	mux.HandleFunc("GET /v1/webhooks", cfg.webhookStatus)
	mux.HandleFunc("GET /v1/webhooks/dead", cfg.deadLetters)
	mux.HandleFunc("POST /v1/webhooks/dead", cfg.retryDead)
	mux.HandleFunc("DELETE /v1/webhooks/dead", cfg.dropDead)
}

// webhookStatus answers with a line of JSON for each webhook.
func (cfg Config) webhookStatus(w http.ResponseWriter, r *http.Request) {
	list, err := cfg.Webhooks.Status(r.Context())
	if err != nil {
		cfg.webhookFailed(w, r, err)
		return
	}
	out := lines(w)
	for _, s := range list {
		if out.Encode(s) != nil {
			return
		}
	}
}

// deadLetters answers with a line of JSON for each dead letter.
func (cfg Config) deadLetters(w http.ResponseWriter, r *http.Request) {
	letters, err := cfg.Webhooks.Dead(r.Context(), r.URL.Query().Get("name"))
	if err != nil {
		cfg.webhookFailed(w, r, err)
		return
	}
	out := lines(w)
	for l, err := range letters {
		if err != nil {
			if r.Context().Err() == nil {
				cfg.Logger.Error("dead letters cannot be listed", "error", err)
			}
			panic(http.ErrAbortHandler) // the answer must not look whole
		}
		if out.Encode(l) != nil {
			return
		}
	}
}

// retryDead sends dead letters again, and answers with a line of JSON for each webhook that
// has some.
func (cfg Config) retryDead(w http.ResponseWriter, r *http.Request) {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" && kind != ndjson {
		http.Error(w, "send Content-Type: application/json", http.StatusUnsupportedMediaType) // which other origins may not
		return
	}
	list, err := cfg.Webhooks.RetryDead(r.Context(), r.URL.Query().Get("name"))
	if err != nil {
		cfg.webhookFailed(w, r, err)
		return
	}
	out := lines(w)
	for _, d := range list {
		if out.Encode(d) != nil {
			return
		}
	}
}

// dropDead removes dead letters. A page of another origin has to ask before it may, and
// nobody answers.
func (cfg Config) dropDead(w http.ResponseWriter, r *http.Request) {
	n, err := cfg.Webhooks.DropDead(r.Context(), r.URL.Query().Get("name"))
	if err != nil {
		cfg.webhookFailed(w, r, err)
		return
	}
	_ = lines(w).Encode(map[string]int{"dropped": n}) // the client is gone
}

func lines(w http.ResponseWriter) *json.Encoder {
	w.Header().Set("Content-Type", ndjson)
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w)
}

func (cfg Config) webhookFailed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrNoWebhook):
		http.Error(w, err.Error(), http.StatusNotFound)
	case r.Context().Err() == nil:
		cfg.Logger.Error("webhooks", "error", err)
		http.Error(w, "the state of webhooks cannot be read or changed now", http.StatusServiceUnavailable)
	}
}
