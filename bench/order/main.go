// Command order measures how fast jetstream/order puts events in order that were stored in
// any, beside a single task that does it in the simplest way, and prints a markdown table:
//
//	make bench-order
//	go run ./bench/order -sizes 1000x100 -arrangements shuffled -latency 1ms
//	go run ./bench/order -large 10000000
//
// # The grid
//
// There are so many documents of so many events, each of which follows the one before it,
// in a store in memory with 16 partitions by a hash of the document. They were stored in
// order, the documents taking turns as chance will; or in an order in which events up to
// 1000 apart have changed places; or shuffled; or in reverse. Missing is how many percent
// of the documents lack an event, somewhere: what comes after it waits for good. Every
// read takes a latency, for which a goroutine waits as it would for a connection: of a page
// of a partition, of a document's history, and of what was delivered of a document, but
// for one of which nothing was delivered since the store began with nothing, which it knows.
//
// Events a second are those of the store by the time from the start to the end of a run.
// First is the time from the start to the first delivery, the worst of all runs. Left is
// how many events were not delivered that could be, and misordered how many were delivered
// before their predecessors, or twice: of all runs, and for the baseline it is an error.
// Peak is of the heap, above what it was at the start, by samples every 2 ms.
//
// # The baseline
//
// The single task reads 1000 undelivered events at once, groups them by document, looks up
// every predecessor that it does not have, one at a time, writes what follows what was
// delivered, keeps the rest, and goes on until nothing more comes of it: as was done before
// there was a parallel one, in the system whose design jetstream/order is. It works on the
// same store, and its lookups find an event by its id in a map.
//
// It does one thing at a time, so what it takes with a latency is what it takes without and
// the latencies. So after half a second of waiting (-enough) the further reads are only
// counted, at what those before took on average, and added; the numbers that depend on
// this have a ~. With -enough 0 it waits for all, which takes hours for the grid.
//
// # The floor
//
// The column before the last is the time by the least that it could be: the time of the
// same readers to read all pages of the same store and do nothing with them, or, if that is
// longer, the look-ups times the latency that they really had, divided by the readers. Without
// a latency a page is read from memory in microseconds: then the column says what ordering
// costs by what copying costs. The last column is the same for one reader, which has the
// partitions one after the other.
//
// # Large
//
// With -large the store has that many events, which are nowhere stored but made when they
// are read, in order but for those of 1 % of the documents, which wait: of one half the
// first event never comes, of the other one it is the very last. What waits is bounded by
// -held, and the documents that are remembered by -documents.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// grid says what to measure, and how.
type grid struct {
	scenes    []scene
	latencies []time.Duration
	pairs     int // of runs, without a latency
	slow      int // with one
	enough    time.Duration
	readers   int
	page      int
	held      int // MiB
	documents int // that are remembered
	large     int
	json      bool
	profile   string
}

