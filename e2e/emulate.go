package e2e

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// command runs one command of the DevTools protocol in the page.
func command[P, R any](p *Page, what string, cmd cdp.Command[P, R], params P) {
	p.t.Helper()
	p.do(what, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, cmd, params)
		return err
	}))
}

// Resize gives the page a window of another size, in CSS pixels, drawn at a
// scale: 2 makes screenshots for sharp displays.
func (p *Page) Resize(width, height int64, scale float64) {
	p.t.Helper()
	command(p, fmt.Sprintf("resize to %dx%d", width, height), emulation.SetDeviceMetricsOverride,
		emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: scale})
}

// Prefer sets what the person prefers, as CSS asks for it: "prefers-color-scheme"
// is "dark", "prefers-reduced-motion" is "reduce". What was preferred before stays.
func (p *Page) Prefer(feature, value string) {
	p.t.Helper()
	p.prefers = slices.DeleteFunc(p.prefers, func(f *emulation.MediaFeature) bool { return f.Name == feature })
	p.prefers = append(p.prefers, &emulation.MediaFeature{Name: feature, Value: value})
	command(p, "prefer "+value, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: p.prefers})
}

// SlowCPU makes the page's processor slower by a factor; 1 takes it back.
func (p *Page) SlowCPU(factor float64) {
	p.t.Helper()
	command(p, fmt.Sprintf("slow the CPU by %g", factor), emulation.SetCPUThrottlingRate,
		emulation.SetCPUThrottlingRateParams{Rate: factor})
}

// SlowNetwork delays the page's requests and limits its bytes a second each
// way; zeros take it back. To cut a connection use a [Proxy]: a browser that is
// told to be offline keeps its open WebSockets.
func (p *Page) SlowNetwork(latency time.Duration, bytesPerSecond float64) {
	p.t.Helper()
	if bytesPerSecond == 0 {
		bytesPerSecond = -1
	}
	ms := float64(latency) / float64(time.Millisecond)
	command(p, "slow the network", network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{
		MatchedNetworkConditions: []*network.Conditions{{Latency: ms, DownloadThroughput: bytesPerSecond, UploadThroughput: bytesPerSecond}},
	})
}
