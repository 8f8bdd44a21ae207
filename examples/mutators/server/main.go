// Command server is a Rivulet server with the mutations of a shop. Clients write the
// documents of the space "shop" by these and by nothing else.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"

	"github.com/rivulet-sync/rivulet/examples/mutators/shop"
	"github.com/rivulet-sync/rivulet/server"
)

func main() {
	addr := flag.String("addr", server.DefaultAddr, "where to listen")
	data := flag.String("data", "./data", "`directory` of the log")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	srv, err := server.Start(ctx, server.Config{
		Addr: *addr, Data: *data, Mutators: shop.Mutators(), Policy: policy,
	})
	if err != nil {
		log.Fatal(err)
	}
	log.Println("serving", srv.URL())
	<-ctx.Done()
	if err := srv.Close(); err != nil {
		log.Fatal(err)
	}
}

func policy(space string) server.Policy {
	if space == "shop" {
		return server.Only
	}
	return server.Trust
}
