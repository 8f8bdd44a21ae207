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
)

type exportCmd struct {
	remote
	Space  string `arg:"" help:"The space, the part of a key before the slash." placeholder:"SPACE"`
	Output string `short:"o" help:"The file, compressed if its name ends in .gz; - is standard output." default:"-" placeholder:"FILE"`
}

func (*exportCmd) Help() string {
	return `Writes the documents of a space with all of their history, a line of JSON each record. The file is the input
of rivulet import, on the same server or on another one.

  rivulet export demo -o demo.ndjson.gz`
}

func (cmd *exportCmd) Run(ctx context.Context, std *streams) (err error) {
	body, err := cmd.get(ctx, nil, "export", cmd.Space)
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
	in := std.in
	if cmd.File != "-" {
		file, err := os.Open(cmd.File)
		if err != nil {
			return err
		}
		defer file.Close()
		in = file
	}
	buffered := bufio.NewReader(in)
	in = buffered
	if magic, _ := buffered.Peek(2); string(magic) == "\x1f\x8b" {
		unzip, err := gzip.NewReader(buffered)
		if err != nil {
			return fmt.Errorf("%s: %w", cmd.File, err)
		}
		in = unzip
	}
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
