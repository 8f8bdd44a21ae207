package text

import (
	"cmp"
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Attribute is a mark that a piece of text has.
type Attribute struct {
	Name  string
	Value string // canonical JSON
}

// Run is a piece of text whose units all have the same marks.
type Run struct {
	Text       string
	Attributes []Attribute // sorted by name
}

// Runs returns the text as runs, the longest possible.
func (s *State) Runs() []Run {
	var runs []Run
	var b strings.Builder
	var now []Attribute               // of what comes next
	open := make(map[string][]string) // the values of the marks that are open, by name
	flush := func() {
		if b.Len() > 0 {
			runs = append(runs, Run{b.String(), now})
			b.Reset()
		}
	}
	changed := false
	for it := range s.tree.All() {
		c := it.Value
		if m := c.marker; m != nil {
			if stack := open[m.name]; m.begins {
				open[m.name] = append(stack, m.value)
			} else if len(stack) > 0 {
				open[m.name] = stack[:len(stack)-1]
			}
			changed = true
			continue
		}
		if changed {
			if next := attributes(open); !slices.Equal(next, now) {
				flush()
				now = next
			}
			changed = false
		}
		b.WriteString(c.text)
	}
	flush()
	return runs
}

func attributes(open map[string][]string) []Attribute {
	var list []Attribute
	for name, values := range open {
		if n := len(values); n > 0 {
			list = append(list, Attribute{name, values[n-1]})
		}
	}
	sorts.Func(list, func(a, b Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return list
}
