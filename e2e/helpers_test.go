package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rivulet-sync/rivulet/e2e"
)

func TestMain(m *testing.M) { e2e.Main(m) }

// serve answers every request with one page of HTML.
func serve(t *testing.T, body string) string {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "script-src 'unsafe-inline'") // no eval
		io.WriteString(w, "<!doctype html><title>helpers</title><link rel=icon href='data:,'>"+body)
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestTypingAndClicking(t *testing.T) {
	p := e2e.NewPage(t)
	p.Open(serve(t, `
		<input data-testid="card-input">
		<button data-testid="add-card" onclick="
			const li = document.createElement('li');
			li.dataset.testid = 'card';
			li.dataset.id = String(document.querySelectorAll('li').length);
			li.textContent = document.querySelector('input').value;
			setTimeout(() => document.querySelector('ul').append(li), 20);
		">add</button><ul></ul>
		<script>
			const keys = [];
			addEventListener('keydown', e => { if (!e.isTrusted) throw new Error('a made-up event'); keys.push(e.key); });
		</script>`))
	p.Click(e2e.TestID("card-input"))
	p.Type("Grüße, 世界")
	p.Click(e2e.TestID("add-card"))
	p.Exists(e2e.TestID("card", "0"))

	p.Click(e2e.TestID("card-input"))
	p.Replace("two")
	p.Insert(" pasted")
	p.Press(e2e.Tab)
	p.Press(e2e.Space)
	p.Exists(e2e.TestID("card", "1"))
	if got, want := p.Texts(e2e.TestID("card")), []string{"Grüße, 世界", "two pasted"}; !slices.Equal(got, want) {
		t.Errorf("cards are %q, want %q", got, want)
	}
	if keys := e2e.Eval[[]string](p, "keys"); !slices.Contains(keys, "G") || !slices.Contains(keys, "Tab") {
		t.Errorf("the page saw the keys %q", keys)
	}
}

// A page that prevents the default of a key gets no character from it.
func TestPreventedKeys(t *testing.T) {
	p := e2e.NewPage(t)
	p.Open(serve(t, `<textarea></textarea><script>
		document.querySelector('textarea').onkeydown = e => { if (e.key === 'Enter' || e.key === 'x') e.preventDefault(); };
	</script>`))
	p.Click("textarea")
	p.Type("one\ntwx-OK")
	p.Press("A", e2e.Shift)
	if got := p.Texts("textarea")[0]; got != "onetw-OKA" {
		t.Errorf("typed %q", got)
	}
}

func TestDragging(t *testing.T) {
	board := `<style>.column { float: left; width: 200px; height: 300px; margin: 10px; border: 1px solid } .card { height: 40px; background: #ccc }</style>
		<div class="column" data-testid="column" data-id="a"><div class="card" data-testid="card" data-id="1" %s>one</div></div>
		<div class="column" data-testid="column" data-id="b"></div>`
	pages := map[string]string{
		"pointer events": fmt.Sprintf(board, "") + `<script>
			const card = document.querySelector('.card');
			card.onpointerdown = e => card.setPointerCapture(e.pointerId);
			card.onpointerup = e => document.elementsFromPoint(e.clientX, e.clientY).find(x => x.className === 'column').append(card);
		</script>`,
		"HTML drag and drop": fmt.Sprintf(board, `draggable="true"`) + `<script>
			document.querySelector('.card').ondragstart = e => e.dataTransfer.setData('text/plain', '1');
			for (const column of document.querySelectorAll('.column')) {
				column.ondragover = e => e.preventDefault();
				column.ondrop = e => { e.preventDefault(); column.append(document.querySelector('[data-id="' + e.dataTransfer.getData('text/plain') + '"]')); };
			}
		</script>`,
	}
	for name, html := range pages {
		t.Run(name, func(t *testing.T) {
			p := e2e.NewPage(t)
			p.Open(serve(t, html))
			p.Drag(e2e.TestID("card", "1"), e2e.TestID("column", "b"))
			p.Exists(e2e.TestID("column", "b") + " " + e2e.TestID("card", "1"))
		})
	}
}

