package inbox

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
)

// paths are the places that were written by others, each once.
type paths struct {
	at     map[delta.Pointer]struct{}
	within map[delta.Pointer]struct{} // above any of them
	// all is set when everything has to be taken as written.
	all bool
}

// maxPaths bounds them: past it everything has to be taken as written.
const maxPaths = 10_000

func (p *paths) empty() bool { return !p.all && len(p.at) == 0 }

// add adds what a patch writes.
func (p *paths) add(d delta.Delta) {
	if p.all {
		return
	}
	if p.at == nil {
		p.at, p.within = map[delta.Pointer]struct{}{}, map[delta.Pointer]struct{}{}
	}
	d.Leaves(func(leaf delta.Pointer) bool {
		p.at[leaf] = struct{}{}
		for up, ok := leaf.Parent(); ok; up, ok = up.Parent() {
			if _, known := p.within[up]; known {
				break // and so is what is above
			}
			p.within[up] = struct{}{}
		}
		if len(p.at) > maxPaths {
			p.everything()
		}
		return !p.all
	})
}

func (p *paths) everything() { *p = paths{all: true} }

// overlap returns a place that a patch writes at, above or below one of them. Patches that do
// not overlap come to the same in either order.
func (p *paths) overlap(d delta.Delta) (at delta.Pointer, any bool) {
	if p.empty() {
		return "", false
	}
	d.Leaves(func(leaf delta.Pointer) bool {
		_, any = p.within[leaf]
		for up, ok := leaf, true; ok && !any; up, ok = up.Parent() {
			_, any = p.at[up]
		}
		at, any = leaf, any || p.all
		return !any
	})
	return at, any
}

func (p *paths) clone() paths {
	c := paths{all: p.all}
	if len(p.at) > 0 {
		c.at, c.within = make(map[delta.Pointer]struct{}, len(p.at)), make(map[delta.Pointer]struct{}, len(p.within))
		for at := range p.at {
			c.at[at] = struct{}{}
		}
		for at := range p.within {
			c.within[at] = struct{}{}
		}
	}
	return c
}
