package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

type lsCmd struct {
	remote
	Space string `arg:"" help:"The space, the part of a key before the slash." placeholder:"SPACE"`
	JSON  bool   `help:"Print a line of JSON for each document."`
	Watch bool   `help:"Go on with a line for each document that is created, changed or deleted, until interrupted."`
}

func (*lsCmd) Help() string {
	return `Lists the documents of a space: revision, number of records in the log, time of the last one, and key.

  rivulet ls demo
  rivulet ls demo --json | jq -r .key
  rivulet ls demo --watch

With --watch a document that changes often has a line a few times a second at most. It goes on when the server is
restarted, with what has changed meanwhile. With --json each line has an event then: listed, created, changed
or deleted.`
}

func (cmd *lsCmd) Run(ctx context.Context, std *streams) error {
	if _, err := record.ParseKey(cmd.Space + "/x"); err != nil {
		return fmt.Errorf("%q is not a space, the part of a key before the slash", cmd.Space)
	}
	if cmd.Watch {
		return cmd.watch(ctx, std)
	}
	body, err := cmd.get(ctx, nil, "docs", cmd.Space)
	if err != nil {
		return err
	}
	defer body.Close()
	if cmd.JSON {
		_, err := io.Copy(std.out, body)
		return err
	}
	var list []listLine
	for lines := json.NewDecoder(body); ; {
		var d listLine
		if err := lines.Decode(&d); errors.Is(err, io.EOF) {
			return printList(std.out, list)
		} else if err != nil {
			return fmt.Errorf("%s: %w", cmd.Server, err)
		}
		list = append(list, d)
	}
}

// listLine is a document of a listing, or a line of a live one.
type listLine struct {
	Event    string    `json:"event"`
	Key      string    `json:"key"`
	Revision uint64    `json:"revision,omitzero"`
	Records  uint64    `json:"records,omitzero"`
	Modified time.Time `json:"modified,omitzero"`
	Damaged  bool      `json:"damaged,omitzero"`
}

func (l *listLine) time() string {
	if l.Damaged {
		return "damaged"
	}
	return l.Modified.Local().Format(time.DateTime)
}

func printList(out io.Writer, list []listLine) error {
	if len(list) == 0 {
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "revision\trecords\tmodified\t key")
	for _, d := range list {
		fmt.Fprintf(table, "%d\t%d\t%s\t %s\n", d.Revision, d.Records, d.time(), d.Key)
	}
	return table.Flush()
}

// Events of a live listing.
const (
	eventListed  = "listed"
	eventLive    = "live"
	eventCreated = "created"
	eventChanged = "changed"
	eventDeleted = "deleted"
)

const (
	// silence is how long a server that has something to say at least every 15 s may be
	// silent before it is taken to be gone.
	silence = 45 * time.Second
	// A server that is gone is asked again after a pause that doubles from the first to
	// the last of these.
	firstAgain = 100 * time.Millisecond
	lastAgain  = 2 * time.Second
)

// errSilent ends a connection on which nothing comes.
var errSilent = errors.New("the server says nothing any more")

// watch prints the listing, and then what changes, across connections.
func (cmd *lsCmd) watch(ctx context.Context, std *streams) error {
	w := listWatch{cmd: cmd, std: std}
	pause := firstAgain
	for {
		err := w.follow(ctx)
		var answer *httpError
		var failed *writeError
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &failed), w.known == nil, errors.As(err, &answer) && answer.status < 500:
			return err
		}
		if w.live {
			fmt.Fprintf(std.err, "lost the server at %s; trying again\n", cmd.Server)
			w.live, pause = false, firstAgain
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
			pause = min(2*pause, lastAgain)
		}
	}
}

// listWatch is what was printed so far.
type listWatch struct {
	cmd   *lsCmd
	std   *streams
	known map[string]listLine // nil before the first listing
	live  bool                // the listing of the present connection is complete
}

// writeError says that what should be printed cannot be.
type writeError struct{ err error }

func (e *writeError) Error() string { return e.err.Error() }

// follow makes a connection and prints what it says until it ends.
func (w *listWatch) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	quiet := time.AfterFunc(w.cmd.Timeout, func() { cancel(errNoAnswer) })
	defer func() { quiet.Stop() }()
	body, err := w.cmd.get(ctx, url.Values{"watch": {"true"}}, "docs", w.cmd.Space)
	if err != nil {
		return err
	}
	defer body.Close()
	quiet.Stop()
	quiet = time.AfterFunc(silence, func() { cancel(errSilent) })
	var list []listLine
	for lines := json.NewDecoder(body); ; {
		var l listLine
		if err := lines.Decode(&l); err != nil {
			if cause := context.Cause(ctx); cause != nil {
				return cause
			}
			return &client.ConnectError{URL: w.cmd.Server, Detail: "the listing ended: " + err.Error()}
		}
		quiet.Reset(silence)
		switch l.Event {
		case eventListed:
			list = append(list, l)
		case eventLive:
			err = w.begin(list)
			list = nil
		case eventCreated, eventChanged, eventDeleted:
			err = w.happened(l)
		}
		if err != nil {
			return &writeError{err}
		}
	}
}

// begin is told all documents that are there. The first time it prints them, later
// on what that changes.
func (w *listWatch) begin(list []listLine) error {
	first := w.known == nil
	before := w.known
	w.known, w.live = make(map[string]listLine, len(list)), true
	for _, l := range list {
		w.known[l.Key] = l
	}
	if first {
		fmt.Fprintf(w.std.err, "watching %s; stop with Ctrl-C\n", w.cmd.Space)
		if !w.cmd.JSON {
			return printList(w.std.out, list)
		}
		for _, l := range list {
			if err := w.print(l); err != nil {
				return err
			}
		}
		return nil
	}
	fmt.Fprintf(w.std.err, "watching %s again\n", w.cmd.Space)
	var news []listLine
	for _, l := range list {
		was, there := before[l.Key]
		switch l.Records = 0; {
		case !there:
			l.Event = eventCreated
		case was.Revision != l.Revision:
			l.Event = eventChanged
		default:
			continue
		}
		news = append(news, l)
	}
	for key := range before {
		if _, there := w.known[key]; !there {
			news = append(news, listLine{Event: eventDeleted, Key: key})
		}
	}
	slices.SortFunc(news, func(a, b listLine) int { return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Key, b.Key)) })
	for _, l := range news {
		if err := w.print(l); err != nil {
			return err
		}
	}
	return nil
}

// happened is told what became of a document.
func (w *listWatch) happened(l listLine) error {
	if l.Event == eventDeleted {
		delete(w.known, l.Key)
	} else {
		w.known[l.Key] = l
	}
	return w.print(l)
}

func (w *listWatch) print(l listLine) error {
	if w.cmd.JSON {
		return json.NewEncoder(w.std.out).Encode(l)
	}
	if l.Revision == 0 {
		_, err := fmt.Fprintf(w.std.out, "%s  %s\n", l.Event, l.Key)
		return err
	}
	_, err := fmt.Fprintf(w.std.out, "%s  %s  revision %d  %s\n", l.Event, l.Key, l.Revision, l.time())
	return err
}
