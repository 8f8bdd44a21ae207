package httpapi

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/rivulet-sync/rivulet/server/socket"
)

// Sessions serves accepted WebSockets.
type Sessions interface {
	Serve(conn *socket.Conn, principal string)
	Len() int
}

// Config wires the handler to the rest of the server.
type Config struct {
	Sessions Sessions
	Store    Documents
	// Health returns nil while edits can be stored.
	Health func() error
	// Documents returns how many documents are in memory.
	Documents func() int
	Version   string
	// Web serves the pages.
	Web    http.Handler
	Logger *slog.Logger
	// LocalOnly refuses requests whose Host is not a name of the local host.
	LocalOnly bool
	// Origins are further origins, as host[:port] patterns, whose pages may use
	// the WebSocket.
	Origins []string
	// StallWithin is how long the reader of a live listing may leave unread what is sent
	// before the connection is closed; 0 stands for 30 s.
	StallWithin time.Duration

	// Inbox is the inbox; nil: there is none.
	Inbox Inbox
	// Feeds is the feed; nil: there is none.
	Feeds Feeds
	// Webhooks are those of the server; nil: there are none.
	Webhooks Webhooks
	// Metrics says the numbers of the server; nil: there are none.
	Metrics http.Handler
	// Debug serves the profiles of net/http/pprof below /debug/pprof/.
	Debug bool

	listings  chan struct{} // has a token for each live listing
	following chan struct{} // and for each feed
}

// New returns the handler of a server.
func New(cfg Config) http.Handler {
	if cfg.StallWithin == 0 {
		cfg.StallWithin = stallWithin
	}
	cfg.listings = make(chan struct{}, maxListings)
	cfg.following = make(chan struct{}, maxFeeds)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/sync", cfg.sync)
	mux.HandleFunc("GET /healthz", cfg.health)
	cfg.documents(mux)
	cfg.archives(mux)
	cfg.feeds(mux)
	cfg.inboxes(mux)
	cfg.webhooks(mux)
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", cfg.Metrics)
	}
	if cfg.Debug {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	}
	mux.Handle("GET /", cfg.Web)
	if !cfg.LocalOnly {
		return mux
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "this server is for the local host only and was asked for as "+r.Host, http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (cfg Config) sync(w http.ResponseWriter, r *http.Request) {
	conn, err := socket.Accept(w, r, cfg.Origins)
	if err != nil {
		cfg.Logger.Info("websocket refused", "remote", r.RemoteAddr, "origin", r.Header.Get("Origin"), "error", err)
		return // Accept has answered
	}
	cfg.Sessions.Serve(conn, principalOf(r.RemoteAddr))
}

// principalOf returns who a connection counts for: an address, if it is of another machine.
func principalOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil || isLocal(remote) {
		return ""
	}
	return host
}

// health is what load balancers and people look at.
type health struct {
	Status    string `json:"status"` // "ok" or "unavailable"
	Reason    string `json:"reason,omitempty"`
	Version   string `json:"version"`
	Clients   int    `json:"clients"`
	Documents int    `json:"documents"` // in memory
}

func (cfg Config) health(w http.ResponseWriter, _ *http.Request) {
	h := health{Status: "ok", Version: cfg.Version, Clients: cfg.Sessions.Len(), Documents: cfg.Documents()}
	status := http.StatusOK
	if err := cfg.Health(); err != nil {
		h.Status, h.Reason = "unavailable", err.Error()
		status = http.StatusServiceUnavailable
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(h) //nolint:errcheck // the client is gone
}

func isLocal(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(trimBrackets(host))
	return ip != nil && ip.IsLoopback()
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}
