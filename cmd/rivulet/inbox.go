package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/inbox"
	"github.com/rivulet-sync/rivulet/server/httpapi"
)

type inboxCmd struct {
	remote
	NoWait bool `help:"Return when the events are stored, not when they were put in order."`
}

func (*inboxCmd) Help() string {
	return `Reads events, a line of JSON each, and hands them to the inbox of the server, which puts them in order and applies
each once. A line names an event, its document, the event before it, and what it changes (a merge patch):

  {"id":"e2","doc":"demo/board","prev":"e1","delta":{"title":"Plans"}}
  {"id":"e1","doc":"demo/board","prev":"","delta":{"title":"New"}}

They may come in any order, and again. One whose predecessor is missing waits for it; one that overlaps with what
others have written since its predecessor is parked: rivulet gaps lists both.

  rivulet inbox < events.ndjson
  tail -f device.ndjson | rivulet inbox --no-wait`
}

func (cmd *inboxCmd) Run(ctx context.Context, std *streams) error {
	u := unordered{remote: cmd.remote, name: "-", noWait: cmd.NoWait}
	return u.run(ctx, std)
}

// unordered hands a file of events to the inbox.
type unordered struct {
	remote
	name   string
	noWait bool
	id     string // of the import: two may run at a time
}

const (
	// putBytes of events are sent at once; of standard input what is there.
	putBytes = 8 << 20
	// elsewhereAfter is how long the server may take to begin with them.
	elsewhereAfter = 3 * time.Second
	// settledEvery is how often the server is asked whether the events are settled.
	settledEvery = 200 * time.Millisecond
)

func (u *unordered) run(ctx context.Context, std *streams) error {
	in, err := openArchive(u.name, std.in)
	if err != nil {
		return err
	}
	defer in.Close()
	u.id = rand.Text()
	if _, err := u.progress(ctx); err != nil {
		return err // before anything is read
	}
	var total httpapi.Put
	out := progress{out: std.err, terminal: isTerminal(std.err)}
	defer out.clear()
	err = u.parts(in, func(first int, part []byte) error {
		put, err := u.put(ctx, part)
		total.Stored += put.Stored
		total.Refused += put.Refused
		for _, e := range put.Errors {
			out.clear()
			fmt.Fprintf(std.err, "line %d: %s\n", first+e.Line, e.Error)
		}
		for p, until := range put.Until {
			if p == len(total.Until) {
				total.Until = append(total.Until, 0)
			}
			total.Until[p] = max(total.Until[p], until)
		}
		out.say("%s stored", count(total.Stored, "event"))
		return err
	})
	if in.err != nil {
		err = in.err
	}
	if err != nil {
		return fmt.Errorf("%s stored; run the same command again: %w", count(total.Stored, "event is", "events are"), err)
	}
	if u.noWait {
		out.clear()
		fmt.Fprintf(std.out, "%s stored\n", count(total.Stored, "event"))
	} else if err := u.settle(ctx, std, &out, &total); err != nil {
		return err
	}
	if total.Refused > 0 {
		return fmt.Errorf("%s refused", count(total.Refused, "line was", "lines were"))
	}
	return nil
}

// parts passes the file on in whole lines, with the number of those that were before.
func (u *unordered) parts(in io.Reader, fn func(first int, part []byte) error) error {
	lines := bufio.NewReaderSize(in, 1<<20)
	part, first, count := []byte(nil), 0, 0
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if part = append(part, line...); len(line) > 0 {
			count++
		}
		ended := err != nil
		if len(part) > 0 && (ended || len(part) >= putBytes || u.name == "-" && lines.Buffered() == 0) {
			if err := fn(first, part); err != nil {
				return err
			}
			part, first, count = nil, first+count, 0
		}
		if ended {
			return nil
		}
	}
}

// put posts events.
func (u *unordered) put(ctx context.Context, part []byte) (httpapi.Put, error) {
	var answer httpapi.Put
	body, err := u.request(ctx, http.MethodPost, strings.NewReader(string(part)), url.Values{"import": {u.id}}, "inbox")
	var failed *httpError
	if errors.As(err, &failed) && json.Unmarshal([]byte(failed.text), &answer) == nil {
		return answer, errors.New(cmp.Or(answer.Error, failed.text))
	}
	if err != nil {
		return answer, err
	}
	defer body.Close()
	err = json.NewDecoder(body).Decode(&answer)
	return answer, err
}

// gaps asks what the inbox is doing.
func (r remote) gaps(ctx context.Context, query url.Values) (httpapi.Gaps, error) {
	var gaps httpapi.Gaps
	body, err := r.get(ctx, query, "gaps")
	if err != nil {
		return gaps, err
	}
	defer body.Close()
	err = json.NewDecoder(body).Decode(&gaps)
	return gaps, err
}

// progress asks what has become of the events so far.
func (u *unordered) progress(ctx context.Context) (httpapi.Gaps, error) {
	gaps, err := u.gaps(ctx, url.Values{"limit": {"0"}, "import": {u.id}})
	if err == nil && gaps.Import == nil {
		err = errors.New("the server is of an earlier version, which says nothing about imports")
	}
	return gaps, err
}

