package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/rivulet-sync/rivulet/jetstream/natsd"
	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/server/session"
	"github.com/rivulet-sync/rivulet/web"
)

type serveCmd struct {
	Addr     string        `help:"Address to serve HTTP on (default ${default})." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Data     string        `help:"Directory of the embedded NATS JetStream (default ${default})." default:"./data" type:"path" placeholder:"DIR"`
	NATS     string        `name:"nats" help:"Use a NATS cluster with JetStream instead of the embedded one." placeholder:"URL"`
	Replicas int           `help:"Replicas of the streams that are created on a cluster (default ${default})." default:"1" placeholder:"N"`
	Sync     string        `help:"When an edit is on disk: 'always' before it is acknowledged, or 'interval:2s' for every so often, which a power cut can cost (default ${default})." default:"always" placeholder:"always|interval:DUR"`
	Keep     time.Duration `help:"For how long every revision of a document can be read at least; older ones are forgotten when the log has grown enough (default ${default})." default:"720h" placeholder:"DURATION"`
	Insecure bool          `help:"Allow an address that other machines can reach. There is no authentication yet."`
	Origin   []string      `help:"Pages of this origin may connect too, as host[:port]; may be repeated." placeholder:"HOST"`
	PerAddr  int           `name:"per-address" help:"Connections that one address may have; those of this machine are not counted. 0 is no bound: say so, or more, where a proxy on another machine stands before the server (default ${default})." default:"1000" placeholder:"N"`
	Debug    bool          `help:"Serve profiles of the server at /debug/pprof/, to whoever can reach it."`
	LogLevel slog.Level    `help:"debug, info, warn or error (default ${default})." default:"warn" placeholder:"LEVEL"`
	webhookFlag
}

func (*serveCmd) Help() string {
	return `Serves the web pages, the sync protocol and /healthz. SIGTERM or Ctrl-C stops it within two seconds; killing
it loses nothing that was acknowledged.

  rivulet serve
  rivulet serve --addr 127.0.0.1:9000 --data /var/lib/rivulet --sync interval:1s
  rivulet serve --nats nats://10.0.0.5:4222 --replicas 3`
}

func (cmd *serveCmd) Run(ctx context.Context, std *streams) error {
	if cmd.Data == "" && cmd.NATS == "" {
		return errors.New("--data is empty: name the directory for the log")
	}
	sync, err := natsd.ParseSync(cmd.Sync)
	if err != nil {
		return err
	}
	if cmd.PerAddr < 0 {
		return errors.New("--per-address is a number of connections, or 0 for no bound")
	}
	hooks, err := cmd.webhookFlag.read()
	if err != nil {
		return err
	}
	srv, err := server.Start(ctx, server.Config{
		Addr: cmd.Addr, Data: cmd.Data, NATS: cmd.NATS, Replicas: cmd.Replicas, Sync: sync, Keep: max(cmd.Keep, 1), Webhooks: hooks,
		Sessions: session.Config{MaxPerPrincipal: cmp.Or(cmd.PerAddr, -1)},
		Debug:    cmd.Debug, Insecure: cmd.Insecure, Origins: cmd.Origin, Version: version, Web: web.Handler(web.Assets()),
		Logger: slog.New(slog.NewTextHandler(std.err, &slog.HandlerOptions{Level: cmd.LogLevel})),
	})
	if err != nil {
		return noNATS(unusable(cmd.Data, err))
	}
	store := "edits in " + cmd.Data + ", sync " + sync.String()
	if cmd.NATS != "" {
		store = "edits in a NATS cluster"
	}
	fmt.Fprintf(std.out, "Rivulet %s\n  open   %s\n  store  %s\n  stop   Ctrl-C\n", version, srv.URL(), store)
	if isTerminal(std.err) {
		go showCatchingUp(ctx, std.err, func() (list []server.Status) {
			for _, sub := range srv.Subscriptions() {
				list = append(list, sub.Status())
			}
			return list
		})
	}
	select {
	case <-ctx.Done():
	case err = <-srv.Failed():
	}
	if closing := srv.Close(); err == nil {
		err = closing
	}
	return err
}

// unusable says what to do about a data directory in which a server cannot store anything.
func unusable(dir string, err error) error {
	var locked *natsd.LockedError
	var path *fs.PathError
	switch {
	case errors.As(err, &locked):
		return fmt.Errorf("%w, with --data", err)
	case errors.As(err, &path):
		return fmt.Errorf("cannot store edits in %s: %w; choose another directory with --data, or change its permissions", dir, err)
	}
	return err
}

// noNATS says what to do when no NATS server answers.
func noNATS(err error) error {
	if errors.Is(err, nats.ErrNoServers) {
		return fmt.Errorf("%w; is a NATS server with JetStream running there?", err)
	}
	return err
}
