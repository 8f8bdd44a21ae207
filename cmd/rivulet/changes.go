package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// change is a line of watch and log.
type change struct {
	Revision uint64          `json:"revision"`
	Index    int             `json:"index"`
	Time     string          `json:"time"`
	Author   string          `json:"author"`
	Delta    json.RawMessage `json:"delta"`
}

// reset is a line of watch in the place of changes that were missed.
type reset struct {
	Revision uint64          `json:"revision"`
	Reset    bool            `json:"reset"`
	Document json.RawMessage `json:"document"`
}

func printEvent(out io.Writer, e client.Event) error {
	line := any(change{
		Revision: uint64(e.Position.Revision), Index: e.Index,
		Time: e.Time.UTC().Format(time.RFC3339Nano), Author: e.Author.String(), Delta: e.Delta,
	})
	if e.Reset {
		line = reset{Revision: uint64(e.Position.Revision), Reset: true, Document: e.Delta}
	}
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(line)
}

const changeHelp = `A line of JSON for each change:

  {"revision":17,"index":0,"time":"2026-11-21T08:15:00.123Z","author":"01a1…","delta":{"title":"Plans"}}

Changes that were committed together have one revision and are numbered by index.`

type watchCmd struct {
	target
}

func (*watchCmd) Help() string {
	return changeHelp + `
Goes on until it is interrupted, also when the server is restarted. If so much was missed meanwhile that
the server sends the document instead, the line is {"revision":17,"reset":true,"document":{…}}.`
}

func (cmd *watchCmd) Run(ctx context.Context, std *streams) error {
	key, err := record.ParseKey(cmd.Key)
	if err != nil {
		return err
	}
	c, err := cmd.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	opening, cancel := context.WithTimeout(ctx, cmd.Timeout)
	defer cancel()
	d, err := c.Open(opening, key)
	if err != nil {
		if errors.Is(err, context.DeadlineExceeded) {
			return errNoAnswer
		}
		return err
	}
	w := d.Watch()
	defer w.Close()
	fmt.Fprintf(std.err, "watching %s from revision %d; stop with Ctrl-C\n", key, d.Position().Revision)
	for {
		e, err := w.Next(ctx)
		if err != nil {
			return err
		}
		if err := printEvent(std.out, e); err != nil {
			return err
		}
	}
}

type logCmd struct {
	target
	After uint64 `help:"Only changes after this revision." placeholder:"N"`
}

func (*logCmd) Help() string { return changeHelp }

func (cmd *logCmd) Run(ctx context.Context, std *streams) error {
	key, err := record.ParseKey(cmd.Key)
	if err != nil {
		return err
	}
	c, err := cmd.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	printed := false
	for e, err := range c.Log(ctx, key, record.Revision(cmd.After)) {
		if err != nil {
			return err
		}
		printed = true
		if err := printEvent(std.out, e); err != nil {
			return err
		}
	}
	if !printed && cmd.After == 0 {
		return missing(key)
	}
	return nil
}
