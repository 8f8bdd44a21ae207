package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/rivulet-sync/rivulet/server"
)

// isTerminal reports whether somebody looks at what is written.
func isTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// barWidth is that of a progress bar, in characters.
const barWidth = 30

// progressBar returns a line that says how much of something is done.
func progressBar(what string, done, all uint64) string {
	all = max(all, done, 1)
	full := int(barWidth * done / all)
	return fmt.Sprintf("%s [%s%s] %d%% %d of %d", what, strings.Repeat("#", full), strings.Repeat("-", barWidth-full), 100*done/all, done, all)
}

// progressEvery is how often a bar is drawn anew.
const progressEvery = 200 * time.Millisecond

// showCatchingUp draws a bar on a terminal while subscriptions of a server catch up with what
// was committed when it was not there. It draws nothing if that takes no time.
func showCatchingUp(ctx context.Context, out io.Writer, subscriptions func() []server.Status) {
	tick := time.NewTicker(progressEvery)
	defer tick.Stop()
	for drawn := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		line, behind := catchingUp(subscriptions())
		if behind {
			fmt.Fprintf(out, "\r\x1b[K  %s", line)
			drawn = true
			continue
		}
		if drawn {
			fmt.Fprintf(out, "\r\x1b[K  caught up %s\n", line)
		}
		return
	}
}

// catchingUp sums up subscriptions.
func catchingUp(list []server.Status) (line string, behind bool) {
	var names []string
	var done, left, suspended uint64
	for _, s := range list {
		if s.Waiting {
			continue
		}
		if behind = behind || !s.CaughtUp; !s.CaughtUp {
			names = append(names, s.Name)
		}
		done += s.Discovered
		left += s.Lag
		suspended += uint64(s.Gaps + s.Failed + s.NoRoom)
	}
	if !behind {
		line = fmt.Sprintf("%d events", done)
	} else {
		line = progressBar("catching up "+strings.Join(names, ", "), done, done+left)
	}
	if suspended > 0 {
		line += fmt.Sprintf(", %d documents wait", suspended)
	}
	return line, behind
}
