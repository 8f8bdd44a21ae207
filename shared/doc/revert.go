package doc

// Reverter is derived state that knows more than the document says, such as who wrote
// what. Being told of each write, it cannot bring that back when a transaction, or a
// part of one, is taken back.
type Reverter interface {
	// Revert brings back what it was when [Doc.OnRevert] was called, the latest call
	// first. The document, and what is derived from it, is by then as it was before the
	// first of these.
	Revert()
}

// reverter is who is to be told when the writes from a place in the journal on are
// taken back.
type reverter struct {
	Reverter
	from int
}

// OnRevert has r told if what is written from now on in the transaction that runs is
// taken back; with told 1, if the write is of which r is being told. It returns the
// number of the transaction, which is 0 if none runs, or is just being taken back: then
// r is not told of anything.
func (d *Doc) OnRevert(r Reverter, told int) (transaction uint64) {
	p := d.pool
	if p == nil || p.tx.doc == nil || p.reverting {
		return 0
	}
	p.reverters = append(p.reverters, reverter{r, len(p.journal) - told})
	return d.transactions
}

// revert tells those who are to be told that the writes from a mark on are taken back.
func (p *pool) revert(mark int) {
	for n := len(p.reverters) - 1; n >= 0 && p.reverters[n].from >= mark; n-- {
		p.reverters[n].Revert()
		p.reverters[n] = reverter{}
		p.reverters = p.reverters[:n]
	}
}
