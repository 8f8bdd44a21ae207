package e2e_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/e2e"
)

// A second server on the same data directory refuses to start and says why; the
// first does not notice.
func TestL2_SecondServerRefuses(t *testing.T) {
	srv := e2e.StartServer(t, e2e.Options{})
	ann := gather(t, srv, "ann")[0]

	said := e2e.Refused(t, e2e.Options{Data: srv.DataDir()})
	if !regexp.MustCompile(`(?i)in use|another|locked`).MatchString(said) || !strings.Contains(said, srv.DataDir()) {
		t.Errorf("a second server on the same data says %q; it should name the directory and say that it is in use", said)
	}

	ann.add(ann.columns()[0])
	log := agree(t, srv, ann)
	once(t, ann.typed, ann.titles(), log)
}

// The disk fills while a page and a client write. Health and the page say so,
// and nothing that was acknowledged is missing after a restart with space.
func TestL1_FullDisk(t *testing.T) {
	withSmallDisk(t, "64m", func(t *testing.T, disk *smallDisk) {
		srv := e2e.StartServer(t, e2e.Options{Data: filepath.Join(disk.dir, "data")})
		ann := gather(t, srv, "ann")[0]
		ann.Allow(refused)
		column := ann.columns()[0]
		ann.add(column)
		ann.waitSent()

		release := disk.fill(512 << 10)
		const key = "demo/burst"
		full := newMoment()
		var stored []string
		e2e.Together(t,
			func() { // until it is refused, or not answered
				defer full.now()
				ballast := strings.Repeat("x", 16<<10)
				for n := 0; ; n++ {
					name := fmt.Sprintf("n%d", n)
					_, stderr, err := srv.TryRun("patch", "--timeout", "5s", key, fmt.Sprintf(`{%q:%q}`, name, ballast))
					if err != nil {
						t.Logf("%d patches of %d KB were stored; then: %s", n, len(ballast)>>10, stderr)
						return
					}
					stored = append(stored, name)
				}
			},
			func() {
				for range 20 {
					ann.add(column)
				}
			},
		)
		if len(stored) == 0 {
			t.Error("not one patch was stored before the disk was full: the test shows nothing")
		}
		health := srv.WaitHealth(func(h e2e.Health) bool { return h.Code == 503 })
		if health.Reason == "" {
			t.Errorf("health is %+v, without a reason", health)
		}
		ann.add(column)
		ann.WaitFor(unsent)
		ann.WaitAttr(e2e.TestID("connection-pill"), "data-storage", "unavailable")
		acknowledged := ann.settled()

		srv.Kill()
		release()
		srv.Restart()
		srv.WaitHealth(func(h e2e.Health) bool { return h.Code == 200 })
		log := agree(t, srv, ann)
		if lost := missing(acknowledged, ann.titles()); len(lost) > 0 {
			t.Errorf("acknowledged and lost: %q", lost)
		}
		once(t, ann.typed, ann.titles(), log)
		if lost := missing(stored, members(t, srv.Get(key))); len(lost) > 0 {
			t.Errorf("patches that were acknowledged and lost: %q", lost)
		}
	})
}
