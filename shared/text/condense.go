package text

import (
	"slices"
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// hunk is a stretch of a text that has become another one.
type hunk struct {
	pos      int // now
	was, now []uint16
}

// condense returns the splices that series of them amount to, each on the text that the
// one before it left, from the left to the right. What a splice put there again that
// an earlier one had taken away is untouched, and so is all that none of them names.
// What went on with the text before it does so still. Where a hunk is one person's text,
// what is inserted in it goes on with that, and with nothing else.
func condense(series []any, one bool) (splices []Splice) {
	var hunks []hunk
	var runs []int // where what goes on with the text before it begins, now
	for _, list := range series {
		list, _ := list.([]Splice)
		for _, sp := range list {
			hunks, runs = sp.onto(hunks), sp.among(runs)
		}
	}
	for _, h := range hunks {
		n := len(splices)
		splices = difference(splices, h.pos, string(utf16.Decode(h.was)), string(utf16.Decode(h.now)))
		for i := range splices[n:] {
			sp := &splices[n+i]
			goesOn := sp.Pos > h.pos
			if !one {
				goesOn = slices.Contains(runs, sp.Pos)
			}
			sp.Continues = goesOn && sp.Ins != ""
		}
	}
	return splices
}

// among moves the beginnings of what goes on with the text before it over a splice. What
// has something else before it then goes on with nothing.
func (sp Splice) among(runs []int) []int {
	kept := runs[:0]
	for _, at := range runs {
		if at < sp.Pos || at > sp.Pos+sp.Del {
			kept = append(kept, sp.Move(at, Right))
		}
	}
	if sp.Continues {
		kept = append(kept, sp.Pos)
	}
	return kept
}

// onto adds a splice to hunks, which are in order. Those that it touches become one.
func (sp Splice) onto(hunks []hunk) []hunk {
	was, ins := utf16.Encode([]rune(sp.Was)), utf16.Encode([]rune(sp.Ins))
	end := sp.Pos + len(was)
	i := 0
	for i < len(hunks) && hunks[i].pos+len(hunks[i].now) < sp.Pos {
		i++
	}
	all := hunk{pos: sp.Pos}
	at, j := sp.Pos, i // up to where the text before the splice is in all
	for ; j < len(hunks) && hunks[j].pos <= end; j++ {
		h := hunks[j]
		if h.pos < sp.Pos {
			all.pos = h.pos
		} else {
			between := was[at-sp.Pos : h.pos-sp.Pos]
			all.was, all.now = append(all.was, between...), append(all.now, between...)
		}
		all.was, all.now = append(all.was, h.was...), append(all.now, h.now...)
		at = max(sp.Pos, h.pos+len(h.now))
	}
	if at < end {
		all.was, all.now = append(all.was, was[at-sp.Pos:]...), append(all.now, was[at-sp.Pos:]...)
	}
	all.now = sorts.Replace(all.now, sp.Pos-all.pos, end-all.pos, ins...)
	hunks = sorts.Replace(hunks, i, j, all)
	for k := range hunks[i+1:] {
		hunks[i+1+k].pos += len(ins) - len(was)
	}
	return hunks
}
