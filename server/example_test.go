package server_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/rivulet-sync/rivulet/server"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// A Go program with the server inside reads and writes documents beside its browsers.
func Example() {
	ctx := context.Background()
	dir, _ := os.MkdirTemp("", "rivulet")
	defer os.RemoveAll(dir)
	srv, err := server.Start(ctx, server.Config{Addr: "127.0.0.1:0", Data: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer srv.Close()

	board := srv.Doc(record.Key{Space: "demo", ID: "board"})
	before, _ := board.Patch(ctx, []byte(`{"title":"Plans","likes":1}`))
	_, err = board.Update(ctx, func(tx *doc.Tx) error {
		_, err := tx.Add("/likes", 1)
		return err
	})
	now, _ := board.Get(ctx)
	then, _ := board.At(ctx, before)
	fmt.Printf("%s was %s (%v)\n", now.JSON, then.JSON, err)
	// Output: {"likes":2,"title":"Plans"} was {"likes":1,"title":"Plans"} (<nil>)
}
