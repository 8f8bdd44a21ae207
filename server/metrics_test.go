package server_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// What is delivered shows in the metrics, in the format of Prometheus.
func TestMetrics(t *testing.T) {
	srv := start(t, server.Config{})
	r := newRecorder()
	if _, err := srv.Subscribe(server.FeedOptions{Name: "mirror"}, r.take); err != nil {
		t.Fatal(err)
	}
	if _, err := srv.Doc(board).Patch(t.Context(), []byte(`{"n":7}`)); err != nil {
		t.Fatal(err)
	}
	r.wait(t, map[record.Key]int{board: 7})
	answer, err := http.Get(srv.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"rivulet_documents_in_memory 1\n",
		`rivulet_feed_discovered_total{subscription="mirror"} 1` + "\n",
		`rivulet_feed_oldest_gap_seconds{subscription="mirror"} 0` + "\n",
		`rivulet_feed_suspended_documents{subscription="mirror"} 0` + "\n",
		"go_goroutines ",
	} {
		if !strings.Contains(string(body), line) {
			t.Errorf("the metrics lack %q", line)
		}
	}
	if t.Failed() {
		t.Logf("%s", body)
	}
}
