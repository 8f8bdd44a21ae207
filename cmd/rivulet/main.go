// Command rivulet is the server and the command line client of Rivulet, a
// real-time document engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker.
var version = "development"

type cli struct {
	Serve    serveCmd    `cmd:"" help:"Run a server."`
	Get      getCmd      `cmd:"" help:"Print a document as canonical JSON."`
	Put      putCmd      `cmd:"" help:"Make a document equal to a JSON file."`
	Patch    patchCmd    `cmd:"" help:"Merge a JSON merge patch into a document."`
	Ls       lsCmd       `cmd:"" help:"List the documents of a space."`
	Restore  restoreCmd  `cmd:"" help:"Make a document what it was at a revision or a time."`
	Rm       rmCmd       `cmd:"" help:"Delete a document."`
	Compact  compactCmd  `cmd:"" help:"Have the server free the disk space of old history now."`
	Export   exportCmd   `cmd:"" help:"Write documents, with their history, to a file: a backup."`
	Import   importCmd   `cmd:"" help:"Store the documents of an export."`
	Inbox    inboxCmd    `cmd:"" help:"Apply events that come in no order, such as those of a device that was offline."`
	Gaps     gapsCmd     `cmd:"" help:"List what the inbox could not apply: events whose predecessor is missing, and conflicts."`
	Verify   verifyCmd   `cmd:"" help:"Check that an export is whole, without a server."`
	Move     moveCmd     `cmd:"" help:"Copy the log of a stopped server to a NATS cluster."`
	Feed     feedCmd     `cmd:"" help:"Print what is committed to the documents of a space, from a cursor on."`
	Webhooks webhooksCmd `cmd:"" help:"Show what webhooks are doing, and what they have given up."`
	Watch    watchCmd    `cmd:"" help:"Print the changes of a document as they are committed."`
	Log      logCmd      `cmd:"" help:"Print all changes of a document since it was created."`
	Bench    benchCmd    `cmd:"" help:"Measure what a server can do on this machine."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

const description = `Rivulet keeps JSON documents in sync between browsers, Go programs and servers.

A document has a key, space/id, such as demo/board. It is created by the first edit. Every edit is a
JSON merge patch (RFC 7386) in the document's log; a revision is a place in that log.

  rivulet serve                                   start a server, then open http://localhost:8080
  rivulet put demo/board board.json               load a document
  rivulet patch demo/board '{"title":"Plans"}'    change a part of it; null deletes a member
  rivulet get demo/board                          print it
  rivulet watch demo/board                        follow what others do

All commands but serve, verify, move and bench talk to a running server: --server, or RIVULET_URL, names it.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// streams are the standard streams of a command.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs one command line and returns the exit status.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	exit := -1
	parser, err := kong.New(&cli{},
		kong.Name("rivulet"), kong.Description(description),
		kong.Vars{"version": "rivulet " + version},
		kong.Writers(out, errs), kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
	)
	if err != nil {
		panic("rivulet: the command line's definition is broken: " + err.Error())
	}
	switch {
	case len(args) == 0:
		args = []string{"--help"}
	case args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help or --version was printed
	}
	if err != nil {
		about, text := commandOf(err), err.Error()
		if about == "" {
			text = strings.Replace(text, "unexpected argument", "there is no command", 1)
		}
		fmt.Fprintf(errs, "rivulet: %s; see rivulet %s--help\n", text, about)
		return exitUsage
	}
	command.BindTo(ctx, (*context.Context)(nil))
	if err := command.Run(&streams{in: in, out: out, err: errs}); err != nil && !interrupted(ctx, err) {
		fmt.Fprintf(errs, "rivulet: %s\n", oneLine(err))
		return exitFailed
	}
	return exitOK
}

// interrupted reports whether a command ended because the user told it to.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, context.Canceled)
}

// commandOf returns the name of the command that a usage error is about, with a
// space after it, or nothing.
func commandOf(err error) string {
	var usage *kong.ParseError
	if errors.As(err, &usage) && usage.Context != nil && usage.Context.Selected() != nil {
		return usage.Context.Selected().Name + " "
	}
	return ""
}
