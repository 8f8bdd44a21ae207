package text

import (
	"slices"
	"strings"
	"unicode/utf16"
)

// Origin says where the changes of a batch come from.
type Origin uint8

const (
	// Others made them.
	Others Origin = iota
	// Own changes: an edit of this session is undone or made again.
	Own
)

type batch struct {
	origin Origin
	done   []Splice
}

// runs are stretches of text that were typed in one go, the latest last.
type runs []run

type run struct{ from, to int }

// runsMax bounds how many runs are known, of one's own and of others' each.
const (
	ownRunsMax    = 8
	othersRunsMax = 32
)

// endAt reports whether a run ends at pos once del units there are gone.
func (rs runs) endAt(pos, del int) bool {
	for _, r := range rs {
		if r.from < pos && pos <= r.to && r.to <= pos+del {
			return true
		}
	}
	return false
}

// delete notes that n units at pos are gone. A run without text is none: where it
// ended there is another one's text.
func (rs *runs) delete(pos, n int) {
	kept := (*rs)[:0]
	for _, r := range *rs {
		if r = (run{without(r.from, pos, n), without(r.to, pos, n)}); r.from < r.to {
			kept = append(kept, r)
		}
	}
	*rs = kept
}

func without(at, pos, n int) int { return at - min(n, max(0, at-pos)) }

// divide notes that somebody else has inserted n units at pos. Of a run that this
// divides the end is left.
func (rs runs) divide(pos, n int) {
	for i, r := range rs {
		switch {
		case pos <= r.from:
			rs[i] = run{r.from + n, r.to + n}
		case pos < r.to:
			rs[i] = run{pos + n, r.to + n}
		}
	}
}

// insert notes that n units were typed at pos, behind a run or as a new one.
func (rs *runs) insert(pos, n, limit int) {
	goesOn := false
	list := *rs
	for i, r := range list {
		switch {
		case pos <= r.from:
			list[i] = run{r.from + n, r.to + n}
		case pos <= r.to:
			goesOn = goesOn || pos == r.to
			list[i].to += n
		}
	}
	switch {
	case goesOn:
	case len(list) < limit:
		*rs = append(list, run{pos, pos + n})
	default:
		copy(list, list[1:])
		list[limit-1] = run{pos, pos + n}
	}
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

// EndIf is EndAs if the sum leads from the text before to the text now, else
// [State.End]: what stands for the edits of a session may not be what they say, as
// long as it is not made again.
func (s *State) EndIf(sum []Splice) []Splice {
	if s.observed() {
		s.settle()
		if !s.leads(sum) {
			return s.End()
		}
	}
	return s.EndAs(sum)
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
func (s *State) settle() {
	if len(s.touched) == 0 {
		return
	}
	splices := s.derive(s.touched)
	others := s.origin() == Others
	for i := range splices {
		sp := &splices[i]
		if others && sp.Ins != "" {
			sp.Continues = s.continues(sp.Pos, s.others.endAt(sp.Pos, sp.Del))
		}
		s.shift(sp, !others)
	}
	s.keep(splices)
}

// continues decides on which side of an insertion at pos a pending one of this
// session is to be. Where the two do not read what the other writes both stand,
// so it must say what the keys say: behind what was appended to a chunk, before
// what was put in front of one or behind an own chunk that is typed into.
func (s *State) continues(pos int, known bool) bool {
	it, within := s.tree.AtWeight(pos)
	c := it.Value
	if was := s.touched[c.key]; was != "" {
		if within == 0 {
			return false
		}
		if Units(was) == within && strings.HasPrefix(c.text, was) {
			return true
		}
	}
	if within == 0 && pos > 0 {
		if left, _ := s.find(pos); left.Value.mine {
			return false
		}
	}
	return known
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

// shift moves what is remembered about places over a change, and remembers it.
func (s *State) shift(sp *Splice, own bool) {
	s.last = sp.move(s.last, Left)
	if sp.Del > 0 {
		s.own.delete(sp.Pos, sp.Del)
		s.others.delete(sp.Pos, sp.Del)
	}
	if n := Units(sp.Ins); n > 0 {
		typist, rest, limit := &s.others, &s.own, othersRunsMax
		if own {
			typist, rest, limit = &s.own, &s.others, ownRunsMax
		}
		rest.divide(sp.Pos, n)
		typist.insert(sp.Pos, n, limit)
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

// leads reports whether splices lead from the text before the outermost batch to
// the text now. They do if each stretch that was touched becomes what it is, and
// nothing else is changed.
func (s *State) leads(splices []Splice) bool {
	type stretch struct {
		pos      int // now
		old, now []uint16
	}
	var list []stretch
	shift := 0 // from where things are now to where they were
	s.stretchesOf(s.total, func(pos int, old, now string) {
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
		st.old = slices.Replace(st.old, at, at+sp.Del, ins...)
		for j := i + 1; j < len(list); j++ {
			list[j].pos += len(ins) - sp.Del
		}
	}
	return !slices.ContainsFunc(list, func(st stretch) bool { return !slices.Equal(st.old, st.now) })
}

func (s *State) seek(key string) *item {
	return s.tree.SeekFunc(func(c *chunk) int { return strings.Compare(c.key, key) })
}
