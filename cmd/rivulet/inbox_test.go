package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/httpapi"
)

// TestImportUnordered takes a compressed file of events in no order, twice, says what became of
// them, and what waits and is parked.
func TestImportUnordered(t *testing.T) {
	s := newShell(t)
	s.want("nothing waits, and nothing is parked\n", "gaps")
	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write([]byte(`{"id":"e3","doc":"demo/board","prev":"e2","delta":{"n":3}}
{"id":"e1","doc":"demo/board","prev":"","delta":{"n":1,"title":"Plans"}}
{"id":"x1","doc":"demo/other","prev":"x0","delta":{"n":1}}

{"id":"e2","doc":"demo/board","prev":"e1","delta":{"n":2}}
{"id":"f2","doc":"demo/board","prev":"","delta":{"title":"Fork"}}`))
	if err == nil {
		err = zip.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	file := write(t, "events.ndjson.gz", zipped.Bytes())
	s.want("5 events: 3 applied, 1 parked, 1 known or waiting; 1 document waits for an event that is missing; see rivulet gaps\n",
		"import", "--unordered", file)
	s.want(`{"n":3,"title":"Plans"}`+"\n", "get", "demo/board")
	s.want("5 events: 0 applied, 0 parked, 5 known or waiting; 1 document waits for an event that is missing; see rivulet gaps\n",
		"import", "--unordered", file)
	code, out, errs := s.do("", "gaps")
	for _, want := range []string{"demo/other  0s", "x0", "demo/board", "f2", "conflict", `"/title"`} {
		if code != exitOK || !strings.Contains(out, want) || errs != "" {
			t.Errorf("gaps: %d, %q, %q: want %q", code, out, errs, want)
		}
	}
	_, out, _ = s.do("", "gaps", "--json")
	var gaps httpapi.Gaps
	if err := json.Unmarshal([]byte(out), &gaps); err != nil || len(gaps.Gaps) != 1 || len(gaps.Events) != 1 || gaps.Gaps[0].Missing != "x0" {
		t.Fatalf("%v: %+v", err, gaps)
	}
	var patch bytes.Buffer
	if err := json.Compact(&patch, gaps.Events[0].Delta); err != nil || patch.String() != `{"title":"Fork"}` {
		t.Errorf("%v: %s", err, patch.Bytes())
	}
}

// TestInboxCommand reads standard input, and says which lines it refuses.
func TestInboxCommand(t *testing.T) {
	s := newShell(t)
	code, out, errs := s.do(`{"id":"a","doc":"demo/board","prev":"","delta":{"n":1}}
{"id":"b","doc":"board","prev":"","delta":{"n":1}}
{"id":"c","doc":"demo/board","prev":"a","delta":{"n":2}}
`, "inbox")
	if code != exitFailed || out != "2 events: 2 applied, 0 parked, 0 known\n" ||
		!strings.HasPrefix(errs, "line 2: doc is no key, space/id") || !strings.HasSuffix(errs, "1 line was refused\n") {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	s.want(`{"n":2}`+"\n", "get", "demo/board")
	code, out, errs = s.do(`{"id":"d","doc":"demo/board","prev":"c","delta":{"n":3}}`, "inbox", "--no-wait")
	if code != exitOK || out != "1 event stored\n" || errs != "" {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	s.refused(exitFailed, "--no-wait is for --unordered", "import", "--no-wait", "x")
	s.refused(exitFailed, "--limit is at least 1", "gaps", "--limit", "0")
	s.refused(exitFailed, "no such file", "import", "--unordered", "/nonexistent")
}

// TestTwoImports says of each what has become of its own events while another one runs.
func TestTwoImports(t *testing.T) {
	s := newShell(t)
	file := write(t, "events.ndjson", []byte(`{"id":"e1","doc":"demo/board","prev":"","delta":{"n":1}}
{"id":"e2","doc":"demo/board","prev":"e1","delta":{"n":2}}
{"id":"x","doc":"demo/board","prev":"","delta":{"n":3}}
`))
	in, lines := io.Pipe()
	var out, errs bytes.Buffer
	ended := make(chan int)
	t.Setenv("RIVULET_URL", s.url)
	go func() { ended <- run(t.Context(), []string{"inbox"}, in, &out, &errs) }()
	// Something is read, so it has begun, and what it has sent is stored before the other import.
	if _, err := io.WriteString(lines, `{"id":"a","doc":"demo/other","prev":"","delta":{"n":1}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	s.want("3 events: 2 applied, 1 parked, 0 known; see rivulet gaps\n", "import", "--unordered", file)
	s.want("3 events: 0 applied, 0 parked, 3 known\n", "import", "--unordered", file)
	_, err := io.WriteString(lines, `{"id":"a","doc":"demo/other","prev":"","delta":{"n":1}}
{"id":"e1","doc":"demo/board","prev":"","delta":{"n":1}}
{"id":"e3","doc":"demo/board","prev":"e2","delta":{"n":4}}
`)
	if err == nil {
		err = lines.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	if code := <-ended; code != exitOK || out.String() != "4 events: 2 applied, 0 parked, 2 known\n" || errs.Len() > 0 {
		t.Errorf("%d, %q, %q", code, &out, &errs)
	}
}
