// Package feed delivers what is committed to the log: every record of every document, or of
// those of a space, each document's in their order, to whoever subscribes.
//
//	feeds, err := feed.Open(ctx, feed.Config{Log: log, JetStream: js})
//	s, err := feeds.Subscribe(feed.Options{Name: "search", Space: "notes"}, func(ctx context.Context, events []feed.Event, attempt int) error {
//		return index.Put(ctx, events)
//	})
//	err = s.Run(ctx)
//
// # What it guarantees
//
//   - At least once: every revision is delivered, whatever is killed, at least once. Key and
//     Revision of an event identify it; who must not do a thing twice remembers the last
//     revision of a document that it has done.
//   - In order: the events of a document come in the order of their revisions. When something
//     is delivered again, what followed it is delivered again after it.
//   - By itself: a document whose delivery fails is tried again, later and later, and holds up
//     no other one.
//   - From where it was: how far a subscription has come is stored beside the log. It may run
//     on several servers, of which one delivers and another takes over when that is gone.
//
// Records that are void in the log are no events. What the log has forgotten (see
// deltalog.Log.Compact) before a subscription has come to it is replaced by one event of
// the kind Reset with the whole document.
//
// # Without a name
//
// Feed.Follow is for readers that remember a cursor by themselves, such as browsers that
// read server-sent events: it delivers in the order of the log, and stores nothing.
package feed
