package server

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	intake "github.com/rivulet-sync/rivulet/jetstream/inbox"
)

// inboxMetrics are the numbers of the inbox, while this server runs it.
type inboxMetrics struct {
	server *Server
	all    []inboxMetric
}

type inboxMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*intake.Status, time.Time) float64
}

func newInboxMetrics(s *Server) *inboxMetrics {
	m := &inboxMetrics{server: s}
	add := func(kind prometheus.ValueType, name, help string, value func(*intake.Status, time.Time) float64) {
		m.all = append(m.all, inboxMetric{prometheus.NewDesc("rivulet_inbox_"+name, help, nil, nil), kind, value})
	}
	counter, gauge := prometheus.CounterValue, prometheus.GaugeValue
	add(counter, "discovered_total", "Events that were read.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Discovered) })
	add(counter, "applied_total", "Events that were applied.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Applied) })
	add(counter, "parked_total", "Events that were parked.", func(s *intake.Status, _ time.Time) float64 { return float64(s.NowParked) })
	add(counter, "gap_reads_total", "Readings of the events of documents that waited.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Ranges) })
	add(counter, "failures_total", "Attempts that failed.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Failures) })
	add(gauge, "parked", "Events that are parked.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Parked) })
	add(gauge, "held", "Events in memory that wait for their predecessors.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Held) })
	add(gauge, "waiting_documents", "Documents with events whose predecessor is missing.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Stats.Gaps) })
	add(gauge, "failing_documents", "Documents that are tried again.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Failed) })
	add(gauge, "oldest_gap_seconds", "Age of the oldest gap, 0 without one.", func(s *intake.Status, now time.Time) float64 {
		if s.OldestGap.IsZero() {
			return 0
		}
		return now.Sub(s.OldestGap).Seconds()
	})
	add(gauge, "lag", "Events that are not settled.", func(s *intake.Status, _ time.Time) float64 { return float64(s.Lag) })
	return m
}

// Describe implements [prometheus.Collector].
func (m *inboxMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, one := range m.all {
		out <- one.desc
	}
}

// Collect implements [prometheus.Collector].
func (m *inboxMetrics) Collect(out chan<- prometheus.Metric) {
	s := m.server.inbox.Status()
	if !s.Running {
		return
	}
	now := time.Now()
	for _, one := range m.all {
		out <- prometheus.MustNewConstMetric(one.desc, one.kind, one.value(&s, now))
	}
}
