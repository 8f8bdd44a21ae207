package e2e

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

//go:embed page.js
var pageScript string

const patience = 15 * time.Second

// Page is one window of the browser, used by one person: it shares no storage
// with another page, is always visible and focused, and its timers are not
// throttled.
type Page struct {
	t       testing.TB
	ctx     context.Context
	name    string
	prefers []*emulation.MediaFeature
	console console
	ended   sync.WaitGroup // what listens to the page
	close   func()
}

// NewPage opens an empty page. When the test ends, the page is closed; it fails
// the test if its console showed errors, and leaves a screenshot of itself in
// the artifacts of a test that failed (see go test -artifacts).
func NewPage(t testing.TB) *Page {
	t.Helper()
	b := NewBrowser(t)
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	p := &Page{t: t, ctx: ctx, name: pageName(t)}
	if err := chromedp.Do(ctx); err != nil { // without a limit: the page lives as long as this context
		cancel()
		t.Fatalf("e2e: opening a page: %v", err)
	}
	p.ended.Go(p.console.follow(ctx))
	p.acceptDialogs()
	p.close = sync.OnceFunc(func() {
		p.end()
		cancel()
		p.ended.Wait()
	})
	t.Cleanup(p.close)
	command(p, "prepare the page", page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: pageScript})
	command(p, "focus the page", emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	return p
}

// acceptDialogs answers "leave this page?" and the like with yes: a dialog
// stops everything else in the page.
func (p *Page) acceptDialogs() {
	opened := chromedp.Events(p.ctx, page.JavascriptDialogOpening)
	p.ended.Go(func() {
		for _, err := range opened {
			if err != nil {
				return // the page is closed
			}
			chromedp.Call(p.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}
	})
}

// pages counts the pages of each test, to name them in messages and files.
var pages struct {
	mu    sync.Mutex
	count map[string]int
}

func pageName(t testing.TB) string {
	pages.mu.Lock()
	defer pages.mu.Unlock()
	if pages.count == nil {
		pages.count = map[string]int{}
	}
	pages.count[t.Name()]++
	return fmt.Sprintf("page%d", pages.count[t.Name()])
}

// Close closes the page before its test ends.
func (p *Page) Close() { p.close() }

// end gives the verdict on the page.
func (p *Page) end() {
	p.console.flush(p)
	for _, line := range p.console.errors() {
		p.t.Errorf("%s: console: %s", p.name, line)
	}
	if !p.t.Failed() {
		return
	}
	if lines := p.console.all(); len(lines) > 0 {
		p.t.Logf("%s: console:\n%s", p.name, strings.Join(lines, "\n"))
	}
	path := filepath.Join(p.t.ArtifactDir(), strings.ReplaceAll(p.t.Name(), "/", "-")+"-"+p.name+".png")
	if err := p.screenshot(path); err != nil {
		p.t.Logf("%s: no screenshot: %v", p.name, err)
		return
	}
	p.t.Logf("%s: screenshot in %s", p.name, path)
}

// do runs actions within a limit and fails the test if they fail. what says
// which step of the test it was.
func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, what, explain(err))
	}
}

// explain shortens an exception to its message, without the stack of page.js.
func explain(err error) error {
	var thrown *chromedp.ExceptionError
	if errors.As(err, &thrown) && thrown.Exception != nil && thrown.Exception.Description != "" {
		message, _, _ := strings.Cut(thrown.Exception.Description, "\n    at ")
		return errors.New(message)
	}
	return err
}

// Open goes to an address and returns when the page has loaded.
func (p *Page) Open(url string) {
	p.t.Helper()
	p.do("open "+url, chromedp.Navigate(url))
}

// Begin goes to an address and returns when the browser has begun to receive
// the page, for those who want to see it load.
func (p *Page) Begin(url string) {
	p.t.Helper()
	command(p, "begin to open "+url, page.Navigate, page.NavigateParams{URL: url})
}

// Reload loads the page again.
func (p *Page) Reload() {
	p.t.Helper()
	p.do("reload", chromedp.Reload())
}

// Eval evaluates a JavaScript expression in the page and decodes its value,
// that of a promise once it is fulfilled.
func Eval[T any](p *Page, expression string) T {
	p.t.Helper()
	v, err := eval[T](p, expression, patience)
	if err != nil {
		p.t.Fatalf("%s: %s: %v", p.name, expression, err)
	}
	return v
}

