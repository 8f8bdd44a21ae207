package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/rivulet-sync/rivulet/jetstream/move"
	"github.com/rivulet-sync/rivulet/jetstream/natsd"
)

type moveCmd struct {
	Data     string `help:"Directory of the embedded NATS JetStream (default ${default})." default:"./data" type:"path" placeholder:"DIR"`
	To       string `help:"The NATS server or cluster with JetStream that takes the log." required:"" placeholder:"URL"`
	Replicas int    `help:"Replicas of the streams that are created (default ${default})." default:"1" placeholder:"N"`
}

func (*moveCmd) Help() string {
	return `Copies the log of a server with its own JetStream to a NATS cluster, for when one machine is outgrown, and what is
beside it: how far subscriptions to the feed have come, the inbox with what waits and what is parked, dead
letters. The server must be stopped meanwhile; its clients keep what they edit, and go on with the new one from where
they were:

  (stop rivulet serve)
  rivulet move --data ./data --to nats://10.0.0.5:4222 --replicas 3
  rivulet serve --nats nats://10.0.0.5:4222 --replicas 3

Every message is compared at the end. A move that was interrupted is begun again by the same command. The directory
is left as it is; keep it until the new server runs, then never serve it again: it is an older copy.`
}

func (cmd *moveCmd) Run(ctx context.Context, std *streams) (err error) {
	if _, err := os.Stat(cmd.Data); err != nil {
		return fmt.Errorf("there is no log to move: %w; name its directory with --data", err) // else it would be made
	}
	quiet := slog.New(slog.DiscardHandler)
	from, err := natsd.Start(ctx, natsd.Config{Dir: cmd.Data, Logger: quiet})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := natsd.Start(ctx, natsd.Config{URL: cmd.To, Logger: quiet})
	if err != nil {
		return noNATS(err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	began := time.Now()
	moved, err := move.All(ctx, move.Config{
		From: from.JetStream(), To: to.JetStream(), Replicas: cmd.Replicas,
		Progress: func(p move.Progress) {
			what := "copied"
			if p.Checking {
				what = "compared"
			}
			fmt.Fprintf(std.err, "%s: %d of %d %s\n", p.Stream, p.Done, p.Total, what)
		},
	})
	if err != nil {
		return err
	}
	if moved == (move.Moved{}) {
		return fmt.Errorf("%s holds no log, or an empty one", cmd.Data)
	}
	fmt.Fprintf(std.out, "%s, and %s beside, moved and compared in %s; now run rivulet serve --nats %s\n",
		count(int(moved.Records), "record"), count(int(moved.Beside), "message"), time.Since(began).Round(10*time.Millisecond), cmd.To)
	return nil
}
