package main

import (
	"context"
	"fmt"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) == 3 && os.Args[1] == "bare" {
		if err := serveBare(ctx, mode(os.Args[2])); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}
