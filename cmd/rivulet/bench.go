package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/rivulet-sync/rivulet/bench/load"
)

type benchCmd struct {
	Fanout   benchFanoutCmd   `cmd:"" help:"Edit documents that many have open."`
	Write    benchWriteCmd    `cmd:"" help:"Edit many documents, each open to its writer alone."`
	Idle     benchIdleCmd     `cmd:"" help:"Open many connections that do nothing, and see what memory they take."`
	Presence benchPresenceCmd `cmd:"" help:"Have many people tell each other where they are."`
}

func (*benchCmd) Help() string {
	return `Starts a server of its own, on one processor, on the loopback interface, with its data in a directory that
is removed afterwards, and is many clients at once of it on the others. With --server it puts the load on
a running one instead; its documents are left there, in the space "bench".

  rivulet bench fanout --subscribers 1000
  rivulet bench fanout --documents 100 --subscribers 10 --in-flight 4 --json
  rivulet bench idle --subscribers 15000

A delivery is one edit that one subscriber has received; K is how many came in one message. The clients
check what they receive: a run in which something was out of order, twice or missing has no numbers.`
}

// benchOn is what the loads have in common.
type benchOn struct {
	Server string        `help:"URL of a running server, instead of one that is started for the run." placeholder:"URL"`
	Sync   string        `help:"When the server that is started puts edits on disk (default ${default})." default:"interval:1s" placeholder:"always|interval:DUR"`
	Data   string        `help:"Directory of the server that is started; it must be empty (default: a new one)." type:"path" placeholder:"DIR"`
	Shared bool          `help:"Leave the server that is started all processors."`
	For    time.Duration `help:"How long to measure (default ${default})." default:"10s" placeholder:"DURATION"`
	Warmup time.Duration `help:"How long to go before that (default ${default})." default:"2s" placeholder:"DURATION"`
	JSON   bool          `name:"json" help:"Print JSON."`
}

// run does a load and prints its report.
func (b *benchOn) run(ctx context.Context, std *streams, cfg load.Config, do func(context.Context, load.Config) (*load.Report, error)) (err error) {
	if b.For <= 0 && cfg.Most == 0 {
		return errors.New("--for is how long to measure, such as 10s")
	}
	cfg.Server, cfg.For, cfg.Warmup = b.Server, b.For, b.Warmup
	if isTerminal(std.err) {
		last := time.Now()
		cfg.Progress = func(what string, done, all int) {
			if now := time.Now(); done == all || now.Sub(last) > progressEvery {
				last = now
				fmt.Fprintf(std.err, "\r\x1b[K  %s", progressBar(what, uint64(done), uint64(all)))
			}
			if done == all {
				fmt.Fprint(std.err, "\r\x1b[K")
			}
		}
	}
	if cfg.Server == "" {
		srv, clean, err := b.start(ctx)
		if err != nil {
			return err
		}
		defer clean()
		defer srv.Stop()
		cfg.Server = srv.URL
	}
	report, err := do(ctx, cfg)
	if err != nil {
		return err
	}
	if b.JSON {
		return json.NewEncoder(std.out).Encode(report)
	}
	return report.Print(std.out)
}

// start starts this program as a server.
func (b *benchOn) start(ctx context.Context) (srv *load.Server, clean func(), err error) {
	clean = func() {}
	dir := b.Data
	if dir == "" {
		if dir, err = os.MkdirTemp("", "rivulet-bench-"); err != nil {
			return nil, nil, err
		}
		clean = func() { os.RemoveAll(dir) } //nolint:errcheck // it is for the time being
	} else if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return nil, nil, fmt.Errorf("%s is not empty: a bench leaves its documents in it; name another directory with --data", dir)
	}
	self, err := os.Executable()
	if err == nil {
		srv, err = load.Spawn(ctx, !b.Shared, self, "serve", "--addr", "127.0.0.1:0", "--data", dir, "--sync", b.Sync, "--debug")
	}
	if err != nil {
		clean()
	}
	return srv, clean, err
}

