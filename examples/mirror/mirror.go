package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// schema is that of the database. A deleted document stays as a row without JSON, so that its
// revision is known. The index has the strings of each document.
const schema = `
CREATE TABLE IF NOT EXISTS documents (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, json TEXT);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text);
CREATE TABLE IF NOT EXISTS feed (space TEXT NOT NULL, cursor TEXT NOT NULL);`

// mirror is the database.
type mirror struct {
	db     *sql.DB
	space  string
	cursor string // of the last transaction
	// committing is called at the end of each transaction, for tests; an error is what a crash is.
	committing func() error
}

// open opens or creates a mirror of a space.
func open(ctx context.Context, path, space string) (_ *mirror, err error) {
	db, err := openDB(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	m := &mirror{db: db, space: space, committing: func() error { return nil }}
	var of string
	switch err := db.QueryRowContext(ctx, "SELECT space, cursor FROM feed").Scan(&of, &m.cursor); {
	case errors.Is(err, sql.ErrNoRows):
		m.cursor = "0"
		_, err := db.ExecContext(ctx, "INSERT INTO feed VALUES (?, ?)", space, m.cursor)
		return m, err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	case of != space:
		return nil, fmt.Errorf("%s is a mirror of the space %s", path, of)
	}
	return m, nil
}

func (m *mirror) close() { m.db.Close() }

// event is an event of the feed: the fields of its server-sent event, and its data.
type event struct {
	id, name string
	data     struct {
		Doc       string
		Revision  int64
		Prev      int64
		Mutations []struct{ Delta json.RawMessage }
		Document  json.RawMessage
	}
}

// apply makes a batch of events take effect, in one transaction with the cursor of the last one.
func (m *mirror) apply(ctx context.Context, events []event) error {
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it was committed, or there is an error already
	cursor := m.cursor
	for i := range events {
		e := &events[i]
		if epoch(cursor) != "" && epoch(e.id) != epoch(cursor) {
			// The log was replaced, as by a restored backup, and has other revisions.
			if _, err := tx.ExecContext(ctx, "DELETE FROM documents; DELETE FROM words"); err != nil {
				return err
			}
		}
		cursor = e.id
		if e.name == "" {
			continue // only the cursor has moved
		}
		if err := one(ctx, tx, e); err != nil {
			return fmt.Errorf("%s at revision %d: %w", e.data.Doc, e.data.Revision, err)
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE feed SET cursor = ?", cursor); err != nil {
		return err
	}
	if err := m.committing(); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	m.cursor = cursor
	return nil
}

// epoch is the part of a cursor that says of which log it is; empty of the first.
func epoch(cursor string) string {
	before, _, is := strings.Cut(cursor, "-")
	if !is {
		return ""
	}
	return before
}

// one makes an event take effect, unless it has already.
func one(ctx context.Context, tx *sql.Tx, e *event) error {
	var revision int64
	var text sql.NullString
	err := tx.QueryRowContext(ctx, "SELECT revision, json FROM documents WHERE key = ?", e.data.Doc).Scan(&revision, &text)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	if e.data.Revision <= revision {
		return nil // it came again
	}
	switch e.name {
	case "reset":
		text = sql.NullString{String: string(e.data.Document), Valid: string(e.data.Document) != "null"}
	case "delete":
		text = sql.NullString{}
	case "change":
		if e.data.Prev != revision {
			return &badError{fmt.Errorf("it follows revision %d, and the mirror has %d", e.data.Prev, revision)}
		}
		document := []byte("{}")
		if text.Valid {
			document = []byte(text.String)
		}
		for _, mutation := range e.data.Mutations {
			patch, err := delta.Parse(mutation.Delta)
			if err != nil {
				return &badError{err}
			}
			document = delta.Apply(document, patch)
		}
		text = sql.NullString{String: string(document), Valid: true}
	default:
		return &badError{fmt.Errorf("there is no event %q", e.name)}
	}
	return store(ctx, tx, e.data.Doc, e.data.Revision, text)
}

// store writes a document and its index.
func store(ctx context.Context, tx *sql.Tx, key string, revision int64, text sql.NullString) error {
	var id int64
	err := tx.QueryRowContext(ctx, `INSERT INTO documents (key, revision, json) VALUES (?, ?, ?)
		ON CONFLICT (key) DO UPDATE SET revision = excluded.revision, json = excluded.json WHERE revision < excluded.revision
		RETURNING id`, key, revision, text).Scan(&id)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM words WHERE rowid = ?", id); err != nil || !text.Valid {
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO words (rowid, text)
		SELECT ?, coalesce(group_concat(atom, ' '), '') FROM json_tree(?) WHERE type = 'text'`, id, text.String)
	return err
}

// found is a document that a search has found.
type found struct{ key, snippet string }

// search returns the documents that match an FTS5 query, the best first.
func (m *mirror) search(ctx context.Context, query string) ([]found, error) {
	rows, err := m.db.QueryContext(ctx, `SELECT key, snippet(words, 0, '[', ']', '...', 12) FROM words
		JOIN documents ON documents.id = words.rowid WHERE words MATCH ? ORDER BY rank LIMIT 100`, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []found
	for rows.Next() {
		var f found
		if err := rows.Scan(&f.key, &f.snippet); err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, rows.Err()
}