const usage = `Usage: go run ./bench/order [flags]

Puts events in order that were stored in any, with jetstream/order and with a single
task, and prints a markdown table. How to read it: go doc ./bench/order

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "order:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) (err error) {
	g, err := parse(args, errs)
	if err != nil {
		return err
	}
	if g.profile != "" {
		f, err := os.Create(g.profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	if !g.json {
		fmt.Fprintf(out, "%s, %d cores, %s, %d readers, pages of %d, medians of %d runs (%d with a latency)\n\n",
			time.Now().UTC().Format(time.DateOnly), runtime.GOMAXPROCS(0), runtime.Version(), g.readers, g.page, g.pairs, min(g.pairs, g.slow))
	}
	if g.large > 0 {
		return g.measureLarge(ctx, out)
	}
	return g.table(ctx, out)
}

func (g *grid) table(ctx context.Context, out io.Writer) error {
	var rows []row
	if !g.json {
		fmt.Fprint(out, head)
	}
	for _, s := range g.scenes {
		stored := s.store(partitions)
		for _, latency := range g.latencies {
			r, err := g.measure(ctx, stored, latency)
			if err != nil {
				return fmt.Errorf("%v at %v: %w", s, latency, err)
			}
			rows = append(rows, r)
			if !g.json {
				r.print(out)
			}
		}
	}
	if g.json {
		e := json.NewEncoder(out)
		e.SetIndent("", "  ")
		return e.Encode(rows)
	}
	return nil
}

// partitions of the stores.
const partitions = 16

const head = `| documents x events | arrangement | missing | a read | events/s | baseline | ratio | look-ups | baseline's | peak MB | baseline's | first | left | misordered | time / floor | of one reader |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
`

func (r *row) print(out io.Writer) {
	about := ""
	if r.Estimated {
		about = "~"
	}
	fmt.Fprintf(out, "| %d x %d | %s | %d %% | %g ms | %s | %s%s | %s%.3gx | %d | %d | %.0f | %.0f | %.1f ms | %d | %d | %.2f | %.2f |\n",
		r.Documents, r.Events, r.Arrangement, r.Missing, r.LatencyMillis, rate(r.Rate), about, rate(r.BaselineRate), about, r.Ratio,
		r.Lookups, r.BaseLookup, r.PeakMB, r.BasePeakMB, r.FirstMillis, r.Undelivered, r.Misordered, r.Floor, r.OneReader)
}

func rate(r float64) string {
	if r >= 10_000 {
		return strconv.FormatFloat(r/1000, 'f', 0, 64) + "k"
	}
	return strconv.FormatFloat(r, 'f', 0, 64)
}

func parse(args []string, errs io.Writer) (*grid, error) {
	flags := flag.NewFlagSet("order", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	g := &grid{}
	sizes := flags.String("sizes", "10000x10,1000x100,20x5000", "documents x events of each")
	arrangements := flags.String("arrangements", "in order,window 1000,shuffled,reverse", "orders in which the events were stored")
	missing := flags.String("missing", "0,10", "percent of the documents that lack an event")
	latency := flags.String("latency", "0,200us,1ms,5ms", "latencies of a read")
	flags.IntVar(&g.pairs, "runs", 5, "runs of both, in turn, of which the median counts")
	flags.IntVar(&g.slow, "slow-runs", 3, "the same with a latency, where the baseline runs once")
	flags.DurationVar(&g.enough, "enough", 500*time.Millisecond, "after how much waiting the baseline's further latencies are counted and not waited for; 0 waits for all")
	flags.IntVar(&g.readers, "readers", 16, "readers")
	flags.IntVar(&g.page, "page", 250, "events a read")
	flags.IntVar(&g.held, "held", 64, "bound of what waits in memory, in MiB")
	flags.IntVar(&g.documents, "documents", 100_000, "bound of the documents that are remembered while nothing of them waits")
	flags.IntVar(&g.large, "large", 0, "instead of the grid, put so many events in order that are nowhere stored, of which 1 % wait")
	flags.BoolVar(&g.json, "json", false, "print JSON")
	flags.StringVar(&g.profile, "cpuprofile", "", "write a CPU profile to this file")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for text := range strings.SplitSeq(*latency, ",") {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 || d > time.Second {
			return nil, fmt.Errorf("%q is not a latency up to 1s, such as 200us", text)
		}
		g.latencies = append(g.latencies, d)
	}
	if err := g.parseScenes(*sizes, *arrangements, *missing); err != nil {
		return nil, err
	}
	if g.pairs < 1 || g.slow < 1 || g.readers < 1 || g.page < 1 || g.held < 1 || g.documents < 1 || g.large < 0 || g.enough < 0 || flags.NArg() > 0 {
		flags.Usage()
		return nil, errors.New("nothing can be measured like that")
	}
	return g, nil
}

func (g *grid) parseScenes(sizes, arrangements, missing string) error {
	for size := range strings.SplitSeq(sizes, ",") {
		var documents, events int
		if _, err := fmt.Sscanf(size, "%dx%d", &documents, &events); err != nil || documents < 1 || events < 1 || documents*events > 10_000_000 {
			return fmt.Errorf("%q is not documents x events, such as 1000x100, up to 10M", size)
		}
		for text := range strings.SplitSeq(arrangements, ",") {
			a := arrangement(text)
			if a != inOrder && a != windowed && a != shuffled && a != backwards {
				return fmt.Errorf("%q is not an arrangement: %s, %s, %s, %s", text, inOrder, windowed, shuffled, backwards)
			}
			for percent := range strings.SplitSeq(missing, ",") {
				n, err := strconv.Atoi(percent)
				if err != nil || n < 0 || n > 100 {
					return fmt.Errorf("%q is not a percentage", percent)
				}
				g.scenes = append(g.scenes, scene{documents, events, a, n})
			}
		}
	}
	return nil
}
