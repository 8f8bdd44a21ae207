// Command mirror keeps a copy of the documents of a space in a SQLite database, with a full-text
// index, from the feed of a running server:
//
//	go run ./examples/mirror -space demo -db demo.db
//	go run ./examples/mirror -db demo.db -search 'plans'
//	sqlite3 demo.db "SELECT key, json ->> 'title' FROM documents WHERE json IS NOT NULL"
//
// It may be killed at any moment: the cursor of the feed is in the same transaction as what
// the events before it did, so each takes effect exactly once.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "modernc.org/sqlite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mirror:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("mirror", flag.ContinueOnError)
	flags.SetOutput(errs)
	server := flags.String("server", "http://localhost:8080", "`URL` of the server")
	space := flags.String("space", "demo", "the space to mirror")
	path := flags.String("db", "mirror.db", "the SQLite `FILE`")
	search := flags.String("search", "", "print the documents that match an FTS5 `QUERY`, and end")
	once := flags.Bool("once", false, "end when what is committed by now is mirrored")
	if err := flags.Parse(args); err != nil {
		return err
	}
	m, err := open(ctx, *path, *space)
	if err != nil {
		return err
	}
	defer m.close()
	if *search != "" {
		found, err := m.search(ctx, *search)
		for _, f := range found {
			fmt.Fprintf(out, "%s\t%s\n", f.key, f.snippet)
		}
		return err
	}
	for {
		err := follow(ctx, *server, m, *once)
		if err == nil || ctx.Err() != nil {
			return err
		}
		var bad *badError
		if errors.As(err, &bad) {
			return err
		}
		fmt.Fprintln(errs, "mirror:", err, "- trying again")
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// badError is one that another attempt does not mend.
type badError struct{ error }

func (e *badError) Unwrap() error { return e.error }

// openDB opens the database file, with one connection: SQLite has one writer.
func openDB(path string) (*sql.DB, error) {
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	return db, nil
}
