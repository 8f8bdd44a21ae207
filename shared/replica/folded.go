package replica

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// patches returns what was folded, if the replica can go on by it.
func (d *Document) patches(f *wire.Opened) (patches [2]delta.Delta, err error) {
	first, second := f.Patches()
	if patches[0], err = delta.Parse(first); err == nil {
		patches[1], err = delta.Parse(second)
	}
	if d.doubted || f.At.Epoch != d.at.Epoch || f.At.Revision <= d.at.Revision {
		err = errors.New("folded onto a position that the replica does not hold")
	}
	return patches, err
}

// fold applies what was folded to the confirmed document, on which there are the first so many
// pending mutations: those that it contains. The others, which are off the view, have to be
// run again if they have read what it changes, or depend on what one of those has written:
// the log may have another attempt at that.
func (d *Document) fold(patches [2]delta.Delta, contained int) {
	rest := d.pending[contained:]
	for i := contained - 1; i >= 0; i-- {
		m := d.pending[i]
		d.takeOff(m)
		written(m.change.Writes, rest)
	}
	for _, m := range rest {
		m.stale = m.stale || contained > 0 && m.edits()
	}
	for _, patch := range patches {
		if patch.Len() > len(`{}`) {
			d.change(doc.Others, patch, rest)
		}
	}
	d.observer.Committed(d.at, nil)
}