func eval[T any](p *Page, expression string, within time.Duration) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, within)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		return v, explain(err)
	}
	return v, nil
}

// WaitFor waits in the page until a JavaScript expression is truthy. While it
// throws it is not.
func (p *Page) WaitFor(expression string) {
	p.t.Helper()
	p.WaitWithin(patience, expression)
}

// WaitWithin is WaitFor with a limit of its own.
func (p *Page) WaitWithin(within time.Duration, expression string) {
	p.t.Helper()
	if err := p.when(within, expression); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// SoonTrue waits like WaitFor, and says whether the expression became truthy
// instead of failing.
func (p *Page) SoonTrue(within time.Duration, expression string) bool {
	return p.when(within, expression) == nil
}

func (p *Page) when(within time.Duration, expression string) error {
	// A function, not a string: pages may forbid eval.
	wait := fmt.Sprintf("__e2e.when(() => (%s), %d)", expression, within.Milliseconds())
	_, err := eval[bool](p, wait, within+5*time.Second)
	return err
}

// Exists waits until an element is there.
func (p *Page) Exists(selector string) {
	p.t.Helper()
	p.WaitFor("document.querySelector(" + quote(selector) + ") !== null")
}

// Gone waits until an element is not there.
func (p *Page) Gone(selector string) {
	p.t.Helper()
	p.WaitFor("document.querySelector(" + quote(selector) + ") === null")
}

// Attr returns an attribute of an element.
func (p *Page) Attr(selector, name string) string {
	p.t.Helper()
	return Eval[string](p, fmt.Sprintf("document.querySelector(%s).getAttribute(%s) ?? ''", quote(selector), quote(name)))
}

// WaitAttr waits until an attribute of an element has a value.
func (p *Page) WaitAttr(selector, name, value string) {
	p.t.Helper()
	p.WaitFor(fmt.Sprintf("document.querySelector(%s).getAttribute(%s) === %s", quote(selector), quote(name), quote(value)))
}

// Texts returns the text of each element that the selector finds, in order.
func (p *Page) Texts(selector string) []string {
	p.t.Helper()
	return Eval[[]string](p, "[...document.querySelectorAll("+quote(selector)+")].map(e => typeof e.value === 'string' ? e.value : e.textContent.trim())")
}

// Mirror returns the document as the page reads it, globalThis.rivulet.doc.get().
func (p *Page) Mirror() json.RawMessage {
	p.t.Helper()
	return json.RawMessage(Eval[string](p, "JSON.stringify(rivulet.doc.get())"))
}

// Canonical returns the canonical JSON of the page's replica,
// globalThis.rivulet.doc.canonical().
func (p *Page) Canonical() []byte {
	p.t.Helper()
	return []byte(Eval[string](p, `(c => typeof c === 'string' ? c : new TextDecoder().decode(c))(rivulet.doc.canonical())`))
}

// Screenshot writes what the page shows to a PNG file.
func (p *Page) Screenshot(path string) {
	p.t.Helper()
	if err := p.screenshot(path); err != nil {
		p.t.Fatalf("%s: screenshot: %v", p.name, err)
	}
}

func (p *Page) screenshot(path string) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	shot, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, shot.Data, 0o644)
}

// Allow says that console errors which match the pattern are no fault of the
// page: a test that kills the server expects refused connections.
func (p *Page) Allow(pattern string) {
	p.t.Helper()
	re, err := regexp.Compile(pattern)
	if err != nil {
		p.t.Fatalf("e2e: Allow: %v", err)
	}
	p.console.allow(re)
}

// Console returns every line that the page wrote to its console so far.
func (p *Page) Console() []string {
	p.console.flush(p)
	return p.console.all()
}

// quote writes a Go string as a JavaScript one.
func quote(s string) string {
	b, _ := json.Marshal(s) // a string always marshals
	return string(b)
}

// TestID is the selector of an element by its data-testid, and by its data-id
// where several share the first.
func TestID(testid string, id ...string) string {
	s := "[data-testid=" + quote(testid) + "]"
	for _, id := range id {
		s += "[data-id=" + quote(id) + "]"
	}
	return s
}

// Together runs several people at once and waits for all of them. What one of
// them fails, fails the test when all have ended.
func Together(t testing.TB, people ...func()) {
	t.Helper()
	var all sync.WaitGroup
	for _, person := range people {
		// A failing helper ends its goroutine by runtime.Goexit and marks the
		// test; the test itself is ended below, by its own goroutine.
		all.Go(person)
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}
