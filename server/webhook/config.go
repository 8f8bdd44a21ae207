package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Defaults and bounds of a [Config].
const (
	DefaultTimeout  = 10 * time.Second
	MaxTimeout      = time.Minute
	DefaultAttempts = 12
	// DefaultRetryAfter and DefaultRetryAtMost: with them an event is given up after pauses
	// of 23 minutes and 30 seconds in all.
	DefaultRetryAfter  = 2 * time.Second
	DefaultRetryAtMost = 5 * time.Minute
	MaxAttempts        = 10_000
	MaxRetryAtMost     = 24 * time.Hour
	// MaxWebhooks is how many a server has at most.
	MaxWebhooks = 64
)

// Config is a webhook. Name, URL and Secret are required.
type Config struct {
	// Name is that of its subscription to the feed: 1 to 64 letters, digits, hyphens and
	// underscores. Under another name everything is sent anew.
	Name string
	// URL takes the POSTs: http or https.
	URL string
	// Secret signs them: whsec_ and the base64 of 24 to 64 bytes. Of several, with spaces in
	// between, each signs, so that a receiver can change from one to the next.
	Secret Secret
	// Space restricts it to the documents of one; empty: all. It cannot be changed later.
	Space string
	// FromNow has a new webhook begin with what is committed from now on.
	FromNow bool
	// Timeout is how long the answer to an attempt may take; 0 stands for DefaultTimeout.
	Timeout time.Duration
	// Attempts is how often an event is sent before it is given up; 0 stands for
	// DefaultAttempts.
	Attempts int
	// RetryAfter is the pause after the first failure, and RetryAtMost the longest one: each is
	// twice the one before. 0 stands for the defaults.
	RetryAfter, RetryAtMost time.Duration
}

// Secret is a text that is printed nowhere.
type Secret string

const hidden = "[secret]"

// String, GoString and MarshalText hide it.
func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// ConfigError says which webhook of a configuration cannot be, and why.
type ConfigError struct {
	Entry  int    // from 1; 0: the whole
	Name   string // of the webhook, cut to a printable length
	Field  string // "" : all of it
	Reason string
}

func (e *ConfigError) Error() string {
	text := "webhooks"
	if e.Entry > 0 {
		text = fmt.Sprintf("webhook %d", e.Entry)
	}
	if e.Name != "" {
		text += fmt.Sprintf(" (%.64q)", e.Name)
	}
	if e.Field != "" {
		text += ": " + e.Field
	}
	return text + ": " + e.Reason
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Check returns webhooks with their defaults. The error is a [*ConfigError].
func Check(list []Config) ([]Config, error) {
	if len(list) > MaxWebhooks {
		return nil, &ConfigError{Reason: fmt.Sprintf("there are %d, and %d is the most", len(list), MaxWebhooks)}
	}
	out := make([]Config, len(list))
	names := map[string]int{}
	for i, c := range list {
		if c.Timeout == 0 {
			c.Timeout = DefaultTimeout
		}
		if c.Attempts == 0 {
			c.Attempts = DefaultAttempts
		}
		if c.RetryAfter == 0 {
			c.RetryAfter = DefaultRetryAfter
		}
		if c.RetryAtMost == 0 {
			c.RetryAtMost = max(DefaultRetryAtMost, c.RetryAfter)
		}
		field, reason := c.wrong()
		if first := names[c.Name]; reason == "" && first > 0 {
			field, reason = "name", fmt.Sprintf("webhook %d has the same", first)
		}
		if reason != "" {
			return nil, &ConfigError{Entry: i + 1, Name: c.Name, Field: field, Reason: reason}
		}
		names[c.Name] = i + 1
		out[i] = c
	}
	return out, nil
}

// wrong returns what is wrong with a webhook that has its defaults, or nothing.
func (c *Config) wrong() (field, reason string) {
	if !validName.MatchString(c.Name) {
		return "name", "it has to be 1 to 64 letters, digits, hyphens and underscores"
	}
	at, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return "url", "it is missing"
	case err != nil: // which has the URL in it
		return "url", "it cannot be read"
	case at.Scheme != "http" && at.Scheme != "https":
		return "url", "it has to begin with https:// or http://"
	case at.Hostname() == "":
		return "url", "it has no host"
	}
	if _, err := keysOf(c.Secret); err != nil {
		return "secret", err.Error()
	}
	if _, err := record.ParseKey(c.Space + "/x"); c.Space != "" && err != nil {
		return "space", err.Error()
	}
	if c.Timeout < 0 || c.Timeout > MaxTimeout {
		return "timeout", fmt.Sprintf("it has to be more than 0 and at most %v", MaxTimeout)
	}
	if c.Attempts < 0 || c.Attempts > MaxAttempts {
		return "attempts", fmt.Sprintf("they have to be 1 to %d", MaxAttempts)
	}
	if c.RetryAfter < 0 || c.RetryAfter > c.RetryAtMost {
		return "retryAfter", "it has to be more than 0 and at most retryAtMost"
	}
	if c.RetryAtMost > MaxRetryAtMost {
		return "retryAtMost", fmt.Sprintf("it has to be at most %v", MaxRetryAtMost)
	}
	return "", ""
}

