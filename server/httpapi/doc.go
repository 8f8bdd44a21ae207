// Package httpapi is the HTTP side of a server: the WebSocket endpoint of the
// sync protocol, the health check and the web pages.
//
//	GET /v1/sync   the sync protocol (package wire) over a WebSocket
//	GET /healthz   200 while edits can be stored, 503 with the reason otherwise
//	GET /          the web pages
//
// A page of a foreign origin cannot use the WebSocket, and while the server
// listens on the loopback interface only, requests must name it as a local host:
// a DNS name that somebody points at 127.0.0.1 does not get through.
package httpapi
