package replica

import "github.com/rivulet-sync/rivulet/shared/delta"

// Corrupt changes what the replica takes for confirmed, as a fault of memory or of
// the engine does. It must commute with what is pending.
func (d *Document) Corrupt(patch delta.Delta) {
	d.view.Apply(patch)
	d.observer.Patched(patch)
}
