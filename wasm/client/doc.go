// Package client connects a replica to a server.
//
// [Link] keeps a connection: it dials, backs off, resumes and notices silence.
// It is a state machine that a driver runs, so the same one serves the browser
// (package bridge) and Go programs. For Go programs, [Client] is that driver, on
// coder/websocket:
//
//	c, err := client.Connect(ctx, client.Config{URL: "http://localhost:8080"})
//	if err != nil { ... }
//	defer c.Close()
//	d, err := c.Open(ctx, record.Key{Space: "demo", ID: "board"})
//	if err != nil { ... }
//	_, err = d.Update(ctx, func(tx *doc.Tx) error {
//		return tx.Set("/title", []byte(`"Plans"`))
//	})
//
// Update returns when the edit is in the server's log, whatever happens to the
// connection meanwhile. The function may run again when others were first.
package client