// settle waits until all is applied, parked, or waits for what is missing, and says so.
func (u *unordered) settle(ctx context.Context, std *streams, out *progress, total *httpapi.Put) error {
	var now httpapi.Gaps
	for began := time.Now(); ; {
		var err error
		if now, err = u.progress(ctx); err != nil {
			return fmt.Errorf("%s stored, but the server went away: %w", count(total.Stored, "event is", "events are"), err)
		}
		out.say("%s stored, %d applied, %d parked", count(total.Stored, "event"), now.Import.Applied, now.Import.Parked)
		if settled(&now, total.Until) {
			break
		}
		if now.Elsewhere && time.Since(began) > elsewhereAfter {
			out.clear()
			fmt.Fprintf(std.out, "%s stored; another server puts them in order\n", count(total.Stored, "event"))
			return nil
		}
		select {
		case <-time.After(settledEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	out.clear()
	applied, parked := int(now.Import.Applied), int(now.Import.Parked)
	fmt.Fprintf(std.out, "%s: %d applied, %d parked, %d known", count(total.Stored, "event"), applied, parked, max(0, total.Stored-applied-parked))
	if now.Waiting+now.Failing > 0 {
		fmt.Fprint(std.out, " or waiting")
	}
	if now.Waiting > 0 {
		fmt.Fprintf(std.out, "; %s for an event that is missing", count(now.Waiting, "document waits", "documents wait"))
	}
	if now.Failing > 0 {
		fmt.Fprintf(std.out, "; %s tried again", count(now.Failing, "document is", "documents are"))
	}
	if now.Waiting+now.Failing+parked > 0 {
		fmt.Fprint(std.out, "; see rivulet gaps")
	}
	_, err := fmt.Fprintln(std.out)
	return err
}

// count returns a number with what it counts; of several that is the second, or the first with
// an s.
func count(n int, one string, several ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(several) > 0:
		return fmt.Sprintf("%d %s", n, several[0])
	}
	return fmt.Sprintf("%d %ss", n, one)
}

func settled(g *httpapi.Gaps, until []uint64) bool {
	for p, position := range until {
		if position > 0 && (p >= len(g.Positions) || g.Positions[p] < position) {
			return false
		}
	}
	return g.Settling == 0
}

// progress is a line on a terminal that is written again and again.
type progress struct {
	out      io.Writer
	terminal bool
	shown    bool
}

func (p *progress) say(format string, args ...any) {
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K"+format, args...)
		p.shown = true
	}
}

func (p *progress) clear() {
	if p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.shown = false
	}
}

type gapsCmd struct {
	remote
	JSON  bool `help:"Print JSON, with the deltas of what is parked."`
	Limit int  `help:"How many documents and events are listed at most (default ${default})." default:"100" placeholder:"N"`
}

func (*gapsCmd) Help() string {
	return `Lists what the inbox could not apply: documents with events whose predecessor is missing, and events that are
parked. The first go on by themselves when what is missing is put. The second stay as they are, with the
reason: conflict (others have written there what its author had not seen), predecessor parked, deleted
(the document was, meanwhile), refused (too large, or only named mutations are taken), forgotten (the log does not
go back so far). What they would have changed is in --json; apply it with rivulet patch if it is still wanted.

  rivulet gaps
  rivulet gaps --json | jq '.events[] | select(.reason=="conflict")'`
}

func (cmd *gapsCmd) Run(ctx context.Context, std *streams) error {
	if cmd.Limit < 1 {
		return errors.New("--limit is at least 1")
	}
	gaps, err := cmd.gaps(ctx, url.Values{"limit": {strconv.Itoa(cmd.Limit)}})
	if err != nil {
		return err
	}
	if cmd.JSON {
		out := json.NewEncoder(std.out)
		out.SetIndent("", "  ")
		return out.Encode(gaps)
	}
	if gaps.Elsewhere {
		fmt.Fprintln(std.err, "another server runs the inbox; that one knows what waits")
	} else if len(gaps.Gaps)+len(gaps.Events) == 0 {
		_, err := fmt.Fprintln(std.out, "nothing waits, and nothing is parked")
		return err
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	for i, g := range gaps.Gaps {
		if i == 0 {
			fmt.Fprintln(table, "document\tfor\twaits for")
		}
		why := g.Missing
		if g.Error != "" {
			why = g.Error
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", g.Doc, time.Duration(g.Age)*time.Second, why)
	}
	slices.SortStableFunc(gaps.Events, func(a, b inbox.Parked) int { return a.Key.Compare(b.Key) })
	for i, p := range gaps.Events {
		if i == 0 {
			fmt.Fprintln(table, "document\tparked\treason\t")
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.Key, p.ID, p.Reason, p.Detail)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if others := int(gaps.ParkedTotal) - len(gaps.Events); others > 0 {
		fmt.Fprintf(std.err, "and %s parked: see --limit\n", count(others, "more is", "more are"))
	}
	return nil
}
