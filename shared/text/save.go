package text

// saves is what is known of a text beyond what its document says, as it was before each
// own change of a transaction: the change may be taken back.
type saves struct {
	transaction uint64
	list        []save
	passages    []passage // of all, one after the other
}

type save struct {
	last        int
	own, others int // passages
	held, vague bool
	sum         int // splices
}

// maxSaves bounds the memory that is kept for the next transaction, in passages.
const maxSaves = 1024

// save saves what is known before a change; told is 1 if it is just being told of, 0
// if it is to come.
func (t *Text) save(told int) {
	transaction := t.doc.OnRevert(t, told)
	if transaction == 0 {
		return
	}
	s := &t.saves
	if s.transaction != transaction {
		s.transaction, s.list, s.passages = transaction, s.list[:0], s.passages[:0]
		if cap(s.passages) > maxSaves {
			s.list, s.passages = nil, nil
		}
	}
	k := save{last: t.state.last, own: len(t.state.own), others: len(t.state.others)}
	if t.holding {
		k.held, k.vague, k.sum = true, t.vague, len(t.sum)
	}
	s.list = append(s.list, k)
	s.passages = append(append(s.passages, t.state.own...), t.state.others...)
}

// Revert implements [doc.Reverter].
func (t *Text) Revert() {
	s := &t.saves
	n := len(s.list) - 1
	k := s.list[n]
	others := len(s.passages) - k.others
	own := others - k.own
	t.state.restore(k.last, s.passages[own:others], s.passages[others:])
	s.list, s.passages = s.list[:n], s.passages[:own]
	t.vague, t.sum = k.held && k.vague, t.sum[:k.sum]
}

// restore brings back what was known before changes that were taken back.
func (s *State) restore(last int, own, others []passage) {
	if len(s.batches) > 0 {
		s.settle()
	}
	s.last = last
	s.own = append(s.own[:0], own...)
	s.others = append(s.others[:0], others...)
}
