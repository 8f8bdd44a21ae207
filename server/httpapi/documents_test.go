package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/server/httpapi"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// shelf is documents of which each answers in a way of its own; the real ones are
// behind the tests of cmd/rivulet and server.
type shelf struct {
	patched []string
	ended   chan struct{} // a token for each endless listing that has ended
}

var at = record.Position{Epoch: 0xe, Revision: 17, Chain: 0xc}

func (s *shelf) Get(_ context.Context, key record.Key) ([]byte, record.Position, error) {
	switch key.ID {
	case "none":
		return nil, record.Position{}, httpapi.ErrNoRevision
	case "broken":
		return nil, at, errors.New("secret")
	}
	return []byte(`{"key":"` + key.String() + `"}`), at, nil
}

func (s *shelf) At(_ context.Context, key record.Key, rev record.Revision) ([]byte, record.Position, error) {
	switch at := at; {
	case rev < 5:
		return nil, at, fmt.Errorf("%w: secret", httpapi.ErrForgotten)
	case rev < 10:
		return nil, at, httpapi.ErrNoRevision
	default:
		at.Revision = (min(at.Revision, rev) - 1) | 1 // the document has the odd ones
		return fmt.Appendf(nil, `{"rev":%d}`, rev), at, nil
	}
}

func (s *shelf) AtTime(_ context.Context, key record.Key, t time.Time) ([]byte, record.Position, error) {
	return fmt.Appendf(nil, `{"at":%d}`, t.Unix()), at, nil
}

func (s *shelf) Patch(_ context.Context, key record.Key, patch delta.Delta) (record.Revision, error) {
	if key.ID == "full" {
		return 0, fmt.Errorf("%w: secret", httpapi.ErrTooLarge)
	}
	s.patched = append(s.patched, key.String()+" "+string(patch.Bytes()))
	return 18, nil
}

func (s *shelf) List(_ context.Context, space string) iter.Seq2[httpapi.Listed, error] {
	return func(yield func(httpapi.Listed, error) bool) {
		if space == "broken" {
			yield(httpapi.Listed{}, errors.New("secret"))
			return
		}
		if yield(httpapi.Listed{Key: record.Key{Space: space, ID: "a"}, Revision: 1, Records: 2, Modified: time.Unix(0, 0).UTC()}, nil) && space == "cut" {
			yield(httpapi.Listed{}, errors.New("secret"))
		}
	}
}

func (s *shelf) WatchList(ctx context.Context, space string) iter.Seq2[httpapi.ListChange, error] {
	return func(yield func(httpapi.ListChange, error) bool) {
		change := httpapi.ListChange{Event: httpapi.EventChanged, Key: record.Key{Space: space, ID: strings.Repeat("a", 100)}, Revision: 1}
		switch space {
		case "broken":
			yield(httpapi.ListChange{}, errors.New("secret"))
		case "endless":
			for yield(change, nil) {
			}
			s.ended <- struct{}{}
		case "silent":
			yield(httpapi.ListChange{Event: httpapi.EventLive}, nil)
			<-ctx.Done()
			yield(httpapi.ListChange{}, ctx.Err())
		default:
			if yield(httpapi.ListChange{Event: httpapi.EventLive}, nil) && yield(change, nil) {
				yield(httpapi.ListChange{}, errors.New("secret"))
			}
		}
	}
}

func (s *shelf) Delete(_ context.Context, key record.Key, erase bool) (record.Revision, error) {
	if key.ID == "broken" {
		return 0, errors.New("secret")
	}
	s.patched = append(s.patched, fmt.Sprint(key, " deleted ", erase))
	return 19, nil
}

func (s *shelf) Compact(context.Context) ([]httpapi.Compacted, error) {
	return []httpapi.Compacted{{Stream: "RV_00", Documents: 1, Messages: 2, Bytes: 3}}, nil
}

func (s *shelf) Export(_ context.Context, space string, w io.Writer) error {
	fmt.Fprintf(w, "archive of %s\n", space)
	if space == "cut" {
		return errors.New("secret")
	}
	return nil
}

func (s *shelf) Import(_ context.Context, r io.Reader, progress func(record.Key, int, int)) error {
	progress(record.Key{Space: "demo", ID: "a"}, 3, 2)
	if body, err := io.ReadAll(r); err != nil || string(body) != "whole" {
		return fmt.Errorf("it is %q", body)
	}
	return nil
}

