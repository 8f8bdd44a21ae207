package replica

import (
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// OnRedone has fn told of pending mutations, by their tags, that have become another
// change than the one which Mutate or Invoke returned, because they were run again on
// what others have done, or because the log has an earlier attempt. An empty change
// says that nothing is left of the mutation. It is for those who want to take edits
// back, such as [undo.Stack.Redid]: the inverses of its edits, for which fn has to ask
// before it returns, are good until fn is told of the mutation anew.
//
// fn is told as soon as a mutation is in the view, before later ones are run again:
// one of them may be what takes it back. For that it may be told of mutations that are
// what they were. It must not call the document.
func (d *Document) OnRedone(fn func(tag uint64, change doc.Change)) { d.onRedone = fn }

// tellOf tells of a mutation that was put on the view just now.
func (d *Document) tellOf(m *mutation) {
	if m.redone = false; d.onRedone != nil {
		d.onRedone(m.tag, m.change)
	}
}

// tellOver tells of a mutation that is not in the view any more as it was.
func (d *Document) tellOver(m *mutation) {
	if m.redone && d.onRedone != nil {
		change := m.change
		change.Edits = nil // they cannot say what takes them back: they are not the latest
		d.onRedone(m.tag, change)
	}
	m.redone = false
}

// retakes reports whether the function of a mutation may have to run. It may take back
// what is below, and has to be told where that is.
func (m *mutation) retakes() bool { return m.missed || doc.Outdated(m.change.Edits) }

// endWait ends the wait of functions, and reports whether one is due.
func (d *Document) endWait() (due bool) {
	for _, m := range d.pending {
		waited := m.waits
		m.waits = false
		due = due || waited && m.edits() && d.due(m)
	}
	return due
}

// lastRetaking returns the index of the last of them that may, -1 if none does, or if
// nobody is to be told.
func (d *Document) lastRetaking(list []*mutation) int {
	if d.onRedone == nil {
		return -1
	}
	i := len(list) - 1
	for i >= 0 && !list[i].retakes() {
		i--
	}
	return i
}