var errSecret = errors.New("it has to be whsec_ and the base64 of 24 to 64 bytes, as in whsec_$(openssl rand -base64 32)")

// keysOf returns the keys of a secret.
func keysOf(s Secret) ([][]byte, error) {
	var keys [][]byte
	for _, text := range strings.Fields(string(s)) {
		text, is := strings.CutPrefix(text, "whsec_")
		key, err := base64.StdEncoding.DecodeString(text)
		if !is || err != nil || len(key) < 24 || len(key) > 64 {
			return nil, errSecret
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errSecret
	}
	return keys, nil
}

// entry is a webhook in a file.
type entry struct {
	Name        string `json:"name"`
	URL         string `json:"url"`
	Secret      string `json:"secret"`
	Space       string `json:"space"`
	FromNow     bool   `json:"fromNow"`
	Timeout     string `json:"timeout"`
	Attempts    int    `json:"attempts"`
	RetryAfter  string `json:"retryAfter"`
	RetryAtMost string `json:"retryAtMost"`
}

// Parse reads a JSON array of webhooks, and returns them with their defaults:
//
//	[{"name": "billing", "url": "https://example.com/rivulet", "secret": "env:BILLING_SECRET",
//	  "space": "orders", "fromNow": true, "timeout": "10s", "attempts": 12,
//	  "retryAfter": "2s", "retryAtMost": "5m"}]
//
// The first three are required. A secret of env:NAME is what lookup returns for NAME. The
// error is a [*ConfigError].
func Parse(data []byte, lookup func(name string) (string, bool)) ([]Config, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return nil, &ConfigError{Reason: "they have to be a JSON array of objects: " + err.Error()}
	}
	list := make([]Config, len(raw))
	for i := range raw {
		var e entry
		fail := func(field, reason string) ([]Config, error) {
			return nil, &ConfigError{Entry: i + 1, Name: e.Name, Field: field, Reason: reason}
		}
		in := json.NewDecoder(bytes.NewReader(raw[i]))
		in.DisallowUnknownFields()
		if err := in.Decode(&e); err != nil && !errors.Is(err, io.EOF) {
			return fail("", strings.TrimPrefix(err.Error(), "json: "))
		}
		c := Config{Name: e.Name, URL: e.URL, Secret: Secret(e.Secret), Space: e.Space, FromNow: e.FromNow, Attempts: e.Attempts}
		if name, is := strings.CutPrefix(e.Secret, "env:"); is {
			value, set := lookup(name)
			if !set {
				return fail("secret", fmt.Sprintf("the environment has no %s", name))
			}
			c.Secret = Secret(value)
		}
		for _, d := range []struct {
			field, text string
			to          *time.Duration
		}{{"timeout", e.Timeout, &c.Timeout}, {"retryAfter", e.RetryAfter, &c.RetryAfter}, {"retryAtMost", e.RetryAtMost, &c.RetryAtMost}} {
			if d.text == "" {
				continue
			}
			var err error
			if *d.to, err = time.ParseDuration(d.text); err != nil || *d.to <= 0 {
				return fail(d.field, `write it like "10s"`)
			}
		}
		if e.Attempts < 0 {
			return fail("attempts", fmt.Sprintf("they have to be 1 to %d", MaxAttempts))
		}
		list[i] = c
	}
	return Check(list)
}