// Two windows are visible, focused and at full speed at the same time, and
// share no storage.
func TestTwoPagesAtOnce(t *testing.T) {
	url := serve(t, `<input autofocus><script>
		localStorage.count = 1 + Number(localStorage.count ?? 0);
		let frames = 0, ticks = 0;
		requestAnimationFrame(function next() { frames++; requestAnimationFrame(next); });
		setInterval(() => ticks++, 10);
	</script>`)
	ann, bob := e2e.NewPage(t), e2e.NewPage(t)
	ann.Open(url)
	bob.Open(url)
	use := func(p *e2e.Page, name string) func() {
		return func() {
			p.Click("input")
			for range 20 {
				p.Type(name)
			}
			p.WaitFor("frames > 20 && ticks > 20")
		}
	}
	e2e.Together(t, use(ann, "ann "), use(bob, "bob "))
	for _, p := range []*e2e.Page{ann, bob} {
		if state := e2e.Eval[string](p, "document.visibilityState + ' ' + document.hasFocus() + ' ' + localStorage.count"); state != "visible true 1" {
			t.Errorf("page is %q, want visible, focused and alone", state)
		}
	}
	if got := ann.Texts("input")[0]; got != strings.Repeat("ann ", 20) {
		t.Errorf("ann wrote %q", got)
	}
	if got := bob.Texts("input")[0]; got != strings.Repeat("bob ", 20) {
		t.Errorf("bob wrote %q", got)
	}
}

func TestMirrorAndCanonical(t *testing.T) {
	p := e2e.NewPage(t)
	p.Open(serve(t, `<script>
		globalThis.rivulet = { doc: { get: () => ({ b: 1, a: 'ü' }), canonical: () => new TextEncoder().encode('{"a":"ü","b":1}') } };
	</script>`))
	var mirror map[string]any
	if err := json.Unmarshal(p.Mirror(), &mirror); err != nil || mirror["a"] != "ü" || mirror["b"] != 1.0 {
		t.Errorf("mirror is %v, %v", mirror, err)
	}
	if got := string(p.Canonical()); got != `{"a":"ü","b":1}` {
		t.Errorf("canonical is %s", got)
	}
}

func TestDialogsAreAnswered(t *testing.T) {
	p := e2e.NewPage(t)
	p.Open(serve(t, `<input><script>addEventListener('beforeunload', e => e.preventDefault())</script>`))
	p.Click("input")
	p.Type("unsaved")
	p.Reload()
	p.Click("input")
	if !e2e.Eval[bool](p, "confirm('sure?')") {
		t.Error("a question was not answered with yes")
	}
}

// fakeT lets a helper fail without failing the test.
type fakeT struct {
	testing.TB
	failed   bool
	messages []string
	cleanups []func()
}

type fatal struct{}

func (f *fakeT) Helper()             {}
func (f *fakeT) Failed() bool        { return f.failed }
func (f *fakeT) ArtifactDir() string { return f.TempDir() }
func (f *fakeT) Cleanup(c func())    { f.cleanups = append(f.cleanups, c) }
func (f *fakeT) Logf(format string, args ...any) {
	f.messages = append(f.messages, fmt.Sprintf(format, args...))
}
func (f *fakeT) Errorf(format string, args ...any) {
	f.failed = true
	f.Logf(format, args...)
}
func (f *fakeT) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	panic(fatal{})
}

// run calls f as a test and its cleanups after it, and returns what it said.
func (f *fakeT) run(body func()) string {
	during := func(f func()) {
		defer func() {
			if r := recover(); r != nil && r != (fatal{}) {
				panic(r)
			}
		}()
		f()
	}
	during(body)
	for _, c := range slices.Backward(f.cleanups) {
		during(c)
	}
	return strings.Join(f.messages, "\n")
}

