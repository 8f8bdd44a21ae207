// Command fanout measures what a Rivulet server costs when many have documents open, beside
// a server that only broadcasts, in the same run, and prints a markdown table:
//
//	make bench-fanout
//	go run ./bench/fanout -only 'one|edit' -rounds 3
//
// # How it is measured
//
// Each number is of a server process of its own, on one processor with GOMAXPROCS=1, and of
// clients (package load) on the others, over loopback. Edits write a member with a name of 8
// and a value of 48 bytes. Rivulet stores each of them in its embedded JetStream, synced
// every second, before anybody hears of it. The numbers are medians of the rounds; in each
// round the two servers take turns, so that what else the machine does is the same for both.
//
// # The bare server
//
// It is the least that a server on coder/websocket can do: it writes what came in one
// message to one subscriber after the other, from the goroutine that has read it. It judges
// nothing, stores nothing and would be stopped by one client that does not read. In the mode
// "joined" it marshals once and writes one message; in "each" it marshals every edit for
// every subscriber and writes a message for it, as most servers do.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"

	_ "net/http/pprof" // has the memory of a bare server collected

	"github.com/rivulet-sync/rivulet/bench/load"
)

const usage = `Usage: go run ./bench/fanout [flags]

Measures a Rivulet server with many subscribers beside a server that only broadcasts, and
prints a markdown table. How to read it: go doc ./bench/fanout

`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "fanout:", err)
		stop()
		os.Exit(1)
	}
}

// bench is a run of the program.
type bench struct {
	rivulet string
	rounds  int
	length  time.Duration
	only    *regexp.Regexp
	idle    int
	many    int
	out     io.Writer
	errs    io.Writer
}

func run(ctx context.Context, args []string, out, errs io.Writer) error {
	if len(args) == 2 && args[0] == "bare" { // what it starts itself as
		return serveBare(ctx, mode(args[1]))
	}
	b := &bench{out: out, errs: errs}
	flags := flag.NewFlagSet("fanout", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprint(errs, usage)
		flags.PrintDefaults()
	}
	only := flags.String("only", ".", "measure only the rows whose `name` matches")
	flags.StringVar(&b.rivulet, "rivulet", "bin/rivulet", "the `program` to measure; make build makes it")
	flags.IntVar(&b.rounds, "rounds", 3, "of each measurement")
	flags.DurationVar(&b.length, "for", 5*time.Second, "length of each")
	flags.IntVar(&b.idle, "idle", 4000, "idle connections, to compare")
	flags.IntVar(&b.many, "many", 15000, "idle connections that a server has to bear")
	err := flags.Parse(args)
	if err == nil {
		b.only, err = regexp.Compile(*only)
	}
	if err == nil {
		_, err = os.Stat(b.rivulet)
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(out, "| load | | bare | Rivulet | ratio | goal |\n|---|---|---|---|---|---|")
	for _, row := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"one", b.one}, {"saturated", b.saturated}, {"rooms", b.roomsOf10}, {"edit", b.edit}, {"marshal", b.marshal},
		{"idle", b.idleMemory}, {"many", b.manyIdle}, {"tail", b.tails}, {"stuck", b.stuck}, {"hostile", b.hostile},
	} {
		if !b.only.MatchString(row.name) {
			continue
		}
		if err := row.do(ctx); err != nil {
			return fmt.Errorf("%s: %w", row.name, err)
		}
	}
	return nil
}

type doing func(context.Context, load.Config) (*load.Report, error)

// measure measures one server, which is started for that.
func (b *bench) measure(ctx context.Context, kind mode, cfg load.Config, do doing) (*load.Report, error) {
	dir, err := os.MkdirTemp("", "rivulet-fanout-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // it is for the time being
	var srv *load.Server
	if kind == "" {
		srv, err = load.Spawn(ctx, true, b.rivulet, "serve", "--addr", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--sync", "interval:1s", "--debug")
	} else {
		var self string
		if self, err = os.Executable(); err == nil {
			srv, err = load.Spawn(ctx, true, self, "bare", string(kind))
		}
	}
	if err != nil {
		return nil, err
	}
	defer srv.Stop()
	cfg.Server, cfg.Warmup = srv.URL, time.Second
	if cfg.For == 0 {
		cfg.For = b.length
	}
	return do(ctx, cfg)
}

// rivulet is the mode of the server that is measured.
const rivulet mode = ""

// pairs measures several servers in turns and returns their reports, round by round.
func (b *bench) pairs(ctx context.Context, rounds int, cfg load.Config, do doing, kinds ...mode) (map[mode][]*load.Report, error) {
	all := make(map[mode][]*load.Report)
	for round := range rounds {
		for _, kind := range kinds {
			b.progress("%d x %d, round %d of %d: %s", max(cfg.Documents, 1), cfg.Subscribers, round+1, rounds, cmp.Or(string(kind), "Rivulet"))
			report, err := b.measure(ctx, kind, cfg, do)
			if err != nil {
				return nil, err
			}
			all[kind] = append(all[kind], report)
		}
	}
	b.progress("")
	return all, nil
}

// progress says what is being measured, to who looks at a terminal.
func (b *bench) progress(format string, args ...any) {
	f, ok := b.errs.(*os.File)
	if !ok {
		return
	}
	if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(f, "\r\x1b[K"+format, args...)
	}
}

// median returns the middle of what fn takes out of reports.
func median(reports []*load.Report, fn func(*load.Report) float64) float64 {
	values := make([]float64, len(reports))
	for i, r := range reports {
		values[i] = fn(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// ratios returns the middle of the ratios of each round.
func ratios(over, under []*load.Report, fn func(*load.Report) float64) float64 {
	values := make([]float64, len(over))
	for i := range over {
		values[i] = fn(over[i]) / fn(under[i])
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// row prints a row of the table.
func (b *bench) row(load, what, bare, ours, ratio, goal string) {
	fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s | %s |\n", load, what, bare, ours, ratio, goal)
}

func number(format string, value float64) string { return fmt.Sprintf(format, value) }
