// Package e2e runs the real rivulet binary and a real Chromium for tests: start
// a server, kill it, restart it on the same data, cut the network, and use
// pages as people do, by mouse and keyboard.
//
// The suites of this package are written with it, and so can be those of an
// application built on Rivulet:
//
//	func TestMain(m *testing.M) { e2e.Main(m) }
//
//	func TestTwoPeople(t *testing.T) {
//		srv := e2e.StartServer(t, e2e.Options{})
//		ann, bob := e2e.NewPage(t), e2e.NewPage(t)
//		ann.Open(srv.URL() + "/#demo/board")
//		bob.Open(srv.URL() + "/#demo/board")
//		ann.Click(e2e.TestID("add-card"))
//		ann.Type("hello\n")
//		bob.WaitFor(`document.body.innerText.includes('hello')`)
//	}
//
// # What it guarantees
//
// Every helper takes the test it works for, fails that test with what it saw
// when something does not happen in time, and leaves nothing behind: servers
// and pages end with their test, the browser with the process. A missing
// browser or binary fails; nothing here ever skips.
//
// Waiting is for events. [Page.WaitFor] waits inside the page, on mutations of
// its DOM; only the start and the health of a server are polled.
//
// A page whose console shows an error or an uncaught exception fails its test
// when the test ends, unless [Page.Allow] announced it.
//
// A [Server], a [Page] and a [Proxy] belong to one goroutine at a time;
// [Together] runs several people at once.
//
// # Environment
//
//	RIVULET_BIN     the binary to test; without it the one of this source tree is built
//	RIVULET_CHROME  the browser; without it the usual names are looked for
package e2e
