package httpapi_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// oneLarge is a feed of one large document.
type oneLarge struct{ size int }

func (f oneLarge) Follow(ctx context.Context, _ feed.FollowOptions, fn func(feed.Event) error) error {
	document := []byte(`{"n":"` + strings.Repeat("n", f.size) + `"}`)
	return fn(feed.Event{Kind: feed.Reset, Key: record.Key{Space: "s", ID: "d"}, Revision: 1, Cursor: feed.Cursor{Epoch: 1, Sequence: 1}, Document: document})
}

// A reader that takes long for a large document, but reads all the time, gets it.
func TestFeedToASlowReader(t *testing.T) {
	const size = 24 << 20
	srv := httptest.NewServer(httpapi.New(httpapi.Config{Feeds: oneLarge{size}, Web: http.NotFoundHandler(), Logger: slog.New(slog.DiscardHandler), StallWithin: 300 * time.Millisecond}))
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /v1/feed?space=s HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	got := 0
	for buffer := make([]byte, 512<<10); ; time.Sleep(20 * time.Millisecond) { // the link is slow
		n, err := io.ReadFull(conn, buffer)
		got += n
		if err != nil {
			break
		}
	}
	if got < size {
		t.Errorf("it got %d bytes of a document of %d", got, size)
	}
}
