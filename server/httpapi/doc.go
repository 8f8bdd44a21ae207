// Package httpapi is the HTTP side of a server: the WebSocket endpoint of the
// sync protocol, documents for programs that do not follow them, the health check
// and the web pages.
//
//	GET   /v1/sync                 the sync protocol (package wire) over a WebSocket
//	GET   /v1/docs/<space>         the documents of a space, a line of JSON each; with ?watch=true goes on with a line for each that is created, changed or deleted
//	GET   /v1/docs/<space>/<id>    a document as canonical JSON, with an ETag; as it was with ?rev=17 or ?at=2026-11-21T10:00:00Z
//	PATCH /v1/docs/<space>/<id>    applies a JSON merge patch (RFC 7386, application/merge-patch+json); 204 when it is durable
//	GET   /v1/export/<space>       an archive of a space, with its history (package archive)
//	POST  /v1/import               stores an archive (application/x-ndjson); a line of JSON for each document, then {"done":true}
//	GET   /healthz                 200 while edits can be stored, 503 with the reason otherwise
//	GET   /                        the web pages
//
// The header Rivulet-Revision has the revision that an answer is about. An error is a line of text; only a
// revision above the document's last one is answered with application/problem+json (RFC 9457), 404, in which
// "head" is that last one.
//
// A page of a foreign origin cannot use the WebSocket, read a document or patch it, and while the server
// listens on the loopback interface only, requests must name it as a local host:
// a DNS name that somebody points at 127.0.0.1 does not get through.
package httpapi
