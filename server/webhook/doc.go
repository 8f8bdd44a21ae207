// Package webhook tells other programs of what is committed: it POSTs each event of the feed,
// as JSON, to a URL, signed as https://www.standardwebhooks.com says.
//
//	hook, err := webhook.New(webhook.Config{Name: "billing", URL: "https://example.com/rivulet", Secret: secret}, webhook.Options{Dead: dead})
//	sub, err := feeds.Subscribe(hook.Feed(), hook.Deliver)
//	err = sub.Run(ctx)
//
// # What it guarantees
//
//   - At least once, and in order for each document: an event is sent when the one before it
//     of the same document was taken, or given up. An event has a request of its own, of
//     which the header webhook-id and the body are the same at each attempt, whoever
//     is restarted in between.
//   - Only an answer of 2xx within Config.Timeout takes an event. Anything else is a failure,
//     after which the document waits, longer each time, while others go on.
//   - After Config.Attempts failures the event becomes a dead letter, stored with the reason
//     (see [DeadLetters]), and its document goes on with the next one. If it cannot be
//     stored, it is not given up.
//   - An answer of 410 Gone stops the webhook ([Hook.Gone]) until it is started again.
//
// Redirects are not followed, what is answered is read up to a bound, and neither the secret
// nor the query of the URL is in any error, log or status.
package webhook
