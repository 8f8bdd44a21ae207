package natsd

import (
	"fmt"
	"strings"
	"time"
)

// Sync says when an embedded server puts acknowledged messages on disk.
//
// The zero value, like Always, is: before the acknowledgement. With an
// interval, a message is acknowledged when the operating system has it, and
// fsync follows within the interval: the end of the process, by kill -9 too,
// loses nothing, but the end of the machine loses up to an interval's
// acknowledged messages.
type Sync struct {
	Always   bool
	Interval time.Duration
}

const syncForms = `write "always" or "interval:DURATION", like "interval:2s"`

// ParseSync reads "always" or "interval:DURATION".
func ParseSync(text string) (Sync, error) {
	if text == "always" {
		return Sync{Always: true}, nil
	}
	rest, found := strings.CutPrefix(text, "interval:")
	if !found {
		return Sync{}, fmt.Errorf("natsd: sync %q: %s", text, syncForms)
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d <= 0 {
		return Sync{}, fmt.Errorf("natsd: sync %q: %q is not a positive duration: %s", text, rest, syncForms)
	}
	return Sync{Interval: d}, nil
}

// String returns the form that [ParseSync] reads.
func (s Sync) String() string {
	if s.always() {
		return "always"
	}
	return "interval:" + s.Interval.String()
}

func (s Sync) always() bool { return s.Always || s.Interval == 0 }

func (s Sync) validate() error {
	if s.Interval < 0 {
		return fmt.Errorf("natsd: sync interval %s is negative", s.Interval)
	}
	if s.Always && s.Interval != 0 {
		return fmt.Errorf("natsd: sync is both always and every %s", s.Interval)
	}
	return nil
}