func startShelf(t *testing.T, change ...func(*httpapi.Config)) (string, *shelf) {
	s := &shelf{ended: make(chan struct{}, 100)}
	return start(t, append(change, func(cfg *httpapi.Config) { cfg.Store = s })...), s
}

func TestGetDocument(t *testing.T) {
	url, _ := startShelf(t)
	for path, want := range map[string]struct {
		status int
		body   string
	}{
		"/v1/docs/demo/board":                         {200, `{"key":"demo/board"}`},
		"/v1/docs/demo/board?rev=17":                  {200, `{"rev":17}`},
		"/v1/docs/demo/board?at=1970-01-01T00:00:05Z": {200, `{"at":5}`},
		"/v1/docs/demo/board?rev=9":                   {404, "demo/board: the document was not there then\n"},
		"/v1/docs/demo/board?rev=4":                   {410, "demo/board: the log does not go back so far\n"},
		"/v1/docs/demo/none":                          {404, "demo/none: the document was not there then\n"},
		"/v1/docs/demo/board?rev=first":               {400, "rev is a revision, such as 17\n"},
		"/v1/docs/demo/board?at=yesterday":            {400, "at is a time as in RFC 3339, such as 2026-11-21T10:00:00Z\n"},
		"/v1/docs/demo/broken":                        {503, "demo/broken: not available now\n"},
		"/v1/docs/demo/" + strings.Repeat("x", 5000):  {400, ""},
		"/v1/docs/demo":                               {200, `{"key":"demo/a","revision":1,"records":2,"modified":"1970-01-01T00:00:00Z"}` + "\n"},
		"/v1/docs/demo?watch=maybe":                   {400, "watch is true or false\n"},
		"/v1/docs/broken?watch=true":                  {503, "broken: not available now\n"},
		"/v1/docs/broken":                             {503, "broken: not available now\n"},
		"/v1/docs/" + strings.Repeat("x", 5000):       {400, ""},
	} {
		status, header, body := request(t, "GET", url+path, nil)
		if status != want.status || want.body != "" && body != want.body {
			t.Errorf("%s: %d %q", path, status, body)
		}
		if status == 200 && strings.Count(path, "/") == 4 && (header.Get("Rivulet-Revision") != "17" || header.Get("ETag") == "") {
			t.Errorf("%s: %v", path, header)
		}
	}
	_, header, _ := request(t, "GET", url+"/v1/docs/demo/board", nil)
	if status, _, body := request(t, "GET", url+"/v1/docs/demo/board", map[string]string{"If-None-Match": header.Get("ETag")}); status != 304 || body != "" {
		t.Errorf("unchanged: %d %q", status, body)
	}
}

// TestGetAheadOfTheHead: a revision that the document has not reached is not there, and the
// answer says, for programs too, which one is the last. One between two records is what the
// document was then, also of a document that was deleted later.
func TestGetAheadOfTheHead(t *testing.T) {
	url, _ := startShelf(t)
	status, header, body := request(t, "GET", url+"/v1/docs/demo/board?rev=18", nil)
	want := `{"type":"about:blank","title":"Not Found","status":404,"detail":"document demo/board is at revision 17, it has no 18 yet","head":17}` + "\n"
	if status != 404 || body != want || header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%d %q %v", status, body, header)
	}
	for _, path := range []string{"/v1/docs/demo/board?rev=16", "/v1/docs/demo/none?rev=16"} {
		if status, header, body := request(t, "GET", url+path, nil); status != 200 || body != `{"rev":16}` || header.Get("Rivulet-Revision") != "15" {
			t.Errorf("%s: %d %q %v", path, status, body, header)
		}
	}
	if status, _, body := request(t, "GET", url+"/v1/docs/demo/broken?rev=16", nil); status != 503 || strings.Contains(body, "secret") {
		t.Errorf("where the head is not known: %d %q", status, body)
	}
}

