package server_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestL2_CompactionOfAServer: documents stay what they are, revisions older than what is
// kept are gone, and a restart finds all that there was.
func TestL2_CompactionOfAServer(t *testing.T) {
	cfg := server.Config{Data: t.TempDir(), Keep: time.Nanosecond, Sync: natsd.Sync{Interval: time.Minute}}
	srv := start(t, cfg)
	browser := open(t, connect(t, srv.URL()), board)
	var revs []record.Revision
	for n := range 10 {
		revs = append(revs, patch(t, srv.Doc(board), fmt.Sprintf(`{"n":%d,"m%d":1}`, n, n)))
	}
	other := record.Key{Space: board.Space, ID: "other"}
	patch(t, srv.Doc(other), `{"a":1}`)
	before := wantState(t, srv.Doc(board), `{"m0":1,"m1":1,"m2":1,"m3":1,"m4":1,"m5":1,"m6":1,"m7":1,"m8":1,"m9":1,"n":9}`)

	done, err := srv.Compact(t.Context())
	if err != nil || len(done) != 1 || done[0].Documents != 2 || done[0].Messages < 11 {
		t.Fatalf("compacted %+v: %v", done, err)
	}
	after := wantState(t, srv.Doc(board), string(before.JSON))
	if after.At != before.At {
		t.Errorf("at %s, it was %s", after.At, before.At)
	}
	if _, err := srv.Doc(board).At(t.Context(), revs[3]); !errors.Is(err, server.ErrForgotten) {
		t.Errorf("a revision that is forgotten: %v", err)
	}
	if state, err := srv.Doc(board).At(t.Context(), revs[9]); err != nil || !bytes.Equal(state.JSON, before.JSON) {
		t.Errorf("the last revision: %s %v", state.JSON, err)
	}
	for d, err := range srv.List(t.Context(), board.Space) {
		if err != nil || d.Key == board && d.Revision != revs[9] {
			t.Errorf("listed as %+v: %v", d, err)
		}
	}
	rev, err := browser.Patch(t.Context(), delta.Trusted([]byte(`{"more":1}`)))
	if err != nil || rev <= revs[9] {
		t.Errorf("r%d %v", rev, err)
	}
	if err := srv.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(cfg.Data, "jetstream", "$G", "streams", "RV_SNAPSHOTS")); err != nil {
		t.Fatal(err)
	}
	srv = start(t, cfg)
	wantState(t, srv.Doc(other), `{"a":1}`)
	wantState(t, srv.Doc(board), `{"m0":1,"m1":1,"m2":1,"m3":1,"m4":1,"m5":1,"m6":1,"m7":1,"m8":1,"m9":1,"more":1,"n":9}`)
}

// TestDeleteAndErase: a deleted document is not there, and can be made again; of an
// erased one the log has nothing.
func TestDeleteAndErase(t *testing.T) {
	cfg := server.Config{Data: t.TempDir(), Sync: natsd.Sync{Interval: time.Minute}}
	srv := start(t, cfg)
	d := srv.Doc(board)
	browser := open(t, connect(t, srv.URL()), board)
	rev := patch(t, d, `{"secret-of-ann":1}`)
	gone, err := d.Delete(t.Context())
	if err != nil || gone <= rev {
		t.Fatal(gone, err)
	}
	if state := wantState(t, d, `{}`); !state.Deleted || state.At.Revision != gone {
		t.Errorf("%+v", state)
	}
	for listed, err := range srv.List(t.Context(), board.Space) {
		t.Errorf("listed: %+v %v", listed, err)
	}
	if state, err := d.At(t.Context(), rev); err != nil || state.Deleted || string(state.JSON) != `{"secret-of-ann":1}` {
		t.Errorf("before it was deleted: %s %v", state.JSON, err)
	}
	if state, err := d.At(t.Context(), gone); err != nil || !state.Deleted {
		t.Errorf("when it was deleted: %+v %v", state, err)
	}
	eventually(t, "the browser sees it", func() bool { return browser.Position().Revision == gone })
	if _, err := browser.Patch(t.Context(), delta.Trusted([]byte(`{"secret-of-bob":2}`))); err != nil {
		t.Fatal(err)
	}
	if state := wantState(t, d, `{"secret-of-bob":2}`); state.Deleted {
		t.Error("it is deleted, though it was made again")
	}
	if err := d.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Erase(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	wantState(t, d, `{}`)
	if _, err := d.At(t.Context(), rev); !errors.Is(err, server.ErrForgotten) {
		t.Errorf("the past of an erased document: %v", err)
	}
	var found []string
	err = filepath.WalkDir(filepath.Join(cfg.Data, "jetstream"), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte("secret-of")) {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) > 0 {
		t.Errorf("in the files: %s %v", found, err)
	}
	if err := srv.Doc(record.Key{Space: "demo", ID: "never"}).Erase(t.Context()); err != nil {
		t.Errorf("a document that never was: %v", err)
	}
}
