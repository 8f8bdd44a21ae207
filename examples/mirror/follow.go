package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// batch is how many events a transaction has at most.
	batch = 256
	// silence is how long the server, which has something to say every 15 s, may be silent.
	silence = 45 * time.Second
)

// errEnd is the end of a feed that is read once.
var errEnd = errors.New("the end of what is committed")

// follow mirrors what comes on one connection, from the cursor of the mirror on. It returns nil
// when a feed that is read once has ended.
func follow(ctx context.Context, server string, m *mirror, once bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query := url.Values{"space": {m.space}, "cursor": {m.cursor}}
	if once {
		query.Set("once", "true")
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(server, "/")+"/v1/feed?"+query.Encode(), nil)
	if err != nil {
		return &badError{err}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // what there is of it
		err := fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(string(text)))
		if response.StatusCode < 500 {
			return &badError{err}
		}
		return err
	}
	silent := time.AfterFunc(silence, cancel)
	defer silent.Stop()
	// One goroutine reads, and what has come meanwhile is one transaction.
	events, ended := make(chan event, batch), make(chan error, 1)
	var reader sync.WaitGroup
	reader.Go(func() {
		ended <- read(ctx, response.Body, func() { silent.Reset(silence) }, events)
		close(events)
	})
	defer reader.Wait()
	defer cancel()
	for first := range events {
		list := []event{first}
		for more := true; more && len(list) < batch; {
			select {
			case e, is := <-events:
				if more = is; is {
					list = append(list, e)
				}
			default:
				more = false
			}
		}
		if err := m.apply(ctx, list); err != nil {
			return err
		}
	}
	if err := <-ended; !errors.Is(err, errEnd) {
		return err
	}
	return nil
}

// read reads server-sent events until they end.
func read(ctx context.Context, body io.Reader, alive func(), events chan<- event) error {
	lines := bufio.NewReader(body)
	var e event
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		alive()
		if line == ": end\n" {
			return errEnd
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &e.data); err != nil {
				return &badError{err}
			}
		case "":
			if e.id != "" {
				select {
				case events <- e:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
			e = event{}
		}
	}
}
