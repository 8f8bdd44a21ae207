package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/feed"
	"github.com/rivulet-sync/rivulet/shared/record"
)

type feedCmd struct {
	remote
	Space  string `arg:"" help:"The space, the part of a key before the slash." placeholder:"SPACE"`
	Cursor string `help:"Begin after this cursor, which a line had; without it from the beginning." placeholder:"CURSOR"`
	Once   bool   `help:"End when what is committed by now was printed."`
}

func (*feedCmd) Help() string {
	return `Prints a line of JSON for every revision of every document of a space, each document's in order, and goes on with
what is committed, until interrupted.

  rivulet feed demo
  rivulet feed demo --cursor 8f1c22d0a3b4-1042 | jq -r '[.event, .doc, .revision] | @tsv'

Each line has a cursor: who keeps the last one goes on where it was. An event is a change with its mutations, a delete,
or a reset: the whole document, where the log has forgotten what led to it (see rivulet serve --keep). It goes
on when the server is restarted. Programs read the same as server-sent events from /v1/feed?space=demo.`
}

// feedLine is a line of the output.
type feedLine struct {
	Event  string `json:"event"`
	Cursor string `json:"cursor"`
	feedData
}

// feedData is the data of an event, as it is.
type feedData map[string]json.RawMessage

func (l *feedLine) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"event":%q,"cursor":%q`, l.Event, l.Cursor)
	for _, name := range []string{"doc", "revision", "prev", "time", "mutations", "document"} {
		if value, is := l.feedData[name]; is {
			fmt.Fprintf(&out, `,%q:%s`, name, value)
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

func (cmd *feedCmd) Run(ctx context.Context, std *streams) error {
	if _, err := record.ParseKey(cmd.Space + "/x"); err != nil {
		return fmt.Errorf("%q is not a space, the part of a key before the slash", cmd.Space)
	}
	if _, err := feed.ParseCursor(cmd.Cursor); err != nil {
		return err
	}
	f := &feedFollow{cmd: cmd, std: std, cursor: cmd.Cursor}
	for pause := firstAgain; ; {
		err := f.follow(ctx)
		var answer *httpError
		var failed *writeError
		var foreign *foreignError
		switch {
		case errors.Is(err, errCaughtUp):
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &failed), errors.As(err, &foreign), !f.connected && !f.once, errors.As(err, &answer) && answer.status < 500:
			return err
		}
		if f.connected {
			fmt.Fprintf(std.err, "lost the server at %s; trying again\n", cmd.Server)
			f.connected, pause = false, firstAgain
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, lastAgain)
		}
	}
}

// errCaughtUp ends a feed that is to end there.
var errCaughtUp = errors.New("all that there was is printed")

// feedFollow prints the feed across connections.
type feedFollow struct {
	cmd       *feedCmd
	std       *streams
	cursor    string
	connected bool // now
	once      bool // ever
}

// follow prints what comes on one connection.
func (f *feedFollow) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	query := url.Values{"space": {f.cmd.Space}, "cursor": {f.cursor}}
	if f.cmd.Once {
		query.Set("once", "true")
	}
	answer, err := f.cmd.send(ctx, http.MethodGet, nil, query, "feed")
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if kind := answer.Header.Get("Content-Type"); kind != "text/event-stream" {
		return &foreignError{f.cmd.Server, fmt.Sprintf("it sends %.80q, and no events", kind)}
	}
	f.connected, f.once = true, true
	silent := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer silent.Stop()
	lines := bufio.NewReader(answer.Body)
	var event feedLine
	var data string
	for {
		text, err := lines.ReadString('\n')
		if err != nil {
			return err
		}
		silent.Reset(silence)
		if text == ": end\n" {
			return errCaughtUp
		}
		name, value, _ := strings.Cut(strings.TrimSuffix(text, "\n"), ": ")
		switch name {
		case "id":
			event.Cursor = value
		case "event":
			event.Event = value
		case "data":
			data = value
		case "":
			if err := f.print(&event, data); err != nil {
				return err
			}
			event, data = feedLine{}, ""
		}
	}
}

func (f *feedFollow) print(event *feedLine, data string) error {
	if event.Cursor != "" {
		f.cursor = event.Cursor
	}
	if data == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(data), &event.feedData); err != nil {
		return &foreignError{f.cmd.Server, "an event that it sends cannot be read: " + err.Error()}
	}
	line, err := event.MarshalJSON()
	if err != nil {
		return err
	}
	if _, err := f.std.out.Write(append(line, '\n')); err != nil {
		return &writeError{err}
	}
	return nil
}
