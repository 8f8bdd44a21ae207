package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/rivulet-sync/rivulet/jetstream/archive"
	"github.com/rivulet-sync/rivulet/shared/record"
)

type exportCmd struct {
	remote
	Space  string `arg:"" optional:"" help:"The space, the part of a key before the slash; all of them without." placeholder:"SPACE"`
	Output string `short:"o" help:"The file, compressed if its name ends in .gz; - is standard output." default:"-" placeholder:"FILE"`
}

func (*exportCmd) Help() string {
	return `Writes the documents of a space, or of all of them, with their history, a line of JSON each record. The documents
of a space are as they were at one moment; edits go on meanwhile. The file is the input of rivulet import, on
the same server or on another one.

  rivulet export demo -o demo.ndjson.gz

A backup, whether it is good, and how it is restored into a server with an empty log:

  rivulet export -o backup.ndjson.gz
  rivulet verify backup.ndjson.gz
  rivulet import backup.ndjson.gz`
}

func (cmd *exportCmd) Run(ctx context.Context, std *streams) (err error) {
	path := []string{"export"}
	if cmd.Space != "" {
		path = append(path, cmd.Space)
	}
	body, err := cmd.get(ctx, nil, path...)
	if err != nil {
		return err
	}
	defer body.Close()
	var end archiveEnd
	text := io.TeeReader(body, &end)
	if cmd.Output == "-" {
		if _, err := io.Copy(std.out, text); err != nil {
			return whole(err)
		}
		return cmd.say(std.err, end)
	}
	// An archive that is not whole must not be taken for one.
	part := cmd.Output + ".part"
	file, err := os.Create(part)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err == nil {
			err = os.Rename(part, cmd.Output)
		} else {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	if !strings.HasSuffix(cmd.Output, ".gz") {
		if _, err = io.Copy(file, text); err != nil {
			return whole(err)
		}
		return cmd.say(std.err, end)
	}
	zip := gzip.NewWriter(file)
	if _, err = io.Copy(zip, text); err != nil {
		return whole(err)
	}
	if err = zip.Close(); err != nil {
		return err
	}
	return cmd.say(std.err, end)
}

// say tells how much was exported: a name that was mistyped is a space without documents.
func (cmd *exportCmd) say(out io.Writer, end archiveEnd) error {
	n, err := end.documents()
	if err != nil {
		return err
	}
	space := ""
	if cmd.Space != "" {
		space = " of space " + cmd.Space
	}
	if cmd.Output != "-" || n == 0 {
		_, err = fmt.Fprintf(out, "%d documents%s exported\n", n, space)
	}
	return err
}

// archiveEnd keeps the end of what is written to it.
type archiveEnd []byte

// maxEnd is more than the last line of an archive has, in bytes.
const maxEnd = 256

// Write implements [io.Writer].
func (e *archiveEnd) Write(p []byte) (int, error) {
	*e = append(*e, p[max(0, len(p)-maxEnd):]...)
	*e = (*e)[max(0, len(*e)-maxEnd):]
	return len(p), nil
}

// documents returns how many documents the last line says that there are.
func (e archiveEnd) documents() (int, error) {
	lines := bytes.Split(bytes.TrimSpace(e), []byte("\n"))
	var last struct {
		Done      bool
		Documents int
	}
	if err := json.Unmarshal(lines[len(lines)-1], &last); err != nil || !last.Done {
		return 0, whole(io.ErrUnexpectedEOF)
	}
	return last.Documents, nil
}

// whole says what it means when an archive ends early.
func whole(err error) error {
	if err != nil {
		return fmt.Errorf("the export was cut short, see the server's log: %w", err)
	}
	return nil
}

type importCmd struct {
	remote
	File      string `arg:"" help:"A file that rivulet export made; - is standard input." placeholder:"FILE"`
	Unordered bool   `help:"The file has events in no order, as rivulet inbox reads them."`
	NoWait    bool   `help:"With --unordered: return when the events are stored, not when they were put in order."`
}

func (*importCmd) Help() string {
	return `Stores the documents of an archive with their history. What is there already is passed over, so an import
that was interrupted is begun again by the same command. A document that has other records is left as it is.

  rivulet import demo.ndjson.gz

With --unordered the file has events of any source instead, a line of JSON each, each with the id of the event before
it; rivulet inbox --help says how they look, and what becomes of them. It may be imported again: each event is
applied once.

  rivulet import --unordered migration.ndjson.gz`
}

func (cmd *importCmd) Run(ctx context.Context, std *streams) error {
	if cmd.Unordered {
		u := unordered{remote: cmd.remote, name: cmd.File, noWait: cmd.NoWait}
		return u.run(ctx, std)
	}
	if cmd.NoWait {
		return errors.New("--no-wait is for --unordered")
	}
	in, err := openArchive(cmd.File, std.in)
	if err != nil {
		return err
	}
	defer in.Close()
	body, err := cmd.request(ctx, http.MethodPost, in, nil, "import")
	if in.err != nil {
		return in.err // of which the request knows only that it failed
	}
	if err != nil {
		return err
	}
	defer body.Close()
	documents, records, stored := 0, 0, 0
	lines := json.NewDecoder(body)
	for {
		var l struct {
			Key             string
			Records, Stored int
			Done            bool
			Error           string
		}
		if err := lines.Decode(&l); err != nil {
			if in.err != nil {
				return in.err
			}
			return fmt.Errorf("the server went away; run the same command again: %w", err)
		}
		if l.Done {
			if l.Error != "" {
				return fmt.Errorf("%s: %s", fileName(cmd.File), strings.TrimPrefix(l.Error, "archive: "))
			}
			fmt.Fprintf(std.out, "%d documents, %d records, of which %d were stored and %d were there\n", documents, records, stored, records-stored)
			return nil
		}
		documents, records, stored = documents+1, records+l.Records, stored+l.Stored
		fmt.Fprintf(std.err, "%s: %d of %d records stored\n", l.Key, l.Stored, l.Records)
	}
}

// openArchive opens a file, or standard input for "-", and decompresses it if it is gzip,
// whatever its name.
func openArchive(name string, stdin io.Reader) (*archiveFile, error) {
	in := io.NopCloser(stdin)
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		in = file
	}
	buffered := bufio.NewReader(in)
	var text io.Reader = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		unzip, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, errors.Join(unreadable(name, err), in.Close())
		}
		text = unzip
	}
	return &archiveFile{text: text, Closer: in, name: name}, nil
}

// archiveFile remembers why it could not be read to its end.
type archiveFile struct {
	io.Closer
	text io.Reader
	name string
	err  error
}

// Read implements [io.Reader].
func (f *archiveFile) Read(p []byte) (int, error) {
	n, err := f.text.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = unreadable(f.name, err)
		err = f.err
	}
	return n, err
}

type verifyCmd struct {
	File string `arg:"" help:"A file that rivulet export made; - is standard input." placeholder:"FILE"`
}

func (*verifyCmd) Help() string {
	return `Reads an archive as rivulet import would, and stores nothing: every record must be as it was written, and every
document must come to what it was when it was exported. It needs no server.

  rivulet verify backup.ndjson.gz`
}

func (cmd *verifyCmd) Run(std *streams) error {
	in, err := openArchive(cmd.File, std.in)
	if err != nil {
		return err
	}
	defer in.Close()
	documents, records := 0, 0
	err = archive.Verify(in, func(_ record.Key, n, _ int) { documents, records = documents+1, records+n })
	var format *archive.FormatError
	if errors.As(err, &format) {
		return fmt.Errorf("%s: %s", fileName(cmd.File), strings.TrimPrefix(err.Error(), "archive: "))
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d documents, %d records: all good\n", documents, records)
	return nil
}
