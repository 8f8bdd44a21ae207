package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/wasm/client"
)

type getCmd struct {
	target
	Rev uint64 `help:"Print the document as it was at this revision." placeholder:"N" xor:"past"`
	At  moment `help:"Print the document as it was at this time, such as 2026-11-21T10:00:00Z, or so long ago, such as 10m." placeholder:"TIME" xor:"past"`
}

func (*getCmd) Help() string {
	return `Prints the document to standard output: one line of JSON without white space, members sorted by name.

  rivulet get demo/board | jq .columns
  rivulet get demo/board --rev 17
  rivulet get demo/board --at 10m`
}

func (cmd *getCmd) Run(ctx context.Context, std *streams) error {
	if cmd.Rev != 0 || !cmd.At.IsZero() {
		text, err := cmd.past(ctx, cmd.Rev, cmd.At.Time)
		if err != nil {
			return err
		}
		return printLine(std.out, text)
	}
	return cmd.with(ctx, func(_ context.Context, d *client.Doc) error {
		switch {
		case d.Deleted():
			return fmt.Errorf("document %s was deleted; what rivulet log %s still lists of it, rivulet restore brings back", d.Key(), d.Key())
		case d.Position().Revision == 0:
			return missing(d.Key())
		}
		return printLine(std.out, d.Get())
	})
}

type restoreCmd struct {
	target
	Rev uint64 `help:"Make the document what it was at this revision." placeholder:"N" xor:"past" required:""`
	At  moment `help:"Make the document what it was at this time, such as 2026-11-21T10:00:00Z, or so long ago, such as 10m." placeholder:"TIME" xor:"past" required:""`
}

func (*restoreCmd) Help() string {
	return `Makes the document what it was, in one edit that holds only what differs. What came in between stays in
the log, and can be restored in turn.

  rivulet restore demo/board --rev 17
  rivulet restore demo/board --at 2026-11-21T10:00:00Z
  rivulet restore demo/board --at 10m

rivulet log lists the revisions and their times.`
}

func (cmd *restoreCmd) Run(ctx context.Context, std *streams) error {
	text, err := cmd.past(ctx, cmd.Rev, cmd.At.Time)
	if err != nil {
		return err
	}
	return cmd.with(ctx, func(ctx context.Context, d *client.Doc) error {
		rev, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("", text) })
		return printRevision(std.out, d.Key(), rev, err)
	})
}

type putCmd struct {
	target
	File string `arg:"" help:"A JSON file, .json or .json.gz; - is standard input." placeholder:"FILE"`
}

func (*putCmd) Help() string {
	return `Makes the document equal to the file, in one edit that holds only what differs. If somebody else changes
the document meanwhile, the difference is taken again. An edit has at most 900 KiB: a larger document is
made by several rivulet patch, some members in each, or comes from another server by rivulet import.

  rivulet put demo/languages languages.json.gz
  jq '.title="Plans"' board.json | rivulet put demo/board -`
}

func (cmd *putCmd) Run(ctx context.Context, std *streams) error {
	data, err := readJSON(cmd.File, std.in)
	if err != nil {
		return err
	}
	if _, err := doc.Parse(data); err != nil {
		return fmt.Errorf("%s is not a document: %w", fileName(cmd.File), err)
	}
	return cmd.with(ctx, func(ctx context.Context, d *client.Doc) error {
		rev, err := d.Update(ctx, func(tx *doc.Tx) error { return tx.Set("", data) })
		return printRevision(std.out, d.Key(), rev, err)
	})
}

type patchCmd struct {
	target
	Patch string `arg:"" name:"merge-patch" help:"A JSON merge patch (RFC 7386)." placeholder:"MERGE-PATCH"`
	IfRev uint64 `help:"Only if the document is at this revision; fail otherwise." placeholder:"N"`
}

func (*patchCmd) Help() string {
	return `Members of the patch replace those of the document, objects are merged, null deletes. Prints the new
revision.

  rivulet patch demo/board '{"title":"Plans","columns":{"old":null}}'
  rivulet patch demo/board '{"state":"closed"}' --if-rev 17`
}

func (cmd *patchCmd) Run(ctx context.Context, std *streams) error {
	patch, err := parsePatch(cmd.Patch)
	if err != nil {
		return err
	}
	return cmd.with(ctx, func(ctx context.Context, d *client.Doc) error {
		if cmd.IfRev == 0 {
			rev, err := d.Patch(ctx, patch)
			return printRevision(std.out, d.Key(), rev, err)
		}
		rev, err := d.PatchAt(ctx, record.Revision(cmd.IfRev), patch)
		if errors.Is(err, client.ErrMoved) {
			return fmt.Errorf("document %s is at revision %d, not %d: read it again, then decide",
				d.Key(), d.Position().Revision, cmd.IfRev)
		}
		return printRevision(std.out, d.Key(), rev, err)
	})
}

// moment is a time on the command line: 2026-11-21T10:00:00Z, or a duration for so long ago.
type moment struct{ time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *moment) UnmarshalText(text []byte) error {
	if ago, err := time.ParseDuration(string(text)); err == nil && ago >= 0 {
		m.Time = time.Now().Add(-ago)
		return nil
	}
	at, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return fmt.Errorf("%q is no time; write one such as 2026-11-21T10:00:00Z, or how long ago, such as 10m", text)
	}
	m.Time = at
	return nil
}

func printRevision(out io.Writer, key record.Key, rev record.Revision, err error) error {
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is at revision %d\n", key, rev)
	return err
}

func printLine(out io.Writer, line []byte) error {
	_, err := out.Write(append(line, '\n'))
	return err
}

// maxFile bounds what put reads, in bytes after decompression.
const maxFile = 64 << 20

// readJSON reads a file, or standard input for "-", and decompresses it if it is
// gzip, whatever its name.
func readJSON(name string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := readBounded(in, name)
	if err != nil || !bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		return data, err
	}
	unzip, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, unreadable(name, err)
	}
	return readBounded(unzip, name)
}

func readBounded(in io.Reader, name string) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, unreadable(name, err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s has more than %d MiB", fileName(name), maxFile>>20)
	}
	return data, nil
}

// unreadable says which file could not be read, and why.
func unreadable(name string, err error) error {
	var at *fs.PathError
	switch {
	case errors.As(err, &at):
		return err // it names the file
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%s is cut off: the compressed data end too early", fileName(name))
	}
	return fmt.Errorf("%s: %w", fileName(name), err)
}

func fileName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return name
}
