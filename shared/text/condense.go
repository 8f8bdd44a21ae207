package text

import (
	"unicode/utf16"

	"github.com/rivulet-sync/rivulet/shared/sorts"
)

// hunk is a stretch of a text that has become another one.
type hunk struct {
	pos      int // now
	was, now []unit
}

// unit is a UTF-16 unit, with goesOn where what goes on with the text before it begins.
type unit uint32

const goesOn unit = 1 << 31

func unitsOf(text string) []unit {
	list := make([]unit, 0, len(text))
	for _, u := range utf16.Encode([]rune(text)) {
		list = append(list, unit(u))
	}
	return list
}

func textOf(list []unit) string {
	plain := make([]uint16, len(list))
	for i, u := range list {
		plain[i] = uint16(u)
	}
	return string(utf16.Decode(plain))
}

// condense returns the splices that series of them amount to, each on the text that the
// one before it left, from the left to the right. What a splice put there again that
// an earlier one had taken away is untouched, and so is all that none of them names.
// What went on with the text before it does so as long as that is before it. Where a hunk
// is one person's text, what is inserted in it goes on with that, and with nothing else.
func condense(series []any, one bool) (splices []Splice) {
	var hunks []hunk
	for _, list := range series {
		list, _ := list.([]Splice)
		for _, sp := range list {
			hunks = sp.onto(hunks)
		}
	}
	for _, h := range hunks {
		n := len(splices)
		splices = difference(splices, h.pos, textOf(h.was), textOf(h.now))
		for i := range splices[n:] {
			if sp := &splices[n+i]; sp.Ins != "" {
				sp.Continues = one && sp.Pos > h.pos || !one && h.now[sp.Pos-h.pos]&goesOn != 0
			}
		}
	}
	return splices
}

// onto adds a splice to hunks, which are in order. Those that it touches become one.
func (sp Splice) onto(hunks []hunk) []hunk {
	was, ins := unitsOf(sp.Was), unitsOf(sp.Ins)
	end := sp.Pos + len(was)
	i := 0
	for i < len(hunks) && hunks[i].pos+len(hunks[i].now) < sp.Pos {
		i++
	}
	all, j := hunk{pos: sp.Pos}, i
	if i < len(hunks) && hunks[i].pos <= sp.Pos {
		all, j = hunks[i], i+1
	}
	for at := all.pos + len(all.now); at < end || j < len(hunks) && hunks[j].pos == end; at = all.pos + len(all.now) {
		next := hunk{pos: end}
		if j < len(hunks) && hunks[j].pos <= end {
			next = hunks[j]
			j++
		}
		between := was[at-sp.Pos : next.pos-sp.Pos]
		all.was, all.now = append(append(all.was, between...), next.was...), append(append(all.now, between...), next.now...)
	}
	at := sp.Pos - all.pos
	all.now = sorts.Replace(all.now, at, end-all.pos, ins...)
	if sp.Continues && len(ins) > 0 {
		all.now[at] |= goesOn
	}
	if behind := at + len(ins); behind < len(all.now) {
		all.now[behind] &^= goesOn
	}
	hunks = sorts.Replace(hunks, i, j, all)
	for k := range hunks[i+1:] {
		hunks[i+1+k].pos += len(ins) - len(was)
	}
	return hunks
}
