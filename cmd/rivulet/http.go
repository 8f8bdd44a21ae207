package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// past returns a document as it was at a revision or, if that is 0, at a time.
func (t target) past(ctx context.Context, rev uint64, at time.Time) ([]byte, error) {
	key, err := record.ParseKey(t.Key)
	if err != nil {
		return nil, err
	}
	query := url.Values{"rev": {strconv.FormatUint(rev, 10)}}
	if rev == 0 {
		query = url.Values{"at": {at.Format(time.RFC3339Nano)}}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, t.Timeout, errNoAnswer)
	defer cancel()
	body, err := t.get(ctx, query, "docs", key.Space, key.ID)
	var answer *httpError
	if errors.As(err, &answer) && answer.head > 0 {
		return nil, err // it says where the document is
	}
	if errors.As(err, &answer) && answer.status == http.StatusNotFound {
		return nil, fmt.Errorf("document %s did not exist then; rivulet log %s lists its revisions", key, key)
	}
	if errors.As(err, &answer) && answer.status == http.StatusGone {
		return nil, fmt.Errorf("the log has forgotten what document %s was then; rivulet log %s lists what it has", key, key)
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

// httpError is an answer other than success.
type httpError struct {
	status int
	text   string
	head   uint64 // the last revision of a document that has not reached the one asked for, else 0
}

func (e *httpError) Error() string { return e.text }

// get asks the server for what is at a path under /v1.
func (r remote) get(ctx context.Context, query url.Values, path ...string) (io.ReadCloser, error) {
	return r.request(ctx, http.MethodGet, nil, query, path...)
}

func (r remote) request(ctx context.Context, method string, body io.Reader, query url.Values, path ...string) (io.ReadCloser, error) {
	response, err := r.send(ctx, method, body, query, path...)
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

// foreignError says that what answers is no Rivulet server, or one of another version.
type foreignError struct{ url, detail string }

func (e *foreignError) Error() string {
	return "what answers at " + e.url + " is no Rivulet server of this version: " + e.detail
}

// send returns an answer of success.
func (r remote) send(ctx context.Context, method string, body io.Reader, query url.Values, path ...string) (*http.Response, error) {
	at, err := url.Parse(r.Server)
	if err != nil {
		return nil, err
	}
	at = at.JoinPath("v1")
	for _, p := range path {
		at = at.JoinPath(url.PathEscape(p))
	}
	at.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, method, at.String(), body)
	if err != nil {
		return nil, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-ndjson")
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, &client.ConnectError{URL: r.Server, Detail: err.Error()}
	}
	if response.StatusCode == http.StatusOK || response.StatusCode == http.StatusNoContent {
		return response, nil
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // what there is of it
	failed := &httpError{status: response.StatusCode, text: strings.TrimSpace(string(text))}
	if response.Header.Get("Content-Type") == "application/problem+json" {
		var problem struct {
			Detail string
			Head   uint64
		}
		if err := json.Unmarshal(text, &problem); err != nil {
			return nil, fmt.Errorf("%s: %w", r.Server, err)
		}
		failed.text, failed.head = problem.Detail, problem.Head
	}
	return nil, failed
}
