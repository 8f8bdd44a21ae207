package text

import (
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// Origin is the author of the changes of a batch: [Own], [Others] or a name.
type Origin = doc.Author

const (
	// Others made them, nobody knows who.
	Others = doc.Others
	// Own changes: an edit of this session is undone or made again.
	Own = doc.Own
)

type batch struct {
	origin Origin
	done   []Splice
}

// Begin begins a batch of changes, one record of the log for instance, which are
// looked at together. Batches may nest: a rebase is one batch, in which undone,
// others' and repeated changes are batches of their own. Cursors and the watcher
// see only what the outermost batch amounts to.
func (s *State) Begin(o Origin) {
	if len(s.batches) > 0 {
		s.settle()
	}
	s.batches = append(s.batches, batch{origin: o})
}

// End ends the latest batch. It returns the splices that the changes amount to,
// each on the text that the one before it left. A compaction amounts to none.
func (s *State) End() []Splice {
	done := s.end()
	if len(s.batches) == 0 {
		if s.observed() {
			s.publish(s.derive(s.total))
		}
		clear(s.total)
	}
	return done
}

// EndAs is [State.End] for an outermost batch whose sum the caller knows: after a
// rebase it is others' splices as [Transform] left them behind one's own. The
// texts before and after tell less, where what was moved about looks alike.
func (s *State) EndAs(sum []Splice) []Splice {
	if len(s.batches) != 1 {
		panic("text: not the outermost batch")
	}
	done := s.end()
	clear(s.total)
	if s.observed() {
		s.publish(sum)
	}
	return done
}

// amountsTo reports whether a sum leads from the text before the outermost batch to the
// text now: what stands for the edits of a session may not be what they say, as long as
// it is not made again.
func (s *State) amountsTo(sum []Splice) bool {
	s.settle()
	return s.leads(s.total, sum)
}

// made returns how many splices were made since the outermost batch began.
func (s *State) made() (n int) {
	for i := range s.batches {
		n += len(s.batches[i].done)
	}
	return n
}

// done returns them.
func (s *State) done() (all []Splice) {
	for i := range s.batches {
		all = append(all, s.batches[i].done...)
	}
	return all
}

func (s *State) end() []Splice {
	s.settle()
	n := len(s.batches) - 1
	done := s.batches[n].done
	s.batches = s.batches[:n]
	if n > 0 {
		s.batches[n-1].done = append(s.batches[n-1].done, done...)
	}
	return done
}

func (s *State) origin() Origin {
	if n := len(s.batches); n > 0 {
		return s.batches[n-1].origin
	}
	return Others
}

// touch notes what was there before the first change of a member in a batch.
func (s *State) touch(key string, it *item) {
	if len(s.batches) == 0 {
		return
	}
	if _, known := s.touched[key]; known {
		return
	}
	text := ""
	if it != nil {
		text = it.Value.text
	}
	s.touched[key] = text
}

// settle finds the splices of the changes since it was last called.
func (s *State) settle() { s.settleAs(nil) }

// settleAs is settle with the splices that the changes may be.
func (s *State) settleAs(likely []Splice) {
	if len(s.touched) == 0 {
		return
	}
	var splices []Splice
	if len(likely) > 0 && s.leads(s.touched, likely) {
		splices = likely
	} else {
		splices = s.derive(s.touched)
	}
	by := s.origin()
	for i := range splices {
		sp := &splices[i]
		if by != Own && sp.Ins != "" {
			sp.Continues = s.others.reach(sp.Pos, by)
		}
		s.shift(sp, by, false)
		if by == Own && sp.Ins != "" {
			sp.Continues = s.own.reach(sp.Pos, Own) && s.own.reach(sp.Pos+1, Own)
		}
	}
	s.keep(splices)
}

// keep adds splices to the batch that is under way.
func (s *State) keep(splices []Splice) {
	if len(s.touched) > 0 {
		for key, text := range s.touched {
			if _, known := s.total[key]; !known {
				s.total[key] = text
			}
		}
		clear(s.touched)
	}
	b := &s.batches[len(s.batches)-1]
	b.done = append(b.done, splices...)
}

// shift moves what is remembered about places over a change, and remembers it. What was
// not typed, but is one's own, may have been there before; what was is where the last own
// edit ends, as the caller will say.
func (s *State) shift(sp *Splice, by Origin, typed bool) {
	if sp.Del > 0 && by == Own {
		s.bury(sp)
	}
	if !typed {
		s.last = sp.move(s.last, Left)
	}
	if sp.Del > 0 {
		s.own.delete(sp.Pos, sp.Del)
		s.others.delete(sp.Pos, sp.Del)
	}
	if n := Units(sp.Ins); n > 0 {
		if by == Own && !typed && s.exhume(sp.Pos, n, sp.Ins) {
			return
		}
		if by == Own {
			s.others.divide(sp.Pos, n, Own, othersPassagesMax)
			s.own.insert(sp.Pos, n, Own, ownPassagesMax)
		} else {
			s.own.divide(sp.Pos, n, by, ownPassagesMax)
			s.others.insert(sp.Pos, n, by, othersPassagesMax)
		}
	}
}

// derive compares the touched chunks with what they were. Touched chunks that
// have no other chunk between them are compared as one stretch of text.
func (s *State) derive(was map[string]string) []Splice {
	var splices []Splice
	s.stretchesOf(was, func(pos int, old, now string) {
		splices = difference(splices, pos, old, now)
	})
	return splices
}

// stretchesOf calls fn for each stretch of touched chunks, with where it is now.
func (s *State) stretchesOf(was map[string]string, fn func(pos int, old, now string)) {
	keys := make([]string, 0, len(was))
	for key := range was {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i := 0; i < len(keys); {
		first := s.seek(keys[i])
		pos := s.Len()
		if first != nil {
			pos = s.tree.Offset(first)
		}
		j := i
		var old, now strings.Builder
		it := first
		for {
			old.WriteString(was[keys[j]])
			if it != nil && it.Value.key == keys[j] {
				now.WriteString(it.Value.text)
				it = it.Next()
			}
			j++
			for it != nil && it.Value.marker != nil && (j == len(keys) || it.Value.key < keys[j]) {
				it = it.Next()
			}
			if j == len(keys) || it != nil && it.Value.key < keys[j] {
				break
			}
		}
		fn(pos, old.String(), now.String())
		i = j
	}
}

// leads reports whether splices lead from the text as it was in the touched chunks to
// the text now. They do if each stretch that was touched becomes what it is, and
// nothing else is changed.
func (s *State) leads(was map[string]string, splices []Splice) bool {
	type stretch struct {
		pos      int // now
		old, now []uint16
	}
	var list []stretch
	shift := 0 // from where things are now to where they were
	s.stretchesOf(was, func(pos int, old, now string) {
		st := stretch{pos + shift, utf16.Encode([]rune(old)), utf16.Encode([]rune(now))}
		shift += len(st.old) - len(st.now)
		list = append(list, st)
	})
	for _, sp := range splices {
		i := slices.IndexFunc(list, func(st stretch) bool {
			return st.pos <= sp.Pos && sp.Pos+sp.Del <= st.pos+len(st.old)
		})
		if i < 0 {
			return false
		}
		st := &list[i]
		ins := utf16.Encode([]rune(sp.Ins))
		at := sp.Pos - st.pos
		st.old = sorts.Replace(st.old, at, at+sp.Del, ins...)
		for j := i + 1; j < len(list); j++ {
			list[j].pos += len(ins) - sp.Del
		}
	}
	return !slices.ContainsFunc(list, func(st stretch) bool { return !slices.Equal(st.old, st.now) })
}

func (s *State) seek(key string) *item {
	return s.tree.SeekFunc(func(c *chunk) int { return strings.Compare(c.key, key) })
}
