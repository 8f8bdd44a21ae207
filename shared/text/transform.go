package text

// Transform makes edits that were made side by side follow each other: p, one's
// own, and others', which come first. Each is a list of splices, each on the text
// that the one before it left. The text with others and then p2 is the text with
// p and then others2.
//
// Where both insert at one place, p's text stays before others', next to what
// its author typed before; unless others' [Splice.Continues] there. What others
// inserted within a range that p deletes stays.
func Transform(p, others []Splice) (p2, others2 []Splice) {
	switch {
	case len(p) == 0 || len(others) == 0:
		return p, others
	case len(p) == 1 && len(others) == 1:
		return transformOne(p[0], others[0])
	case len(others) > 1:
		for i := range others {
			var other []Splice
			p, other = Transform(p, others[i:i+1])
			others2 = append(others2, other...)
		}
		return p, others2
	}
	for i := range p {
		var own []Splice
		own, others = Transform(p[i:i+1], others)
		p2 = append(p2, own...)
	}
	return p2, others
}

func join(a, b []Splice) []Splice {
	return append(append(make([]Splice, 0, len(a)+len(b)), a...), b...)
}

// transformOne takes the replacements apart, then puts them together again.
func transformOne(p, f Splice) (p2, f2 []Splice) {
	if p.Pos+p.Del < f.Pos {
		f.Pos += Units(p.Ins) - p.Del
		return []Splice{p}, []Splice{f}
	}
	if f.Pos+f.Del < p.Pos {
		p.Pos += Units(f.Ins) - f.Del
		return []Splice{p}, []Splice{f}
	}
	if f.Del > 0 && f.Ins != "" && f.Pos+f.Del == p.Pos {
		// What stands behind the text that f replaces stands behind its new text too.
		p.Pos += Units(f.Ins) - f.Del
		p.Continues = false
		return []Splice{p}, []Splice{f}
	}
	if pa, fa := p.parts(), f.parts(); len(pa) > 1 || len(fa) > 1 {
		p2, f2 = Transform(pa, fa)
		return fuse(p2), fuse(f2)
	}
	n, m := Units(p.Ins), Units(f.Ins)
	switch {
	case p.Del == 0 && f.Del == 0:
		// Both insert at one place: else one of the cases above.
		if f.Continues {
			p.Pos += m
		} else {
			f.Pos += n
		}
	case p.Del == 0:
		p2, f2 = []Splice{p}, deleteAround(f, p.Pos, n)
		p2[0].followDeletion(f)
		return p2, f2
	case f.Del == 0:
		p2, f2 = deleteAround(p, f.Pos, m), []Splice{f}
		f2[0].followDeletion(p)
		return p2, f2
	default:
		return deleteRest(p, f), deleteRest(f, p)
	}
	return []Splice{p}, []Splice{f}
}

// parts returns a splice as a deletion and an insertion.
func (sp Splice) parts() []Splice {
	if sp.Del > 0 && sp.Ins != "" {
		return []Splice{{Pos: sp.Pos, Del: sp.Del, Was: sp.Was}, {Pos: sp.Pos, Ins: sp.Ins, Continues: sp.Continues}}
	}
	return []Splice{sp}
}

// fuse joins a deletion with an insertion right there.
func fuse(list []Splice) []Splice {
	out := make([]Splice, 0, len(list))
	for _, sp := range list {
		if n := len(out); n > 0 && out[n-1].Ins == "" && sp.Del == 0 && sp.Pos == out[n-1].Pos {
			out[n-1].Ins, out[n-1].Continues = sp.Ins, sp.Continues
			continue
		}
		out = append(out, sp)
	}
	return out
}

// followDeletion moves an insertion over a deletion that came first. With what
// was before it gone, it does not continue that any more.
func (sp *Splice) followDeletion(d Splice) {
	if sp.Pos > d.Pos {
		sp.Continues = sp.Continues && sp.Pos > d.Pos+d.Del
		sp.Pos = max(d.Pos, sp.Pos-d.Del)
	}
}

// deleteAround returns deletion d after n units were inserted at pos.
func deleteAround(d Splice, pos, n int) []Splice {
	switch head := pos - d.Pos; {
	case head <= 0:
		d.Pos += n
		return []Splice{d}
	case head >= d.Del:
		return []Splice{d}
	default:
		return []Splice{
			{Pos: pos + n, Del: d.Del - head, Was: cut(d.Was, head, d.Del)},
			{Pos: d.Pos, Del: head, Was: cut(d.Was, 0, head)},
		}
	}
}

// deleteRest returns what is left to delete of d after other was deleted.
func deleteRest(d, other Splice) []Splice {
	end, otherEnd := d.Pos+d.Del, other.Pos+other.Del
	before := max(0, min(end, other.Pos)-d.Pos) // units of d before other
	behind := max(0, end-max(d.Pos, otherEnd))  // and behind it
	if before+behind == 0 {
		return nil
	}
	was := cut(d.Was, 0, before) + cut(d.Was, d.Del-behind, d.Del)
	pos := d.Pos
	if pos > other.Pos {
		pos = max(other.Pos, pos-other.Del)
	}
	return []Splice{{Pos: pos, Del: before + behind, Was: was}}
}
