// Package server is a Rivulet server: NATS JetStream inside or beside it, the
// delta log, the live documents and the HTTP side, wired together.
//
//	srv, err := server.Start(ctx, server.Config{Data: "./data"})
//	if err != nil { ... }
//	defer srv.Close()
//	fmt.Println("open", srv.URL())
//
// What a server acknowledged is in the log; it may be killed at any moment.
package server
