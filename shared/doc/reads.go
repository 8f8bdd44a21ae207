package doc

import (
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// MaxReads bounds how many reads of one transaction are told apart.
const MaxReads = 4000

// readList collects reads. The zero readList is empty.
type readList struct {
	list []delta.Read
	all  bool // there were more than are told apart
}

func (l *readList) add(r delta.Read) {
	if l.all {
		return
	}
	if l.list = append(l.list, r); len(l.list) > 2*MaxReads {
		l.compact()
	}
}

func (l *readList) compact() {
	sorts.Func(l.list, func(a, b delta.Read) int {
		if a.Path != b.Path {
			return strings.Compare(string(a.Path), string(b.Path))
		}
		return int(a.Kind) - int(b.Kind)
	})
	l.list = slices.Compact(l.list)
	if len(l.list) > MaxReads {
		l.all, l.list = true, nil
	}
}

// reset empties the list, to be filled again. The paths stay until then: they are short.
func (l *readList) reset() {
	if l.list, l.all = l.list[:0], false; cap(l.list) > maxPooled {
		l.list = nil
	}
}

// set returns the reads, each once, sorted by path and kind.
func (l *readList) set() []delta.Read {
	if len(l.list) > 1 {
		l.compact()
	}
	if l.all {
		return []delta.Read{delta.WholeDocument}
	}
	return l.list
}

// join returns the set of the reads of two lists.
func (l *readList) join(other *readList) []delta.Read {
	switch {
	case len(other.list) == 0 && !other.all:
		return l.set()
	case len(l.list) == 0 && !l.all:
		return other.set()
	}
	both := readList{list: slices.Concat(l.list, other.list), all: l.all || other.all}
	return both.set()
}
