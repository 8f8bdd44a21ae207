package webhook_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/webhook"
)

// secret is one that nothing may print.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func TestParse(t *testing.T) {
	lookup := func(name string) (string, bool) { return secret, name == "HOOK" }
	got, err := webhook.Parse([]byte(`[
		{"name": "a", "url": "https://example.com/x?token=1", "secret": "env:HOOK", "space": "orders", "fromNow": true, "timeout": "3s",
		 "attempts": 5, "retryAfter": "1s", "retryAtMost": "1h"},
		{"name": "b", "url": "http://10.0.0.1:99", "secret": "`+secret+` `+secret+`"}]`), lookup)
	if err != nil {
		t.Fatal(err)
	}
	want := []webhook.Config{
		{Name: "a", URL: "https://example.com/x?token=1", Secret: secret, Space: "orders", FromNow: true, Timeout: 3 * time.Second, Attempts: 5, RetryAfter: time.Second, RetryAtMost: time.Hour},
		{Name: "b", URL: "http://10.0.0.1:99", Secret: secret + " " + secret, Timeout: 10 * time.Second, Attempts: 12, RetryAfter: 2 * time.Second, RetryAtMost: 5 * time.Minute},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// What cannot be is an error that names the entry and the field, and has no secret in it.
func TestL11_BadConfig(t *testing.T) {
	one := func(name, url, secret, more string) string {
		return fmt.Sprintf(`[{"name": "ok", "url": "http://h", "secret": %q}, {"name": %q, "url": %q, "secret": %q%s}]`, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=", name, url, secret, more)
	}
	for _, c := range []struct {
		config, field string
		entry         int
	}{
		{`{}`, "", 0},
		{`[`, "", 0},
		{"[" + strings.Repeat(`{"name":"a"},`, 64) + `{"name":"a"}]`, "", 0},
		{`[3]`, "", 1},
		{one("x", "http://h", secret, `, "retries": 3`), "", 2},
		{one("", "http://h", secret, ""), "name", 2},
		{one("a.b", "http://h", secret, ""), "name", 2},
		{one("ok", "http://h", secret, ""), "name", 2},
		{one("x", "", secret, ""), "url", 2},
		{one("x", "ftp://h/p", secret, ""), "url", 2},
		{one("x", "http://", secret, ""), "url", 2},
		{one("x", "http://h:port/?"+secret, secret, ""), "url", 2},
		{one("x", "http://h", "", ""), "secret", 2},
		{one("x", "http://h", "hunter2", ""), "secret", 2},
		{one("x", "http://h", "whsec_aHVudGVyMg==", ""), "secret", 2},
		{one("x", "http://h", strings.TrimPrefix(secret, "whsec_"), ""), "secret", 2},
		{one("x", "http://h", "env:NONE", ""), "secret", 2},
		{one("x", "http://h", secret, `, "space": "a/b"`), "space", 2},
		{one("x", "http://h", secret, `, "timeout": "soon"`), "timeout", 2},
		{one("x", "http://h", secret, `, "timeout": "2m"`), "timeout", 2},
		{one("x", "http://h", secret, `, "attempts": -1`), "attempts", 2},
		{one("x", "http://h", secret, `, "retryAfter": "2m", "retryAtMost": "1m"`), "retryAfter", 2},
		{one("x", "http://h", secret, `, "retryAtMost": "48h"`), "retryAtMost", 2},
	} {
		_, err := webhook.Parse([]byte(c.config), func(string) (string, bool) { return "", false })
		var bad *webhook.ConfigError
		if !errors.As(err, &bad) || bad.Entry != c.entry || bad.Field != c.field {
			t.Errorf("%s: %v, want an error of entry %d, field %q", c.config, err, c.entry, c.field)
			continue
		}
		for _, hidden := range []string{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "hunter2", "aHVudGVyMg"} {
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("an error has the secret: %v", err)
			}
		}
	}
}

// However a configuration is printed, the secret is not.
func TestSecretIsHidden(t *testing.T) {
	c := webhook.Config{Name: "a", URL: "http://h", Secret: secret}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "secret", c.Secret)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "secret", c.Secret)
	data, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(data) + fmt.Sprintf("%v %+v %#v %s %q %x", c, c, c, c.Secret, c.Secret, c.Secret)
	if strings.Contains(all, "MfKQ9r8G") || strings.Contains(all, fmt.Sprintf("%x", "MfKQ9r8G")) {
		t.Errorf("printed: %s", all)
	}
}
