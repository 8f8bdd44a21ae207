package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestList(t *testing.T) {
	s := newShell(t)
	s.want("", "ls", "demo")
	s.want("demo/b is at revision 1\n", "patch", "demo/b", `{"n":1}`)
	s.want("demo/a is at revision 2\n", "patch", "demo/a", `{"n":1}`)
	s.want("demo/b is at revision 3\n", "patch", "demo/b", `{"n":2}`)
	s.want("other/c is at revision 1\n", "patch", "other/c", `{"n":1}`)
	code, out, _ := s.do("", "ls", "demo", "--json")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exitOK || len(lines) != 2 {
		t.Fatalf("status %d, printed %q", code, out)
	}
	var listed struct {
		Key               string
		Revision, Records int
		Modified          time.Time
	}
	if err := json.Unmarshal([]byte(lines[1]), &listed); err != nil || listed.Key != "demo/b" || listed.Revision != 3 || listed.Records != 2 || time.Since(listed.Modified) > time.Minute {
		t.Errorf("listed %s: %v", lines[1], err)
	}
	_, out, _ = s.do("", "ls", "demo")
	if rows := strings.Split(strings.TrimSpace(out), "\n"); len(rows) != 3 || !strings.HasSuffix(rows[0], "key") || !strings.HasSuffix(rows[1], "demo/a") {
		t.Errorf("printed\n%s", out)
	}
	s.refused(exitFailed, "is not a space", "ls", "a/b")
}

func TestRestore(t *testing.T) {
	s := newShell(t)
	s.want("demo/board is at revision 1\n", "patch", "demo/board", `{"title":"Plans","n":1}`)
	s.want("demo/board is at revision 2\n", "patch", "demo/board", `{"title":null,"n":2}`)
	s.want("demo/board is at revision 3\n", "restore", "demo/board", "--rev", "1")
	s.want(`{"n":1,"title":"Plans"}`+"\n", "get", "demo/board")
	s.want(`{"n":2}`+"\n", "get", "demo/board", "--rev", "2")
	s.want(`{"n":1,"title":"Plans"}`+"\n", "get", "demo/board", "--at", time.Now().Add(time.Hour).Format(time.RFC3339))
	s.refused(exitFailed, "did not exist then; rivulet log demo/board lists its revisions", "get", "demo/board", "--at", "2001-01-01T00:00:00Z")
	s.refused(exitFailed, "did not exist then", "restore", "demo/none", "--rev", "1")
	s.refused(exitUsage, "", "get", "demo/board", "--rev", "1", "--at", "2001-01-01T00:00:00Z")
	s.refused(exitUsage, "", "restore", "demo/board")
	s.refused(exitUsage, `"yesterday" is no time; write one such as 2026`, "get", "demo/board", "--at", "yesterday")
	s.want(`{"n":1,"title":"Plans"}`+"\n", "get", "demo/board", "--at", "0s")
	s.refused(exitFailed, "did not exist then", "restore", "demo/board", "--at", "1h")
	s.refused(exitFailed, "is at revision 3, it has no 9 yet", "restore", "demo/board", "--rev", "9")
	s.refused(exitFailed, "document demo/board is at revision 3, it has no 4 yet", "get", "demo/board", "--rev", "4")
	s.do("", "patch", "demo/other", `{"n":1}`)
	s.want("demo/board is at revision 5\n", "patch", "demo/board", `{"n":3}`)
	s.want(`{"n":1,"title":"Plans"}`+"\n", "get", "demo/board", "--rev", "4") // a revision of another document
}

func TestRemove(t *testing.T) {
	s := newShell(t)
	s.want("demo/board is at revision 1\n", "patch", "demo/board", `{"title":"Plans"}`)
	s.want("demo/board is deleted\n", "rm", "demo/board")
	s.want("demo/board is not there, nothing to delete\n", "rm", "demo/board")
	s.want("", "ls", "demo")
	s.refused(exitFailed, "was deleted; what rivulet log demo/board still lists of it", "get", "demo/board")
	s.want("demo/board is at revision 3\n", "restore", "demo/board", "--rev", "1")
	s.want(`{"title":"Plans"}`+"\n", "get", "demo/board")
	s.want("demo/board is erased\n", "rm", "demo/board", "--erase")
	s.refused(exitFailed, "the log has forgotten what document demo/board was then", "get", "demo/board", "--rev", "1")
	s.want("demo/none is not there, nothing to delete\n", "rm", "demo/none")
	s.refused(exitFailed, "write it as space/id", "rm", "nonsense")
}

