package table

import (
	"slices"

	"github.com/rivulet-sync/rivulet/shared/rank"
)

// shift is a row of the view whose place changed. Both items are in the tree
// until it is known whether the new place is in the window, so that the view
// is whole till then: old weighs 1, next weighs 0.
type shift struct {
	old, next *rank.Item[entry]
	inside    bool
}

// settle brings the view to the window's new rows, when the tree has taken in the
// whole batch: each row that differs yields one event, and what only passes
// through the window within the batch yields none.
func (v *View) settle() {
	if v.windowed() {
		v.settleShifts()
		v.trim()
		v.fill()
	}
	for _, it := range v.changed {
		if it.Weight() > 0 {
			v.t.shown(it.Value.rec)
			v.emit(Event{Kind: Change, To: v.tree.Offset(it)}, it)
		}
	}
	v.shifts, v.entered, v.changed = emptied(v.shifts), emptied(v.entered), emptied(v.changed)
}

// settleShifts removes the rows whose new place is outside, then moves the others.
func (v *View) settleShifts() {
	if len(v.shifts) == 0 {
		return
	}
	old := make([]int, len(v.shifts))
	for i, s := range v.shifts {
		old[i] = v.tree.Index(s.old)
	}
	slices.Sort(old)
	for i := range v.shifts {
		s := &v.shifts[i]
		// The old items count too; without them next will be at:
		at := v.tree.Index(s.next)
		before, _ := slices.BinarySearch(old, at)
		s.inside = v.start <= at-before && at-before < v.end
	}
	for _, s := range v.shifts {
		if !s.inside {
			v.emit(Event{Kind: Remove, From: v.tree.Offset(s.old)}, s.old)
			v.tree.Delete(s.old)
		}
	}
	for _, s := range v.shifts {
		if s.inside {
			v.shift(s)
		}
	}
}

// trim removes what is behind the window's edges now.
func (v *View) trim() {
	for {
		it, _ := v.tree.AtWeight(0)
		if it == nil || v.tree.Index(it) >= v.start {
			break
		}
		v.hide(it)
	}
	for {
		it, _ := v.tree.AtWeight(v.tree.Weight() - 1)
		if it == nil || v.tree.Index(it) < v.end {
			break
		}
		v.hide(it)
	}
}

// fill adds what is within the window now.
func (v *View) fill() {
	for _, it := range v.entered {
		if i := v.tree.Index(it); v.start <= i && i < v.end {
			v.show(it)
		}
	}
	end := min(v.end, v.tree.Len())
	missing := max(0, end-v.start) - v.tree.Weight()
	if missing == 0 {
		return
	}
	// The rest are rows that nobody wrote. Those of the view lie side by side, so
	// the rest are at the edges: before and behind them all.
	for it := v.tree.At(v.start); missing > 0; it = it.Next() {
		if it.Weight() == 0 {
			v.show(it)
			missing--
		} else if !it.Value.rec.touched {
			break
		}
	}
	for it := v.tree.At(end - 1); missing > 0; it = it.Prev() {
		if it.Weight() == 0 {
			v.show(it)
			missing--
		}
	}
}
