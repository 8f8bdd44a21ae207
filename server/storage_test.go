package server

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestStorage: clients are told of changes once, an append may be tried again for
// a while before it counts, and the reason stays with the operator.
func TestStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Pointer[string]
		s := newStorage(func() error {
			if reason := broken.Load(); reason != nil {
				return errors.New(*reason)
			}
			return nil
		}, slog.New(slog.DiscardHandler))
		told := make(chan string, 10)
		go s.watch(func(available bool, detail string) { told <- fmt.Sprint(available, " ", detail) })
		defer s.close()
		const down, up = "false the server's storage takes no edits at present", "true "
		after := func(d time.Duration, unhealthy string, want ...string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			got := ""
			if err := s.health(); err != nil {
				got = err.Error()
			}
			if got != unhealthy {
				t.Errorf("health is %q, want %q", got, unhealthy)
			}
			var news []string
			for len(told) > 0 {
				news = append(news, <-told)
			}
			if !slices.Equal(news, want) {
				t.Errorf("told %q, want %q", news, want)
			}
		}
		board, notes := record.Key{Space: "demo", ID: "board"}, record.Key{Space: "demo", ID: "notes"}

		after(5*time.Second, "")
		s.stalled(board, errors.New("no answer"))
		after(stallAfter, "") // not yet
		after(healthEvery+time.Millisecond, "no answer", down)
		s.stalled(board, errors.New("no answer")) // tried again
		after(time.Minute, "no answer")
		s.stalled(notes, errors.New("no answer"))
		s.stalled(board, nil)
		after(healthEvery, "", up) // the other one has only begun
		s.stalled(notes, nil)
		after(time.Minute, "")

		full, worse := "the disk is full", "the disk is gone"
		broken.Store(&full)
		after(healthEvery, full, down)
		after(time.Minute, full)
		broken.Store(&worse)
		after(healthEvery, worse, down)
		broken.Store(nil)
		after(healthEvery, "", up)
	})
}
