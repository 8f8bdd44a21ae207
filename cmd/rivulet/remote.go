package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/shared/wire"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

// remote is what commands that talk to a server have in common.
type remote struct {
	Server  string        `help:"URL of the server (default ${default})." env:"RIVULET_URL" default:"http://localhost:8080" placeholder:"URL"`
	Timeout time.Duration `help:"How long to wait for the server (default ${default})." default:"15s" placeholder:"DURATION"`
}

// target is a document on a server.
type target struct {
	remote
	Key string `arg:"" help:"The document, as space/id." placeholder:"KEY"`
}

// connect returns a client, or says what to do.
func (r remote) connect(ctx context.Context) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, min(r.Timeout, 5*time.Second))
	defer cancel()
	return client.Connect(ctx, client.Config{URL: r.Server})
}

// with calls fn with the document, opened and up to date.
func (t target) with(ctx context.Context, fn func(context.Context, *client.Doc) error) error {
	key, err := record.ParseKey(t.Key)
	if err != nil {
		return err
	}
	c, err := t.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	bounded, cancel := context.WithTimeoutCause(ctx, t.Timeout, errNoAnswer)
	defer cancel()
	d, err := c.Open(bounded, key)
	if err == nil {
		err = fn(bounded, d)
	}
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return errNoAnswer
	}
	return err
}

var errNoAnswer = errors.New("the server did not answer in time; it may be unable to store edits (see its /healthz), or --timeout is too short")

// missing says that a document does not exist.
func missing(key record.Key) error {
	return fmt.Errorf("document %s does not exist; create it with: rivulet put %s FILE", key, key)
}

// oneLine turns an error into one line that says what to do.
func oneLine(err error) string {
	var unreachable *client.ConnectError
	var rejected *replica.RejectedError
	text := err.Error()
	switch {
	case errors.As(err, &unreachable) && unreachable.Code == 0:
		text = unreachable.Error() + "; start one with 'rivulet serve', or name another with --server or RIVULET_URL"
	case errors.As(err, &unreachable):
		text = unreachable.Error()
	case errors.As(err, &rejected):
		text = "the server rejected the edit: " + rejected.Code.String() + ": " + rejected.Detail
	case errors.Is(err, replica.ErrDeltaTooLarge):
		text = fmt.Sprintf("the change is larger than the server accepts in one edit, %d KiB; make it in parts, by several rivulet patch with some members each; "+
			"a document of another server comes by rivulet export there and rivulet import here", wire.MaxDelta>>10)
	}
	for _, part := range parts {
		text = strings.TrimPrefix(text, part)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// parts of the program name themselves in their errors. That is nothing to who types a command.
var parts = []string{"natsd: ", "deltalog: ", "archive: ", "move: "}

// parsePatch reads a merge patch from the command line.
func parsePatch(text string) (delta.Delta, error) {
	patch, err := delta.Parse([]byte(text))
	if err != nil {
		return delta.Delta{}, fmt.Errorf("the patch is not a JSON object: %w", err)
	}
	return patch, nil
}
