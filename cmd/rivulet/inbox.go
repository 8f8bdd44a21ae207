package main

import (
	"bufio"
	"cmp"
	"context"
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
	before, err := u.gaps(ctx, 0)
	if err != nil {
		return err
	}
	total := httpapi.Put{Until: make([]uint64, len(before.Positions))}
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
			total.Until[p] = max(total.Until[p], until)
		}
		out.say("%d events stored", total.Stored)
		return err
	})
	if in.err != nil {
		err = in.err
	}
	if err != nil {
		return fmt.Errorf("%d events are stored; run the same command again: %w", total.Stored, err)
	}
	if u.noWait {
		out.clear()
		fmt.Fprintf(std.out, "%d events stored\n", total.Stored)
	} else if err := u.settle(ctx, std, &out, before, &total); err != nil {
		return err
	}
	if total.Refused > 0 {
		return fmt.Errorf("%d lines were refused", total.Refused)
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
	body, err := u.request(ctx, http.MethodPost, strings.NewReader(string(part)), nil, "inbox")
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
func (r remote) gaps(ctx context.Context, limit int) (httpapi.Gaps, error) {
	var gaps httpapi.Gaps
	body, err := r.get(ctx, url.Values{"limit": {strconv.Itoa(limit)}}, "gaps")
	if err != nil {
		return gaps, err
	}
	defer body.Close()
	err = json.NewDecoder(body).Decode(&gaps)
	return gaps, err
}

// settle waits until all is applied, parked, or waits for what is missing, and says so.
func (u *unordered) settle(ctx context.Context, std *streams, out *progress, before httpapi.Gaps, total *httpapi.Put) error {
	var now httpapi.Gaps
	for began := time.Now(); ; {
		var err error
		if now, err = u.gaps(ctx, 0); err != nil {
			return fmt.Errorf("%d events are stored, but the server went away: %w", total.Stored, err)
		}
		out.say("%d events stored, %d applied, %d parked", total.Stored, more(now.Applied, before.Applied), more(now.Parked, before.Parked))
		if settled(&now, total.Until) {
			break
		}
		if now.Elsewhere && time.Since(began) > elsewhereAfter {
			out.clear()
			fmt.Fprintf(std.out, "%d events stored; another server puts them in order\n", total.Stored)
			return nil
		}
		select {
		case <-time.After(settledEvery):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	out.clear()
	applied, parked := more(now.Applied, before.Applied), more(now.Parked, before.Parked)
	fmt.Fprintf(std.out, "%d events: %d applied, %d parked, %d known", total.Stored, applied, parked, max(0, total.Stored-applied-parked))
	if now.Waiting+now.Failing > 0 {
		fmt.Fprintf(std.out, " or waiting; %d documents wait for an event that is missing, %d are tried again", now.Waiting, now.Failing)
	}
	if now.Waiting+now.Failing+parked > 0 {
		fmt.Fprint(std.out, "; see rivulet gaps")
	}
	_, err := fmt.Fprintln(std.out)
	return err
}

// more returns what a counter has come to since. It begins anew when the server does.
func more(now, before uint64) int {
	if now < before {
		before = 0
	}
	return int(now - before)
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
	gaps, err := cmd.gaps(ctx, cmd.Limit)
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
		fmt.Fprintf(std.err, "and %d more are parked: see --limit\n", others)
	}
	return nil
}
