package main

import (
	"bufio"
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
	if cmd.Output == "-" {
		_, err := io.Copy(std.out, body)
		return whole(err)
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
		_, err = io.Copy(file, body)
		return whole(err)
	}
	zip := gzip.NewWriter(file)
	if _, err = io.Copy(zip, body); err != nil {
		return whole(err)
	}
	return zip.Close()
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
	File string `arg:"" help:"A file that rivulet export made; - is standard input." placeholder:"FILE"`
}

func (*importCmd) Help() string {
	return `Stores the documents of an archive with their history. What is there already is passed over, so an import
that was interrupted is begun again by the same command. A document that has other records is left as it is.

  rivulet import demo.ndjson.gz`
}

func (cmd *importCmd) Run(ctx context.Context, std *streams) error {
	in, err := openArchive(cmd.File, std.in)
	if err != nil {
		return err
	}
	defer in.Close()
	body, err := cmd.request(ctx, http.MethodPost, in, nil, "import")
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
			return fmt.Errorf("the server went away; run the same command again: %w", err)
		}
		if l.Done {
			if l.Error != "" {
				return errors.New(l.Error)
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
func openArchive(name string, stdin io.Reader) (io.ReadCloser, error) {
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
			return nil, errors.Join(fmt.Errorf("%s: %w", name, err), in.Close())
		}
		text = unzip
	}
	return struct {
		io.Reader
		io.Closer
	}{text, in}, nil
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
	if err := archive.Verify(in, func(_ record.Key, n, _ int) { documents, records = documents+1, records+n }); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "%d documents, %d records: all good\n", documents, records)
	return nil
}
