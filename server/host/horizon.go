package host

import (
	"time"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// What a client did last is remembered for a horizon (L3), counted from when it did
// that. Who is not remembered and may have been forgotten has expired: an id says when
// it was issued, and nobody is forgotten who was not there a horizon ago.

// clockMargin is how much longer than the horizon clients are remembered: servers whose
// clocks differ by less agree on whom they know.
const clockMargin = 24 * time.Hour

// expired reports whether a client of which nothing is known may have been forgotten.
func (h *Host) expired(client record.ClientID) bool {
	return client.Born() < h.cfg.Clock().Add(-h.cfg.Horizon).UnixMilli()
}

// forgetClients forgets those that were not heard of for longer than the horizon.
func (h *Host) forgetClients() {
	if len(h.clients) == 0 {
		return
	}
	before := h.cfg.Clock().Add(-h.cfg.Horizon - clockMargin).UnixMilli()
	for id, c := range h.clients {
		if c.Seen < before {
			delete(h.clients, id)
		}
	}
}
