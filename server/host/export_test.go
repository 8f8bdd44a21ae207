package host

import (
	"context"
	"maps"

	"github.com/rivulet-sync/rivulet/jetstream/snapshot"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// MaxSaves is how many snapshots a registry holds at once.
const MaxSaves = maxSaves

// EvictIdle ends the hosts of all documents that nobody has open, as at the bound
// of [Config.MaxLive]. It returns a channel for each that is closed when the host has
// ended.
func (r *Registry) EvictIdle() (ended []<-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := make(map[record.Key]*entry)
	maps.Copy(before, r.hosts)
	r.evictIdle(0)
	for key, e := range before {
		if r.hosts[key] == nil {
			ended = append(ended, e.host.stopped)
		}
	}
	return ended
}

// Settle waits until all snapshots have been stored. No host may be left.
func (r *Registry) Settle() { r.saver.wg.Wait() }

// Load returns what a host knows once it has loaded a document.
func Load(ctx context.Context, cfg Config, key record.Key) (snapshot.Snapshot, error) {
	cfg = cfg.withDefaults()
	h := &Host{key: key, cfg: cfg, log: cfg.Logger}
	if err := h.load(ctx); err != nil {
		return snapshot.Snapshot{}, err
	}
	return snapshot.Snapshot{
		At: h.tail.Head, Records: h.records, Clients: h.clients,
		Checksum: h.doc.Checksum(), Document: h.doc.Canonical(),
	}, nil
}

// Window is what a host keeps of the end of a log, with the default bounds.
type Window struct{ recent recent }

// NewWindow returns one that has forgotten nothing yet.
func NewWindow() *Window {
	cfg := Config{}.withDefaults()
	return &Window{recent{maxRecords: cfg.KeepRecords, maxBytes: cfg.KeepBytes}}
}

// Add appends a record, as encoded.
func (w *Window) Add(rev record.Revision, data []byte, writes []delta.Write) {
	w.recent.add(committed{
		at: record.Position{Revision: rev}, frame: wire.EncodeCommit(1, rev, data), effects: []effect{{writes: writes}},
	})
}

// Kept returns how many records there are, and of how many bytes as frames.
func (w *Window) Kept() (records, size int) {
	for _, c := range w.recent.records {
		size += len(c.frame)
	}
	return len(w.recent.records), size
}

// Fold folds the last records.
func (w *Window) Fold(n int) ([]delta.Delta, bool) {
	return w.recent.fold(w.recent.records[len(w.recent.records)-n:])
}