type benchFanoutCmd struct {
	benchOn
	Documents   int     `help:"Documents that are edited (default ${default})." default:"1" placeholder:"N"`
	Subscribers int     `help:"Connections that have each of them open; the first of them edits (default ${default})." default:"100" placeholder:"N"`
	InFlight    int     `help:"Edits of a document that may be on their way to its subscribers (default ${default}); with --rate, that are sent together." default:"1" placeholder:"N"`
	Rate        float64 `help:"Send so many edits a second, all together, whatever is on its way." placeholder:"N"`
	Bytes       int     `help:"Size of what an edit writes (default ${default})." default:"48" placeholder:"N"`
	Edits       uint64  `help:"Stop after so many edits." placeholder:"N"`
	Stuck       int     `help:"Beside them, connections that never read what comes." placeholder:"N"`
	Hostile     int     `help:"Beside them, connections that send frames that make no sense." placeholder:"N"`
}

func (cmd *benchFanoutCmd) Run(ctx context.Context, std *streams) error {
	return cmd.run(ctx, std, load.Config{
		Documents: cmd.Documents, Subscribers: cmd.Subscribers, InFlight: cmd.InFlight, Rate: cmd.Rate, Bytes: cmd.Bytes, Most: cmd.Edits,
		Stuck: cmd.Stuck, Hostile: cmd.Hostile,
	}, load.Fanout)
}

type benchWriteCmd struct {
	benchOn
	Documents int     `help:"Documents, each with a connection that edits it (default ${default})." default:"64" placeholder:"N"`
	InFlight  int     `help:"Edits of a document that are not acknowledged yet (default ${default})." default:"1" placeholder:"N"`
	Rate      float64 `help:"Send so many edits a second instead, all together." placeholder:"N"`
	Bytes     int     `help:"Size of what an edit writes (default ${default})." default:"48" placeholder:"N"`
	Edits     uint64  `help:"Stop after so many edits." placeholder:"N"`
}

func (cmd *benchWriteCmd) Run(ctx context.Context, std *streams) error {
	return cmd.run(ctx, std, load.Config{
		Documents: cmd.Documents, Subscribers: 1, InFlight: cmd.InFlight, Rate: cmd.Rate, Bytes: cmd.Bytes, Most: cmd.Edits,
	}, func(ctx context.Context, cfg load.Config) (*load.Report, error) {
		report, err := load.Fanout(ctx, cfg)
		if err == nil {
			report.Load = "write"
		}
		return report, err
	})
}

type benchIdleCmd struct {
	benchOn
	Documents   int `help:"Documents that are open (default ${default})." default:"1" placeholder:"N"`
	Subscribers int `help:"Connections that have each of them open (default ${default})." default:"1000" placeholder:"N"`
}

func (cmd *benchIdleCmd) Run(ctx context.Context, std *streams) error {
	return cmd.run(ctx, std, load.Config{Documents: cmd.Documents, Subscribers: cmd.Subscribers}, load.Idle)
}

type benchPresenceCmd struct {
	benchOn
	Documents int     `help:"Documents (default ${default})." default:"1" placeholder:"N"`
	People    int     `help:"People on each of them (default ${default})." default:"20" placeholder:"N"`
	Each      float64 `help:"Updates a second of each of them (default ${default})." default:"20" placeholder:"N"`
	Bytes     int     `help:"Size of an update (default ${default})." default:"48" placeholder:"N"`
}

func (cmd *benchPresenceCmd) Run(ctx context.Context, std *streams) error {
	return cmd.run(ctx, std, load.Config{
		Documents: cmd.Documents, Subscribers: cmd.People, Bytes: cmd.Bytes, Rate: cmd.Each * float64(cmd.Documents*cmd.People),
	}, load.Presence)
}