func TestCompact(t *testing.T) {
	s := newShell(t)
	s.do("", "patch", "demo/a", `{"n":1}`)
	s.do("", "patch", "demo/b", `{"n":1}`)
	s.want("2 documents copied, 0 records dropped, 0.0 MB of the log freed\n", "compact")
	s.want("demo/a is at revision 7\n", "patch", "demo/a", `{"n":2}`)
	s.want(`{"n":1}`+"\n", "get", "demo/b")
}

func TestNoServer(t *testing.T) {
	s := shell{t: t, url: "http://127.0.0.1:1"}
	s.refused(exitFailed, "rivulet serve", "ls", "demo")
	s.refused(exitFailed, "rivulet serve", "get", "demo/board", "--rev", "1", "--timeout", "1s")
}

func TestExportAndImport(t *testing.T) {
	from, to := newShell(t), newShell(t)
	from.do("", "patch", "demo/a", `{"n":1}`)
	from.do("", "patch", "demo/b", `{"title":"Plans"}`)
	from.do("", "patch", "demo/a", `{"n":2}`)
	for _, name := range []string{"demo.ndjson", "demo.ndjson.gz"} {
		file := filepath.Join(t.TempDir(), name)
		if code, out, errs := from.do("", "export", "demo", "-o", file); code != exitOK || out != "" || errs != "2 documents of space demo exported\n" {
			t.Errorf("status %d: %s %s", code, out, errs)
		}
		if _, err := os.Stat(file + ".part"); err == nil {
			t.Error("the half of a file was left")
		}
		code, out, errs := to.do("", "import", file)
		if code != exitOK || !strings.Contains(out, "2 documents, 3 records") || !strings.Contains(errs, "demo/b: ") {
			t.Errorf("status %d: %s %s", code, out, errs)
		}
	}
	to.want(`{"n":2}`+"\n", "get", "demo/a")
	to.want(`{"n":1}`+"\n", "get", "demo/a", "--rev", "1")
	_, text, _ := from.do("", "export", "demo")
	code, out, _ := to.do(text, "import", "-")
	if code != exitOK || out != "2 documents, 3 records, of which 0 were stored and 3 were there\n" {
		t.Errorf("status %d: %s", code, out)
	}
	to.do("", "patch", "demo/c", `{"n":1}`)
	to.want("demo/b is at revision 5\n", "patch", "demo/b", `{"n":1}`)
	from.do("", "patch", "demo/b", `{"n":2}`)
	_, text, _ = from.do("", "export", "demo")
	code, _, errs := to.do(text, "import", "-")
	if code != exitFailed || !strings.Contains(errs, "document demo/b exists, and its record 2 is not that of the archive") {
		t.Errorf("status %d: %s", code, errs)
	}
	code, _, errs = to.do(text[:len(text)/2], "import", "-")
	if code != exitFailed || !strings.Contains(errs, "it ends here") {
		t.Errorf("status %d: %s", code, errs)
	}
	to.refused(exitFailed, "this is no archive", "import", write(t, "x.json", []byte("{}\n")))
	to.refused(exitFailed, "no such file", "import", "nowhere.ndjson")
}

// TestBackup: all spaces in one file, that can be checked without a server and brings
// everything back, what was deleted as deleted.
func TestBackup(t *testing.T) {
	from, to := newShell(t), newShell(t)
	for _, key := range []string{"demo/a", "demo/b", "other/c"} {
		from.do("", "patch", key, `{"n":1}`)
	}
	from.do("", "rm", "demo/b")
	backup := filepath.Join(t.TempDir(), "backup.ndjson.gz")
	if code, out, errs := from.do("", "export", "-o", backup); code != exitOK || out != "" || errs != "3 documents exported\n" {
		t.Errorf("status %d: %s %s", code, out, errs)
	}
	if _, _, errs := from.do("", "export", "dmeo"); errs != "0 documents of space dmeo exported\n" {
		t.Errorf("the export of no documents says %q", errs)
	}
	from.want("3 documents, 4 records: all good\n", "verify", backup)
	if code, out, _ := to.do("", "import", backup); code != exitOK || out != "3 documents, 4 records, of which 4 were stored and 0 were there\n" {
		t.Errorf("status %d: %s", code, out)
	}
	to.want(`{"n":1}`+"\n", "get", "other/c")
	to.refused(exitFailed, "was deleted", "get", "demo/b")
	to.want(`{"n":1}`+"\n", "get", "demo/b", "--rev", "1")
	data, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(backup, data[:len(data)-20], 0o600); err != nil {
		t.Fatal(err)
	}
	from.refused(exitFailed, "is cut off", "verify", backup)
	from.refused(exitFailed, "is cut off", "import", backup)
	from.refused(exitFailed, "x.json: line 1: it is no line of an archive", "verify", write(t, "x.json", []byte("?\n")))
	from.refused(exitFailed, "no such file", "verify", backup+"x")
}
