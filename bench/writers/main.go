// Command writers measures many writers on one document, near and far, and prints a
// markdown table:
//
//	make bench-writers
//	go run ./bench/writers -writers 1,4,16,64 -latency 0,100ms -for 5s
//
// The server, sync always, and the clients are in this process and share its cores. The clients
// are whole ones: each applies everything that the others do. With a latency they go
// through a TCP proxy that holds back what passes, half of it each way, keeps the order,
// and lets any bandwidth through; a connection takes a round trip to make, too. Without
// they are connected directly.
//
// # Commit to peer
//
// Each writer makes one edit after the other: the next one when the last one is
// acknowledged. So the rows are of a system that does as much as it can; the column of
// edits a second says how much. Besides the writers a passive client follows the
// document.
//
// The time from commit to peer, for each edit, begins when the server knows that the edit is
// stored, and ends when the passive client is told of it. It begins there, not with the
// acknowledgement that the author gets, because that is as far away as the peer:
// between the two there would be nothing left to see. A Go program in the server, which
// follows the document, takes the time of the beginning; if the author has heard of it
// sooner, minus the way, that counts. With a latency, half of it is in the times by
// necessity.
//
// The time to the acknowledgement is what the author waits for: from the beginning of
// the edit to its place in the log, made again after conflicts as often as it takes.
//
// A conflict is an edit that the server sends back, since something that it read was
// written by others, and that the client makes again. The column has how many of them
// there were for each acknowledged edit. Of fields of their own there should be none. A
// shared field is read, increased and written by everybody: all but one of those who
// try at once have to try again. (Who needs a counter uses Tx.Add, which has none.)
//
// The slowest writer is the one that made the fewest edits, in percent of what all made on
// average: 100 if all were served alike.
//
// # Catching up
//
// A client has the document open and loses its connection. So many writers then make 10,000
// edits, as fast as they are acknowledged, which come to fewer records since those that
// wait for the log share one. The time is from the client's dialling to its being told of the
// last of them, the median and the worst of some clients, one at a time, with nobody
// writing. What the server chose is in the last column: the deltas that are missing, or a
// snapshot of the document, if that has fewer bytes, or if more records are missing than
// the server keeps in memory: by default 4096, or what takes 4 MiB. For each number of
// writers there is a small document, one of 1 MB, and one of 4 MB in a server that keeps
// all that is missed, so that it sends deltas.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// config says what to measure.
type config struct {
	writers   []int
	latencies []time.Duration
	span      time.Duration // of a cell
	missed    int           // edits
	clients   int           // that catch up, one after the other
}

const usage = `Usage: go run ./bench/writers [flags]

Measures many writers on one document, near and far, and prints markdown tables.
How to read them: go doc ./bench/writers

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "writers:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	cfg, err := parse(args, errs)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s, %d cores, %s, %v a row\n\n", time.Now().UTC().Format(time.DateOnly), runtime.GOMAXPROCS(0), runtime.Version(), cfg.span)
	fmt.Fprint(out, "| writers | latency | fields | edits/s | commit to peer, p50 / p99 | to the acknowledgement, p50 / p99 | conflicts an edit | slowest writer |\n|---|---|---|---|---|---|---|---|\n")
	for _, shared := range []bool{false, true} {
		for _, latency := range cfg.latencies {
			for _, writers := range cfg.writers {
				c := cell{writers: writers, latency: latency, shared: shared}
				r, err := c.measure(ctx, cfg.span)
				if err != nil {
					return fmt.Errorf("%d writers at %v: %w", writers, latency, err)
				}
				fmt.Fprintf(out, "| %d | %s | %s | %.0f | %s / %s | %s / %s | %.2f | %.0f %% |\n", writers, ms(latency), c.fields(),
					float64(len(r.peer))/r.took.Seconds(), ms(percentile(r.peer, 50)), ms(percentile(r.peer, 99)),
					ms(percentile(r.author, 50)), ms(percentile(r.author, 99)), float64(r.conflicts)/float64(len(r.peer)), 100*r.slowest)
			}
		}
	}
	fmt.Fprintf(out, "\n| missed: %d edits, by | in records | document | records kept | latency | caught up, median / worst of %d | by |\n|---|---|---|---|---|---|---|\n", cfg.missed, cfg.clients)
	for _, s := range []scene{{0, 0}, {1_000_000, 0}, {4_000_000, 2 * cfg.missed}} {
		for _, writers := range cfg.writers {
			rows, err := catchUp(ctx, cfg, writers, s)
			if err != nil {
				return fmt.Errorf("catching up with %d writers: %w", writers, err)
			}
			for _, r := range rows {
				fmt.Fprintf(out, "| %d writers | %d | %d KB | %s | %s | %s / %s | %s |\n", writers, r.records, r.size/1000, s.kept(),
					ms(r.latency), ms(percentile(r.took, 50)), ms(percentile(r.took, 100)), r.by())
			}
		}
	}
	return nil
}

func parse(args []string, errs io.Writer) (config, error) {
	flags := flag.NewFlagSet("writers", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	writers := flags.String("writers", "1,4,16,64", "numbers of writers")
	latency := flags.String("latency", "0,100ms", "added round trips between clients and server")
	var cfg config
	flags.DurationVar(&cfg.span, "for", 5*time.Second, "how long to write for each row")
	flags.IntVar(&cfg.missed, "missed", 10_000, "edits that a client misses before it catches up")
	flags.IntVar(&cfg.clients, "clients", 5, "clients that catch up, one after the other")
	if err := flags.Parse(args); err != nil {
		return cfg, err
	}
	for text := range strings.SplitSeq(*writers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return cfg, fmt.Errorf("%q is not a number of writers from 1 to 1000", text)
		}
		cfg.writers = append(cfg.writers, n)
	}
	for text := range strings.SplitSeq(*latency, ",") {
		d, err := time.ParseDuration(text)
		if err != nil || d < 0 {
			return cfg, fmt.Errorf("%q is not a latency, such as 100ms", text)
		}
		cfg.latencies = append(cfg.latencies, d)
	}
	if cfg.span <= 0 || cfg.missed < 1 || cfg.clients < 1 || flags.NArg() > 0 {
		flags.Usage()
		return cfg, errors.New("nothing can be measured like that")
	}
	return cfg, nil
}

// percentile returns the p-th percentile of the durations, which it sorts; 0 of none.
func percentile(all []time.Duration, p int) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}

func ms(d time.Duration) string {
	text := strconv.FormatFloat(float64(d.Microseconds())/1000, 'f', 2, 64)
	if d >= 10*time.Millisecond || d == 0 {
		text = strconv.FormatFloat(d.Seconds()*1000, 'f', 0, 64)
	}
	return text + " ms"
}