// TestPatchTooLarge: what is too large is refused with what to do instead.
func TestPatchTooLarge(t *testing.T) {
	url, _ := startShelf(t)
	for _, c := range []struct{ path, body, want string }{
		{"/v1/docs/demo/board", `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, "a patch has at most 921600 bytes: send it in parts"},
		{"/v1/docs/demo/full", `{"a":1}`, "demo/full: the document would be too large: make several documents of it"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/merge-patch+json")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != 413 || !strings.HasPrefix(string(body), c.want) {
			t.Errorf("%s: %d %q %v", c.path, response.StatusCode, body, err)
		}
	}
}

// TestListingCut: a listing that fails half-way does not look whole.
func TestListingCut(t *testing.T) {
	url, _ := startShelf(t)
	response, err := http.Get(url + "/v1/docs/cut")
	if err != nil {
		return
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err == nil {
		t.Errorf("read %q to its end", body)
	}
}

func TestPatchDocument(t *testing.T) {
	url, s := startShelf(t)
	const kind = "application/merge-patch+json"
	for _, c := range []struct {
		path, kind, body string
		status           int
	}{
		{"/v1/docs/demo/board", kind, `{"a":1}`, 204},
		{"/v1/docs/demo/b", kind + "; charset=utf-8", `{"a":null}`, 204},
		{"/v1/docs/demo/board", "application/json", `{"a":1}`, 415},
		{"/v1/docs/demo/board", "text/plain", `{"a":1}`, 415},
		{"/v1/docs/demo/board", "", `{"a":1}`, 415},
		{"/v1/docs/demo/board", kind, `{"a":1,"a":2}`, 400},
		{"/v1/docs/demo/board", kind, `[]`, 400},
		{"/v1/docs/demo/full", kind, `{"a":1}`, 413},
		{"/v1/docs/demo/board", kind, `{"a":"` + strings.Repeat("x", 1<<20) + `"}`, 413},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "PATCH", url+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.kind != "" {
			r.Header.Set("Content-Type", c.kind)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.status {
			t.Errorf("%s %s %.20s: %d, want %d", c.path, c.kind, c.body, response.StatusCode, c.status)
		}
		if c.status == 204 && response.Header.Get("Rivulet-Revision") != "18" {
			t.Errorf("%s: %v", c.path, response.Header)
		}
	}
	if got := strings.Join(s.patched, "; "); got != `demo/board {"a":1}; demo/b {"a":null}` {
		t.Errorf("patched %s", got)
	}
}

func TestDeleteDocument(t *testing.T) {
	url, s := startShelf(t)
	for path, want := range map[string]int{
		"/v1/docs/demo/a":             204,
		"/v1/docs/demo/b?erase=true":  204,
		"/v1/docs/demo/c?erase=maybe": 400,
		"/v1/docs/demo/broken":        503,
		"/v1/docs/demo":               405,
	} {
		if status, header, body := request(t, "DELETE", url+path, nil); status != want || status == 204 && header.Get("Rivulet-Revision") != "19" {
			t.Errorf("%s: %d %q", path, status, body)
		}
	}
	slices.Sort(s.patched)
	if got := strings.Join(s.patched, "; "); got != "demo/a deleted false; demo/b deleted true" {
		t.Error(got)
	}
}

func TestCompact(t *testing.T) {
	url, _ := startShelf(t)
	status, _, body := request(t, "POST", url+"/v1/compact", map[string]string{"Content-Type": "application/json"})
	if want := `{"stream":"RV_00","documents":1,"messages":2,"bytes":3}` + "\n"; status != 200 || body != want {
		t.Errorf("%d %q", status, body)
	}
	if status, _, _ := request(t, "POST", url+"/v1/compact", map[string]string{"Content-Type": "text/plain"}); status != 415 {
		t.Errorf("a form of another page: %d", status)
	}
}

func TestArchives(t *testing.T) {
	url, _ := startShelf(t)
	if status, _, body := request(t, "GET", url+"/v1/export/demo", nil); status != 200 || body != "archive of demo\n" {
		t.Errorf("exported %d %q", status, body)
	}
	if status, _, _ := request(t, "GET", url+"/v1/export/"+strings.Repeat("x", 5000), nil); status != 400 {
		t.Errorf("a space that is none: %d", status)
	}
	response, err := http.Get(url + "/v1/export/cut")
	if err == nil {
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("read %q to its end", body)
		}
		response.Body.Close()
	}
	for body, want := range map[string]string{
		"whole": `{"key":"demo/a","records":3,"stored":2}` + "\n" + `{"done":true}` + "\n",
		"half":  `{"key":"demo/a","records":3,"stored":2}` + "\n" + `{"done":true,"error":"it is \"half\""}` + "\n",
	} {
		response, err := http.Post(url+"/v1/import", "application/x-ndjson", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(got) != want {
			t.Errorf("imported %q: %q %v", body, got, err)
		}
	}
	response, err = http.Post(url+"/v1/import", "text/plain", strings.NewReader("whole"))
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 415 {
		t.Errorf("a form of another page: %d", response.StatusCode)
	}
}
