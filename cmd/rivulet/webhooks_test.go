package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

func TestWebhooksFile(t *testing.T) {
	file := write(t, "hooks.json", []byte(`[{"name": "a", "url": "http://h", "secret": "env:RIVULET_TEST_HOOK"}]`))
	if _, err := (webhookFlag{file}).read(); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "RIVULET_TEST_HOOK") {
		t.Errorf("without the variable: %v", err)
	}
	t.Setenv("RIVULET_TEST_HOOK", hookSecret)
	if list, err := (webhookFlag{file}).read(); err != nil || len(list) != 1 || list[0].Secret != hookSecret {
		t.Errorf("read %d webhooks, %v", len(list), err)
	}
	if list, err := (webhookFlag{}).read(); err != nil || list != nil {
		t.Errorf("without a file: %v, %v", list, err)
	}
	if _, err := (webhookFlag{file + "x"}).read(); !os.IsNotExist(err) {
		t.Errorf("of a file that is not there: %v", err)
	}
}

func TestWebhooksCommand(t *testing.T) {
	var refuse atomic.Bool
	refuse.Store(true)
	seen := make(chan string, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse.Load() {
			http.Error(w, "no", http.StatusTeapot)
		}
		seen <- r.Header.Get("webhook-id")
	}))
	defer receiver.Close()
	srv, err := server.Start(t.Context(), server.Config{
		Addr: "127.0.0.1:0", Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute},
		Webhooks: []server.Webhook{{Name: "billing", URL: receiver.URL, Secret: hookSecret, Attempts: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	if _, err := srv.Doc(record.Key{Space: "s", ID: "d"}).Patch(t.Context(), []byte(`{"n":1}`)); err != nil {
		t.Fatal(err)
	}
	s := shell{t: t, url: srv.URL()}
	id := <-seen
	// It is a dead letter when the next one is sent.
	refuse.Store(false)
	if _, err := srv.Doc(record.Key{Space: "s", ID: "d"}).Patch(t.Context(), []byte(`{"n":2}`)); err != nil {
		t.Fatal(err)
	}
	<-seen
	refuse.Store(true)
	refused := func(args ...string) {
		t.Helper()
		code, out, _ := s.do("", args...)
		if code != exitFailed || !strings.Contains(out, "0 delivered") || !strings.Contains(out, "418") {
			t.Errorf("%v: status %d, printed %q", args, code, out)
		}
	}
	refused("webhooks", "dead", "billing", "--retry")
	code, out, errs := s.do("", "webhooks", "dead", "--json")
	if code != exitOK || errs != "" || !strings.Contains(out, id) || !strings.Contains(out, `"body":{"subscription":"billing"`) {
		t.Errorf("status %d, printed %q and %q", code, out, errs)
	}
	code, out, _ = s.do("", "webhooks", "dead")
	if code != exitOK || !strings.Contains(out, "billing") || !strings.Contains(out, "s/d") || !strings.Contains(out, "418 I'm a teapot") {
		t.Errorf("status %d, printed %q", code, out)
	}
	refuse.Store(false)
	code, out, errs = s.do("", "webhooks", "dead", "--retry")
	if code != exitOK || errs != "" || out != "billing: 1 delivered, 0 left\n" {
		t.Errorf("status %d, printed %q and %q", code, out, errs)
	}
	s.want("0 dropped\n", "webhooks", "dead", "billing", "--drop")
	code, out, errs = s.do("", "webhooks")
	if code != exitOK || errs != "" || !strings.HasPrefix(out, "webhook  state") || !strings.Contains(out, "billing") || strings.Contains(out, "MfKQ9") {
		t.Errorf("status %d, printed %q and %q", code, out, errs)
	}
	s.refused(exitFailed, "there is no webhook of that name", "webhooks", "dead", "other")
	s.refused(exitFailed, "name the webhook", "webhooks", "dead", "--drop")
	without := newShell(t)
	without.refused(exitFailed, "rivulet serve --webhooks", "webhooks")
	without.refused(exitFailed, "rivulet serve --webhooks", "webhooks", "dead", "--retry")
}
