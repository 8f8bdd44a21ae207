package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, data string) *server.Server {
	t.Helper()
	srv, err := server.Start(t.Context(), server.Config{Addr: "127.0.0.1:0", Data: data, Sync: natsd.Sync{Interval: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

// rows returns the documents of a mirror, as JSON values.
func (m *mirror) rows(t *testing.T) map[string]any {
	t.Helper()
	rows, err := m.db.QueryContext(t.Context(), "SELECT key, json FROM documents WHERE json IS NOT NULL")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := map[string]any{}
	for rows.Next() {
		var key, text string
		if err := rows.Scan(&key, &text); err != nil {
			t.Fatal(err)
		}
		got[key] = value(t, []byte(text))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

var errCrash = errors.New("crash")

// A mirror that is killed again and again, before and after it commits, has the documents of the
// space in the end, each event once, and finds their words.
func TestL3_MirrorIsExact(t *testing.T) {
	srv := start(t, t.TempDir())
	path := filepath.Join(t.TempDir(), "m.db")
	r := rand.New(rand.NewPCG(3, 4))
	write := func(n int) {
		for i := range n {
			doc := srv.Doc(record.Key{Space: "notes", ID: fmt.Sprint("d", r.IntN(12))})
			var err error
			switch r.IntN(8) {
			case 0:
				_, err = doc.Delete(t.Context())
			case 1:
				_, err = doc.Patch(t.Context(), []byte(`{"o":{"deep":null,"word":"<&> zebra"}}`))
			default:
				_, err = doc.Patch(t.Context(), fmt.Appendf(nil, `{"n":%d,"o":{"deep":{"x":1.50}},"list":["it is number%d"]}`, i, i))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if _, err := srv.Doc(record.Key{Space: "other", ID: "d"}).Patch(t.Context(), []byte(`{"word":"elsewhere"}`)); err != nil {
			t.Fatal(err)
		}
	}
	crashes := 0
	for round := range 12 {
		write(15)
		m, err := open(t.Context(), path, "notes")
		if err != nil {
			t.Fatal(err)
		}
		ctx, kill := context.WithCancel(t.Context())
		left := r.IntN(3)
		m.committing = func() error {
			if left--; left >= 0 {
				return nil
			}
			crashes++
			if round%2 == 0 {
				kill() // the transaction is committed or not
				return nil
			}
			return errCrash
		}
		err = follow(ctx, srv.URL(), m, true)
		killed := ctx.Err() != nil
		kill()
		m.close()
		if err != nil && !errors.Is(err, errCrash) && !killed {
			t.Fatal(err)
		}
	}
	if crashes == 0 {
		t.Error("nothing was killed")
	}
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-server", srv.URL(), "-space", "notes", "-db", path, "-once"}, &out, &out); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{}
	for d, err := range srv.List(t.Context(), "notes") {
		if err != nil {
			t.Fatal(err)
		}
		state, err := srv.Doc(d.Key).Get(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want[d.Key.String()] = value(t, state.JSON)
	}
	m, err := open(t.Context(), path, "notes")
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	if got := m.rows(t); !reflect.DeepEqual(got, want) {
		t.Errorf("the mirror has %v, want %v", got, want)
	}
	for query, in := range map[string]string{"zebra": "zebra", "elsewhere": "", "number14": "number14"} {
		hits, err := m.search(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, document := range want {
			text, err := json.Marshal(document)
			if err != nil {
				t.Fatal(err)
			}
			if in != "" && strings.Contains(string(text), in) {
				n++
			}
		}
		if len(hits) != n {
			t.Errorf("%s: found %v, want %d", query, hits, n)
		}
	}
	if _, err := open(t.Context(), path, "other"); err == nil {
		t.Error("a mirror was opened as that of another space")
	}
}

// What comes again does nothing; a reset takes the place of what was; a gap is an error; another log
// begins anew.
func TestL3_MirrorEvents(t *testing.T) {
	m, err := open(t.Context(), filepath.Join(t.TempDir(), "m.db"), "s")
	if err != nil {
		t.Fatal(err)
	}
	defer m.close()
	do := func(id, name, data string) error {
		e := event{id: id, name: name}
		if err := json.Unmarshal([]byte(data), &e.data); err != nil {
			t.Fatal(err)
		}
		return m.apply(t.Context(), []event{e})
	}
	for _, c := range []struct {
		id, name, data, want string
		bad                  bool
	}{
		{id: "a-1", name: "change", data: `{"doc":"s/d","revision":1,"mutations":[{"delta":{"n":1}},{"delta":{"m":1}}]}`, want: `{"s/d":{"n":1,"m":1}}`},
		{id: "a-1", name: "change", data: `{"doc":"s/d","revision":1,"mutations":[{"delta":{"n":7}}]}`, want: `{"s/d":{"n":1,"m":1}}`},
		{id: "a-4", name: "change", data: `{"doc":"s/d","revision":4,"prev":3,"mutations":[{"delta":{"n":7}}]}`, want: `{"s/d":{"n":1,"m":1}}`, bad: true},
		{id: "a-5", name: "reset", data: `{"doc":"s/d","revision":4,"document":{"n":8}}`, want: `{"s/d":{"n":8}}`},
		{id: "a-6", name: "delete", data: `{"doc":"s/d","revision":6,"prev":4}`, want: `{}`},
		{id: "a-7", name: "change", data: `{"doc":"s/d","revision":7,"prev":6,"mutations":[{"delta":{"n":9}}]}`, want: `{"s/d":{"n":9}}`},
		{id: "a-8", name: "reset", data: `{"doc":"s/e","revision":5,"document":null}`, want: `{"s/d":{"n":9}}`},
		{id: "a-9", data: `{}`, want: `{"s/d":{"n":9}}`},
		{id: "b-2", name: "change", data: `{"doc":"s/e","revision":2,"mutations":[{"delta":{"n":1}}]}`, want: `{"s/e":{"n":1}}`},
		{id: "b-3", name: "news", data: `{"doc":"s/e","revision":3}`, want: `{"s/e":{"n":1}}`, bad: true},
	} {
		err := do(c.id, c.name, c.data)
		var bad *badError
		if errors.As(err, &bad) != c.bad || err != nil && !c.bad {
			t.Errorf("%s: %v", c.id, err)
		}
		if got := m.rows(t); !reflect.DeepEqual(any(got), value(t, []byte(c.want))) {
			t.Errorf("after %s the mirror has %v, want %s", c.id, got, c.want)
		}
	}
	if m.cursor != "b-2" {
		t.Errorf("the cursor is %s", m.cursor)
	}
}