func TestConsoleErrorsFail(t *testing.T) {
	url := serve(t, `<script>
		console.log('harmless');
		console.error('left is', { broken: true });
		setTimeout(() => { throw new TypeError('thrown late') });
		Promise.reject(new Error('nobody caught this'));
	</script>`)
	f := &fakeT{TB: t}
	said := f.run(func() {
		p := e2e.NewPage(f)
		p.Open(url)
	})
	for _, want := range []string{"left is", "thrown late", "nobody caught this", "screenshot in"} {
		if !strings.Contains(said, want) {
			t.Errorf("nothing about %q in:\n%s", want, said)
		}
	}
	if !f.failed {
		t.Error("console errors did not fail the test")
	}

	f = &fakeT{TB: t}
	said = f.run(func() {
		p := e2e.NewPage(f)
		p.Open(url)
		p.Allow("left is|thrown late|nobody caught")
	})
	if f.failed {
		t.Errorf("allowed errors failed the test:\n%s", said)
	}
}

func TestWaitingSaysWhatItSaw(t *testing.T) {
	url := serve(t, `<p data-testid="connection-pill" data-status="offline">`)
	f := &fakeT{TB: t}
	said := f.run(func() {
		p := e2e.NewPage(f)
		p.Open(url)
		p.WaitWithin(100*time.Millisecond, `document.querySelector('p').dataset.status === 'online'`)
	})
	if !f.failed || !strings.Contains(said, "not within 100 ms") || !strings.Contains(said, "last seen: false") {
		t.Errorf("a wait in vain said:\n%s", said)
	}
}

func TestCoveredIsNotClicked(t *testing.T) {
	p := e2e.NewPage(t)
	p.Open(serve(t, `<button onclick="document.title = 'clicked'">b</button>
		<div id="cover" style="position: fixed; inset: 0; background: #fff"></div>
		<script>setTimeout(() => document.querySelector('#cover').remove(), 200)</script>`))
	p.Click("button") // once the cover is gone
	p.WaitFor("document.title === 'clicked'")
}

func TestEmulation(t *testing.T) {
	p := e2e.NewPage(t)
	p.Resize(400, 700, 2)
	p.Prefer("prefers-color-scheme", "dark")
	p.Open(serve(t, "<p>hello"))
	got := e2e.Eval[string](p, "[innerWidth, innerHeight, devicePixelRatio, matchMedia('(prefers-color-scheme: dark)').matches].join()")
	if got != "400,700,2,true" {
		t.Errorf("page sees %s", got)
	}
	path := filepath.Join(t.TempDir(), "new", "p.png")
	p.Screenshot(path)
	if png, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(png), "\x89PNG") {
		t.Errorf("screenshot: %v, %d bytes", err, len(png))
	}

	p.SlowNetwork(300*time.Millisecond, 0)
	begin := time.Now()
	p.Reload()
	if took := time.Since(begin); took < 250*time.Millisecond {
		t.Errorf("a request with a latency of 300 ms took %v", took)
	}
	p.SlowNetwork(0, 0)
	p.SlowCPU(2)
	p.SlowCPU(1)
}

func TestProxyCutsAndMends(t *testing.T) {
	gone := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			close(gone)
		}
	}))
	defer srv.Close()
	x := e2e.NewProxy(t, srv.Listener.Addr().String())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

	res, err := client.Get(x.URL() + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	x.Cut()
	<-gone
	if _, err := io.ReadAll(res.Body); err == nil {
		t.Error("a cut stream ended as if all were well")
	}
	res.Body.Close()
	if _, err := client.Get(x.URL()); err == nil {
		t.Error("a request passed a cut proxy")
	}
	x.Mend()
	res, err = client.Get(x.URL())
	if err != nil {
		t.Fatalf("after mending: %v", err)
	}
	res.Body.Close()
}
