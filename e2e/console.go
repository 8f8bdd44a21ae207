package e2e

import (
	"context"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/chromedp/chromedp"
)

const keptLines = 1000

// console collects what a page writes to its console.
type console struct {
	mu      sync.Mutex
	lines   []string // the last keptLines
	bad     []string // errors and exceptions, at most keptLines
	allowed []*regexp.Regexp
	marks   int
	seen    map[string]chan struct{} // closed when the mark has come by
}

// follow subscribes to the console of a page; the function it returns collects
// its lines until the page is closed.
func (c *console) follow(ctx context.Context) func() {
	messages := chromedp.Console(ctx)
	return func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			c.add(m)
		}
	}
}

func (c *console) add(m chromedp.ConsoleMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if seen, ok := c.seen[m.Text]; ok {
		close(seen)
		delete(c.seen, m.Text)
		return
	}
	line := m.String()
	if m.URL != "" {
		line += fmt.Sprintf(" (%s:%d)", m.URL, m.Line+1)
	}
	c.lines = keep(c.lines, line)
	if m.Type == chromedp.ConsoleError || m.IsException() || m.Type == "assert" {
		c.bad = keep(c.bad, line)
	}
}

func keep(lines []string, line string) []string {
	if len(lines) == keptLines {
		lines = lines[1:]
	}
	return append(lines, line)
}

// flush returns when everything that the page has written so far is here. It
// writes a mark to the console and waits for it to come by.
func (c *console) flush(p *Page) {
	c.mu.Lock()
	c.marks++
	mark := fmt.Sprintf("e2e mark %d", c.marks)
	seen := make(chan struct{})
	if c.seen == nil {
		c.seen = map[string]chan struct{}{}
	}
	c.seen[mark] = seen
	c.mu.Unlock()
	if _, err := eval[bool](p, "console.debug("+quote(mark)+"), true", 5*time.Second); err != nil {
		return // a page that is gone has said all it will
	}
	select {
	case <-seen:
	case <-time.After(5 * time.Second):
	}
}

func (c *console) allow(re *regexp.Regexp) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allowed = append(c.allowed, re)
}

func (c *console) all() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.lines...)
}

// errors returns the errors that nothing allowed.
func (c *console) errors() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []string
	for _, line := range c.bad {
		if !c.excused(line) {
			left = append(left, line)
		}
	}
	return left
}

func (c *console) excused(line string) bool {
	for _, re := range c.allowed {
		if re.MatchString(line) {
			return true
		}
	}
	return false
}
