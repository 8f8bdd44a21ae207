package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/rivulet-sync/rivulet/server/session"
)

// metrics are the numbers of a server, as GET /metrics says them in the format of Prometheus.
type metrics struct {
	server *Server

	clients, live, voids, ignored *prometheus.Desc
	sessions                      []sessionMetric
	feed                          []feedMetric
}

// sessionMetric is a number of what is sent to clients.
type sessionMetric struct {
	desc  *prometheus.Desc
	value func(*session.Stats) uint64
}

// feedMetric is a number of a subscription.
type feedMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*Status, time.Time) float64
}

func newMetrics(s *Server) *metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("rivulet_"+name, help, labels, nil)
	}
	m := &metrics{
		server:  s,
		clients: desc("clients", "Clients that are connected."),
		live:    desc("documents_in_memory", "Documents that are in memory."),
		voids:   desc("void_records_total", "Void records of the log that were passed over."),
		ignored: desc("presence_ignored_total", "Messages of presence between servers that were malformed."),
	}
	sent := func(name, help string, value func(*session.Stats) uint64) {
		m.sessions = append(m.sessions, sessionMetric{desc(name, help), value})
	}
	sent("messages_total", "Messages that were written to clients.", func(s *session.Stats) uint64 { return s.Messages })
	sent("message_bytes_total", "Bytes of them, before compression.", func(s *session.Stats) uint64 { return s.Bytes })
	sent("messages_shared_total", "Those that had been made for another client.", func(s *session.Stats) uint64 { return s.Shared })
	sent("slow_writes_total", "Times that a client had to be waited for.", func(s *session.Stats) uint64 { return s.Waited })
	sent("cut_off_total", "Times that a client was cut off from a document, to go on from where it was, because it read too slowly.", func(s *session.Stats) uint64 { return s.CutOff })
	add := func(kind prometheus.ValueType, name, help string, value func(*Status, time.Time) float64) {
		m.feed = append(m.feed, feedMetric{desc("feed_"+name, help, "subscription"), kind, value})
	}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	add(counter, "discovered_total", "Messages of the log that were read.", func(s *Status, _ time.Time) float64 { return float64(s.Discovered) })
	add(counter, "delivered_total", "Events that were delivered, again each time.", func(s *Status, _ time.Time) float64 { return float64(s.Delivered) })
	add(counter, "redelivered_total", "Events that were delivered although they may have been before.", func(s *Status, _ time.Time) float64 { return float64(s.Redelivered) })
	add(counter, "lookups_total", "Times that the log was asked for what is before a record.", func(s *Status, _ time.Time) float64 { return float64(s.Lookups) })
	add(counter, "gap_reads_total", "Readings of the histories of suspended documents.", func(s *Status, _ time.Time) float64 { return float64(s.Ranges) })
	add(counter, "failures_total", "Deliveries and readings that failed.", func(s *Status, _ time.Time) float64 { return float64(s.Failures) })
	add(gauge, "held", "Events in memory that wait for their predecessors.", func(s *Status, _ time.Time) float64 { return float64(s.Held) })
	add(gauge, "flight_bytes", "What takes memory of events that were read and are neither delivered nor held.", func(s *Status, _ time.Time) float64 { return float64(s.FlightBytes) })
	add(gauge, "suspended_documents", "Documents that cannot go on for now.", func(s *Status, _ time.Time) float64 { return float64(s.Gaps + s.Failed + s.NoRoom) })
	add(gauge, "oldest_gap_seconds", "Age of the oldest gap, 0 without one.", func(s *Status, now time.Time) float64 {
		if s.OldestGap.IsZero() {
			return 0
		}
		return now.Sub(s.OldestGap).Seconds()
	})
	add(counter, "log_replaced_total", "Times that the log was found to be another one while the server ran.", func(s *Status, _ time.Time) float64 { return float64(s.Replaced) })
	add(counter, "log_cut_total", "Times that a part of the log was found to have lost its end.", func(s *Status, _ time.Time) float64 { return float64(s.Cut) })
	add(gauge, "lag", "Messages of the log that are not settled.", func(s *Status, _ time.Time) float64 { return float64(s.Lag) })
	add(gauge, "caught_up", "1 once all was delivered that there was when the server began.", func(s *Status, _ time.Time) float64 {
		if s.CaughtUp {
			return 1
		}
		return 0
	})
	return m
}

// Describe implements [prometheus.Collector].
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	out <- m.clients
	out <- m.live
	out <- m.voids
	out <- m.ignored
	for _, f := range m.sessions {
		out <- f.desc
	}
	for _, f := range m.feed {
		out <- f.desc
	}
}

// Collect implements [prometheus.Collector].
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.MustNewConstMetric(m.clients, prometheus.GaugeValue, float64(m.server.sessions.Len()))
	out <- prometheus.MustNewConstMetric(m.live, prometheus.GaugeValue, float64(m.server.Live()))
	out <- prometheus.MustNewConstMetric(m.voids, prometheus.CounterValue, float64(m.server.log.Voids()))
	out <- prometheus.MustNewConstMetric(m.ignored, prometheus.CounterValue, float64(m.server.presence.Ignored()))
	stats := m.server.sessions.Stats()
	for _, f := range m.sessions {
		out <- prometheus.MustNewConstMetric(f.desc, prometheus.CounterValue, float64(f.value(&stats)))
	}
	now := time.Now()
	for _, sub := range m.server.Subscriptions() {
		st := sub.Status()
		for _, f := range m.feed {
			out <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&st, now), st.Name)
		}
	}
}
