package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
)

// Chromium returns the path of the browser: $RIVULET_CHROME, or the first of
// the usual names. It installs nothing; make test and scripts/chromium.sh do.
func Chromium() (string, error) {
	if name := os.Getenv("RIVULET_CHROME"); name != "" {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", fmt.Errorf("RIVULET_CHROME: %w", err)
		}
		return path, nil
	}
	names := []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "headless-shell"}
	if runtime.GOOS == "darwin" {
		names = append(names,
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
			"/Applications/Chromium.app/Contents/MacOS/Chromium")
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("no browser: install Chromium or Chrome (scripts/chromium.sh does on Debian), or set RIVULET_CHROME to the path of one")
}

// Browser is the one Chromium of this process.
type Browser struct {
	ctx     context.Context
	cancel  context.CancelFunc
	version string
}

// NewBrowser returns the browser that the tests of this process share, started
// by the first call and closed by [Main]. Pages of different tests share
// nothing but its process.
func NewBrowser(t testing.TB) *Browser {
	t.Helper()
	b, err := shared.get()
	if err != nil {
		t.Fatalf("e2e: %v", err)
	}
	return b
}

// Version is the name and version of the browser.
func (b *Browser) Version() string { return b.version }

var shared sharedBrowser

type sharedBrowser struct {
	mu  sync.Mutex
	b   *Browser
	err error
}

func (s *sharedBrowser) get() (*Browser, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.b == nil && s.err == nil {
		s.b, s.err = launchBrowser()
	}
	return s.b, s.err
}

func closeBrowser() {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.b != nil {
		shared.b.cancel()
		shared.b, shared.err = nil, errors.New("the browser is closed: e2e.Main has returned")
	}
}

func launchBrowser() (*Browser, error) {
	path, err := Chromium()
	if err != nil {
		return nil, err
	}
	temp, err := scratch()
	if err != nil {
		return nil, err
	}
	// The defaults keep pages in the background at full speed and serve a root
	// in a container: no sandbox, no /dev/shm.
	alloc, cancelAlloc := chromedp.NewExecAllocator(context.Background(), append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path),
		chromedp.WindowSize(1280, 800),
		chromedp.Flag("disable-gpu", true),
		chromedp.Flag("force-device-scale-factor", "1"),
		chromedp.Flag("font-render-hinting", "none"),
		chromedp.Flag("no-proxy-server", true),
		chromedp.Env("TMPDIR="+temp), // Chromium leaves folders there
		chromedp.WSURLReadTimeout(time.Minute),
	)...)
	ctx, cancel := chromedp.NewContext(alloc, chromedp.WithErrorf(quiet))
	b := &Browser{ctx: ctx, cancel: func() { cancel(); cancelAlloc() }}
	v, err := chromedp.CallBrowser(ctx, browser.GetVersion, cdp.Empty{})
	if err != nil {
		b.cancel()
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	b.version = v.Product
	return b, nil
}

// quiet drops what chromedp says about protocol events that it does not know.
func quiet(string, ...any) {}
