package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/record"
)

type rmCmd struct {
	target
	Erase bool `help:"Take its history off the log, too, for good."`
}

func (*rmCmd) Help() string {
	return `Deletes the document. Whoever has it open sees it empty, and edits that others made on it before, say while
they were offline, are refused. It can be made again by writing it. Its history stays until the log forgets
it, and can be restored:

  rivulet rm demo/board
  rivulet log demo/board
  rivulet restore demo/board --rev 17

With --erase nothing of it is left in the log. Exports and backups are not reached.`
}

func (cmd *rmCmd) Run(ctx context.Context, std *streams) error {
	key, err := record.ParseKey(cmd.Key)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cmd.Timeout, errNoAnswer)
	defer cancel()
	var query url.Values
	done := "deleted"
	if cmd.Erase {
		query, done = url.Values{"erase": {"true"}}, "erased"
	} else if there, err := cmd.exists(ctx, key); err != nil {
		return err
	} else if !there {
		// No failure: a script that was interrupted may run again.
		_, err := fmt.Fprintf(std.out, "%s is not there, nothing to delete\n", key)
		return err
	}
	body, err := cmd.request(ctx, http.MethodDelete, nil, query, "docs", key.Space, key.ID)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%s is %s\n", key, done)
	return body.Close()
}

// exists reports whether there is a document that is not deleted.
func (r remote) exists(ctx context.Context, key record.Key) (bool, error) {
	body, err := r.request(ctx, http.MethodHead, nil, nil, "docs", key.Space, key.ID)
	var answer *httpError
	if errors.As(err, &answer) && answer.status == http.StatusNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, body.Close()
}

type compactCmd struct {
	remote
}

func (*compactCmd) Help() string {
	return `Has the server compact its log now: of what is older than its --keep only the documents stay, not their
history. A server does so by itself when the log has grown enough, so this is for those who want the
disk's space back. Edits go on meanwhile.

  rivulet compact`
}

func (cmd *compactCmd) Run(ctx context.Context, std *streams) error {
	// However long that takes.
	body, err := cmd.request(ctx, http.MethodPost, strings.NewReader("{}"), nil, "compact")
	if err != nil {
		return err
	}
	defer body.Close()
	var documents, messages, bytes uint64
	for lines := json.NewDecoder(body); ; {
		var l struct{ Documents, Messages, Bytes uint64 }
		if err := lines.Decode(&l); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("the server went away; run the same command again: %w", err)
		}
		documents, messages, bytes = documents+l.Documents, messages+l.Messages, bytes+l.Bytes
	}
	fmt.Fprintf(std.out, "%d documents copied, %d records dropped, %.1f MB of the log freed\n", documents, messages, float64(bytes)/1e6)
	return nil
}
