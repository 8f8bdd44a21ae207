package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer is how much of an answer is read at most: what is left costs a connection.
	maxAnswer = 64 << 10
	// maxText is how much of it is told in an error.
	maxText = 200
	// maxHold is how long an answer can ask for the document to wait (Retry-After), beside the
	// pause that it has anyway.
	maxHold = 30 * time.Second
)

// ErrGone is the answer 410: there is nobody who wants to be told any more.
var ErrGone = errors.New("the receiver answered 410 Gone")

// StatusError is an answer that takes no event.
type StatusError struct {
	Status string // such as "500 Internal Server Error"
	Text   string // the beginning of what was answered
	hold   time.Duration
}

func (e *StatusError) Error() string {
	text := "the receiver answered " + e.Status
	if strings.HasPrefix(e.Status, "3") {
		text += ", and redirects are not followed"
	}
	if e.Text != "" {
		text += fmt.Sprintf(": %q", e.Text)
	}
	return text
}

// client returns what a webhook sends with.
func client() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.MaxConnsPerHost = lanes, 2*lanes
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends a message once. It returns nil if that was taken, ErrGone, a *StatusError, or why
// there was no answer.
func (h *Hook) post(ctx context.Context, m message) error {
	bounded, cancel := context.WithTimeoutCause(ctx, h.cfg.Timeout, fmt.Errorf("no answer within %v", h.cfg.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(bounded, http.MethodPost, h.cfg.URL, bytes.NewReader(m.body))
	if err != nil {
		return bare(err)
	}
	now := h.now()
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", h.agent)
	request.Header.Set("webhook-id", m.id)
	request.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
	request.Header.Set("webhook-signature", sign(h.keys, m.id, now, m.body))
	response, err := h.client.Do(request)
	if err != nil {
		if cause := context.Cause(bounded); cause != nil {
			return cause
		}
		return bare(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, maxAnswer)) // the status says it all
	switch {
	case response.StatusCode >= 200 && response.StatusCode < 300:
		return nil
	case response.StatusCode == http.StatusGone:
		return ErrGone
	}
	failed := &StatusError{Status: response.Status, Text: printable(text)}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		failed.hold = min(time.Duration(min(seconds, 3600))*time.Second, maxHold)
	}
	return failed
}

// bare returns an error without the URL, which may have secrets in it.
func bare(err error) error {
	var with *url.Error
	if errors.As(err, &with) {
		return with.Err
	}
	return err
}

func printable(text []byte) string {
	return strings.TrimSpace(strings.ToValidUTF8(string(text[:min(len(text), maxText)]), ""))
}
