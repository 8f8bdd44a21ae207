package delta

// Apply merges the patch into a document, the text of a valid object, and returns
// the text of what results (RFC 7386, section 2). It shares nothing with its
// arguments. Members are sorted in every object that the patch changes; everything
// else is copied as it stands, so the result is in canonical form if both were.
func Apply(document []byte, d Delta) []byte {
	var p, q tree
	q.read(d.Bytes(), guide{})
	p.read(document, guide{tree: &q})
	a := applier{document: &p, patch: &q, out: make([]byte, 0, len(document)+d.Len())}
	a.object(p.root, q.root)
	return a.out
}

type applier struct {
	document, patch *tree
	out             []byte
}

func (a *applier) object(document, patch members) {
	start := len(a.out)
	a.out = append(a.out, '{')
	m := merged{a.document.of(document), a.patch.of(patch)}
	for m.more() {
		p, q := m.next()
		switch {
		case q == nil:
			a.out = append(p.appendMember(a.out, start), p.value...)
		case q.isNull():
		case !q.isObject():
			a.out = append(q.appendMember(a.out, start), q.value...)
		case p != nil && p.isObject():
			a.out = q.appendMember(a.out, start)
			a.object(p.members, q.members)
		default: // merged into nothing
			a.out = q.appendMember(a.out, start)
			a.object(members{}, q.members)
		}
	}
	a.out = append(a.out, '}')
}
