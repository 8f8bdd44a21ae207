package replica

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// Corrupt changes what the replica takes for confirmed, as a fault of memory or of
// the engine does. It must commute with what is pending.
func (d *Document) Corrupt(patch delta.Delta) {
	d.view.Apply(patch)
	d.observer.Patched(patch)
}

// GivenUp reports whether nothing is left of a pending mutation but a claim.
func (d *Document) GivenUp(tag uint64) bool {
	return slices.ContainsFunc(d.pending, func(m *mutation) bool { return m.tag == tag && m.claim != nil })
}
