package load

import (
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is what a run has measured. Its JSON is stable; times are in the units that the
// names say.
type Report struct {
	// What was done.
	Load        string  `json:"load"` // fanout, write, idle or presence
	Documents   int     `json:"documents"`
	Connections int     `json:"connections"`
	InFlight    int     `json:"in_flight,omitempty"` // a document; with a rate, sent together
	Rate        float64 `json:"rate,omitempty"`      // edits or presences a second, all together
	Bytes       int     `json:"bytes,omitempty"`     // of one
	Seconds     float64 `json:"seconds,omitempty"`
	Stuck       int     `json:"stuck,omitempty"`
	Hostile     int     `json:"hostile,omitempty"`
	HostileSent uint64  `json:"hostile_messages,omitempty"`

	// What came of it.
	Sent            uint64   `json:"sent,omitempty"` // edits or presences
	SentPerSecond   float64  `json:"sent_per_second,omitempty"`
	Deliveries      uint64   `json:"deliveries,omitempty"`
	PerSecond       float64  `json:"deliveries_per_second,omitempty"`
	CPU             float64  `json:"server_cpu_seconds,omitempty"`
	CPUPerDelivery  float64  `json:"server_cpu_us_per_delivery,omitempty"`
	CPUPerSent      float64  `json:"server_cpu_us_per_sent,omitempty"`
	PerCore         float64  `json:"deliveries_per_second_per_core,omitempty"`
	K               *Numbers `json:"deliveries_per_message,omitempty"`
	LatencyMS       *Numbers `json:"latency_ms,omitempty"`
	IdleBytes       float64  `json:"rss_bytes_per_connection,omitempty"`
	ServerRSS       float64  `json:"server_rss_bytes,omitempty"`
	WithoutGC       bool     `json:"without_gc,omitempty"` // the server would not collect its garbage
	ConnectSeconds  float64  `json:"connect_seconds,omitempty"`
	CPUPerConnectUS float64  `json:"server_cpu_us_per_connection,omitempty"`
}

// Numbers sum up a distribution.
type Numbers struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	Max  float64 `json:"max"`
}

// distribution is filled by many goroutines.
type distribution struct {
	mu sync.Mutex
	h  *hdrhistogram.Histogram
}

// newDistribution takes values from 1 to most, with two digits of precision.
func newDistribution(most int64) *distribution {
	return &distribution{h: hdrhistogram.New(1, most, 2)}
}

func (d *distribution) reset() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.h.Reset()
}

// add notes a value n times. What is out of bounds is taken for the bound.
func (d *distribution) add(value, n int64) {
	value = min(max(value, d.h.LowestTrackableValue()), d.h.HighestTrackableValue())
	d.mu.Lock()
	defer d.mu.Unlock()
	d.h.RecordValues(value, n) //nolint:errcheck // it is within bounds
}

// numbers sums up, in units of so many.
func (d *distribution) numbers(unit float64) *Numbers {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := func(p float64) float64 { return float64(d.h.ValueAtQuantile(p)) / unit }
	return &Numbers{Mean: d.h.Mean() / unit, P50: at(50), P90: at(90), P99: at(99), Max: float64(d.h.Max()) / unit}
}

// Print writes the report for people.
func (r *Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %s\t%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(w, "%s: %d connections, %d documents\n", r.Load, r.Connections, r.Documents)
	switch {
	case r.Rate > 0:
		together := ""
		if r.InFlight > 1 {
			together = fmt.Sprintf(", %d together", r.InFlight)
		}
		line("load", "%.0f of %d bytes a second%s, for %.1f s", r.Rate, r.Bytes, together, r.Seconds)
	case r.InFlight > 0:
		line("load", "%d of %d bytes in flight on each document, for %.1f s", r.InFlight, r.Bytes, r.Seconds)
	}
	if r.Stuck+r.Hostile > 0 {
		line("beside", "%d connections that do not read, %d that send nonsense: %d messages", r.Stuck, r.Hostile, r.HostileSent)
	}
	if r.Sent > 0 {
		line("sent", "%d, %.0f a second", r.Sent, r.SentPerSecond)
		line("deliveries", "%d, %.0f a second; %.0f a second of server CPU", r.Deliveries, r.PerSecond, r.PerCore)
		line("server CPU", "%.3f us a delivery, %.1f us a sent one; %.0f %% of a core", r.CPUPerDelivery, r.CPUPerSent, 100*r.CPU/r.Seconds)
	}
	if k := r.K; k != nil {
		line("K", "deliveries a message: mean %.1f, p50 %.0f, p99 %.0f, max %.0f", k.Mean, k.P50, k.P99, k.Max)
	}
	if l := r.LatencyMS; l != nil {
		line("latency", "p50 %.2f ms, p90 %.2f, p99 %.2f, max %.2f", l.P50, l.P90, l.P99, l.Max)
	}
	if r.IdleBytes > 0 {
		about := "after a garbage collection"
		if r.WithoutGC {
			about = "garbage included: start the server with --debug to have it collected"
		}
		line("memory", "%.1f KB of the server's RSS a connection, %s", r.IdleBytes/1e3, about)
	}
	if r.ConnectSeconds > 0 {
		line("connecting", "%.1f s; %.0f us of server CPU a connection", r.ConnectSeconds, r.CPUPerConnectUS)
	}
	if r.ServerRSS > 0 {
		line("server RSS", "%.0f MB", r.ServerRSS/1e6)
	}
	return w.Flush()
}

// count completes a report by what was sent, delivered and used in a time.
func (r *Report) count(sent, deliveries uint64, took time.Duration, before, after usage) {
	r.Sent, r.Deliveries, r.Seconds = sent, deliveries, took.Seconds()
	r.SentPerSecond, r.PerSecond = float64(sent)/r.Seconds, float64(deliveries)/r.Seconds
	r.CPU, r.ServerRSS = after.cpu-before.cpu, after.rss
	if deliveries > 0 {
		r.CPUPerDelivery = r.CPU * 1e6 / float64(deliveries)
	}
	if sent > 0 {
		r.CPUPerSent = r.CPU * 1e6 / float64(sent)
	}
	if r.CPU > 0 {
		r.PerCore = float64(deliveries) / r.CPU
	}
}
