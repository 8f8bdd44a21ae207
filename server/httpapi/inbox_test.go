package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/jetstream/order"
	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// intake is an inbox that counts lines.
type intake struct{ err error }

func (i intake) Outcome(name string) inbox.Outcome { return inbox.Outcome{Applied: uint64(len(name))} }

func (i intake) Put(_ context.Context, _ string, lines io.Reader) (inbox.Receipt, error) {
	all, err := io.ReadAll(lines)
	if err == nil {
		err = i.err
	}
	return inbox.Receipt{
		Stored: bytes.Count(all, []byte("\n")), Refused: 1,
		Errors: []*inbox.LineError{{Line: 3, Err: inbox.ErrSelf}}, Until: [inbox.Partitions]uint64{7},
	}, err
}

func (i intake) Inbox() inbox.Status {
	return inbox.Status{Running: true, Applied: 5, NowParked: 1, Parked: 2, Stats: order.Stats{Gaps: 1, Failed: 1, NoRoom: 2, Leaving: 1}, Positions: [inbox.Partitions]uint64{7}}
}

func (i intake) Gaps(limit int) []order.Suspended {
	return []order.Suspended{
		{Document: "demo/a", Cause: order.Gap, Missing: "x", Since: time.Now().Add(-90500 * time.Millisecond)},
		{Document: "demo/b", Cause: order.Failed, Attempts: 3, Err: "no", Since: time.Now()},
	}[:min(limit, 2)]
}

func (i intake) Parked(context.Context, int) ([]inbox.Parked, error) {
	return []inbox.Parked{{Key: record.Key{Space: "demo", ID: "a"}, ID: "e", Reason: inbox.Conflict, Delta: []byte(`{"n":1}`)}}, i.err
}

// post sends a body with some headers.
func post(t *testing.T, url string, body []byte, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestPut stores events, compressed or not, and says what was refused.
func TestPut(t *testing.T) {
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	zip.Write([]byte("a\nb\n")) //nolint:errcheck // the next line finds out
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	const kind, plain = "Content-Type", "application/x-ndjson"
	for _, c := range []struct {
		name   string
		err    error
		body   []byte
		header []string
		status int
		want   string
	}{
		{"plain", nil, []byte("a\nb\n"), []string{kind, plain}, 200, `"stored":2,"refused":1,"errors":[{"line":3,"error":"prev is its own id"}],"until":[7,`},
		{"gzip", nil, zipped.Bytes(), []string{kind, plain, "Content-Encoding", "gzip"}, 200, `"stored":2`},
		{"no gzip", nil, []byte("a"), []string{kind, plain, "Content-Encoding", "gzip"}, 400, "no gzip"},
		{"cut short", nil, zipped.Bytes()[:zipped.Len()-6], []string{kind, plain, "Content-Encoding", "gzip"}, 400, "cannot be read"},
		{"brotli", nil, nil, []string{kind, plain, "Content-Encoding", "br"}, 415, "gzip"},
		{"another origin's", nil, nil, []string{kind, "text/plain"}, 415, plain},
		{"full", inbox.ErrFull, []byte("a\n"), []string{kind, plain}, 507, `"stored":1`},
		{"no name", inbox.ErrName, []byte("a\n"), []string{kind, plain}, 400, "name of an import"},
		{"failed", errors.New("secret"), []byte("a\n"), []string{kind, plain}, 503, "put the rest again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			url := start(t, func(cfg *httpapi.Config) { cfg.Inbox = intake{c.err} })
			status, text := post(t, url+"/v1/inbox", c.body, c.header...)
			if status != c.status || !strings.Contains(text, c.want) || strings.Contains(text, "secret") {
				t.Errorf("%d %s, want %d %s", status, text, c.status, c.want)
			}
		})
	}
}

// TestGaps lists what waits and what is parked.
func TestGaps(t *testing.T) {
	url := start(t, func(cfg *httpapi.Config) { cfg.Inbox = intake{} })
	status, _, text := request(t, "GET", url+"/v1/gaps", nil)
	var g httpapi.Gaps
	if err := json.Unmarshal([]byte(text), &g); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, text, err)
	}
	if !g.Running || g.Applied != 5 || g.Parked != 1 || g.ParkedTotal != 2 || g.Waiting != 1 || g.Failing != 1 || g.Settling != 3 ||
		g.Positions[0] != 7 || len(g.Gaps) != 2 || len(g.Events) != 1 {
		t.Errorf("%s", text)
	}
	if a, b := g.Gaps[0], g.Gaps[1]; a.Doc != "demo/a" || a.Missing != "x" || a.Age != 90 || a.Cause != "gap" || b.Attempts != 3 || b.Error != "no" {
		t.Errorf("%+v", g.Gaps)
	}
	if status, _, text := request(t, "GET", url+"/v1/gaps?limit=0", nil); status != 200 || !strings.Contains(text, `"gaps":[],"events":[]`) {
		t.Errorf("%d %s", status, text)
	}
	if status, _, text := request(t, "GET", url+"/v1/gaps?import=abc", nil); status != 200 || !strings.Contains(text, `"import":{"applied":3,"parked":0}`) {
		t.Errorf("%d %s", status, text)
	}
	for _, bad := range []string{"-1", "x", "10001"} {
		if status, _, _ := request(t, "GET", url+"/v1/gaps?limit="+bad, nil); status != 400 {
			t.Errorf("limit %s: %d", bad, status)
		}
	}
	url = start(t, func(cfg *httpapi.Config) { cfg.Inbox = intake{errors.New("secret")} })
	if status, _, text := request(t, "GET", url+"/v1/gaps", nil); status != 503 || strings.Contains(text, "secret") {
		t.Errorf("%d %s", status, text)
	}
}
