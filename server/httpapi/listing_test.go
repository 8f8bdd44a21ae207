package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/httpapi"
)

func TestWatchList(t *testing.T) {
	url, _ := startShelf(t)
	status, header, body := request(t, "GET", url+"/v1/docs/demo?watch=true", nil)
	want := fmt.Sprintf("{\"event\":\"live\"}\n{\"event\":\"changed\",\"key\":\"demo/%s\",\"revision\":1}\n", strings.Repeat("a", 100))
	if status != 200 || body != want || header.Get("Content-Type") != "application/x-ndjson" || header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %q", status, header, body)
	}
}

// TestL9_ListingOfAReaderThatDoesNotRead: the connection of who asks for a live listing
// and leaves it unread is closed.
func TestL9_ListingOfAReaderThatDoesNotRead(t *testing.T) {
	url, s := startShelf(t, func(cfg *httpapi.Config) { cfg.StallWithin = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /v1/docs/endless?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(20 * time.Second):
		t.Error("the listing goes on")
	}
}

// TestL9_ListingsAreCounted: 64 live listings may be read at once; another one is
// refused, until a reader has gone.
func TestL9_ListingsAreCounted(t *testing.T) {
	s := &shelf{ended: make(chan struct{}, 100)}
	answers := handler(func(cfg *httpapi.Config) { cfg.Store = s })
	over := make(chan struct{}, 100) // has a token for each request that is over
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers.ServeHTTP(w, r)
		over <- struct{}{}
	}))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	watch := func(ctx context.Context) int {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, "GET", url+"/v1/docs/silent?watch=true", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { response.Body.Close() })
		return response.StatusCode
	}
	one, leave := context.WithCancel(t.Context())
	for i := range 64 {
		ctx := t.Context()
		if i == 0 {
			ctx = one
		}
		if status := watch(ctx); status != 200 {
			t.Fatalf("listing %d: status %d", i, status)
		}
	}
	if status := watch(t.Context()); status != 503 {
		t.Errorf("one more: status %d", status)
	}
	<-over
	leave()
	<-over
	if status := watch(t.Context()); status != 200 {
		t.Errorf("after one has gone: status %d", status)
	}
}
