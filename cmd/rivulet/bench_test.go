package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/bench/load"
)

// TestBench: each load runs on a server that is there, for people and for programs.
func TestBench(t *testing.T) {
	s := newShell(t)
	on := func(args ...string) []string { return append(args, "--server", s.url, "--warmup", "0s") }
	for _, args := range [][]string{
		on("bench", "fanout", "--subscribers", "3", "--edits", "50"),
		on("bench", "write", "--documents", "3", "--in-flight", "2", "--edits", "50"),
		on("bench", "presence", "--people", "3", "--for", "200ms"),
	} {
		code, out, errs := s.do("", args...)
		if code != exitOK || errs != "" || !strings.HasPrefix(out, args[1]+": 3 connections") || !strings.Contains(out, "server CPU") {
			t.Errorf("%s: status %d, %q, %q", args[1], code, out, errs)
		}
		code, out, errs = s.do("", append(args, "--json")...)
		var report load.Report
		if err := json.Unmarshal([]byte(out), &report); err != nil || code != exitOK || report.Load != args[1] || report.Deliveries == 0 {
			t.Errorf("%s: status %d, %v, %+v, %q", args[1], code, err, report, errs)
		}
	}
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.refused(exitFailed, "is not empty: a bench leaves its documents in it", "bench", "fanout", "--data", full)
	s.refused(exitFailed, "--for is how long to measure", "bench", "fanout", "--for", "0s", "--server", s.url)
	s.refused(exitFailed, "ulimit -n", "bench", "idle", "--subscribers", "1000000", "--server", s.url)
	s.refused(exitFailed, "no Rivulet server answers at http://127.0.0.1:1", "bench", "idle", "--server", "http://127.0.0.1:1")
}
