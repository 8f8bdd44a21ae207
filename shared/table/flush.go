package table

// notifier has something to tell its listeners.
type notifier interface{ notify() }

// Flush ends a batch: live results take in what was written since the last one,
// and their listeners are told. Listeners may use the table in any way; a Flush
// that one of them calls moves the results at once, and the calls that it leads
// to come after those that are due.
func (t *Table) Flush() {
	t.sync()
	t.flushing = true
	for _, r := range t.touched {
		t.present(r)
	}
	for _, w := range t.woken {
		w.woken = false
		w.sink.settle()
	}
	for _, w := range t.fresh {
		w.fresh = false
	}
	for _, r := range t.touched {
		r.touched = false
		if r.row == nil {
			delete(t.rows, r.id)
		}
	}
	t.woken, t.fresh, t.touched = emptied(t.woken), nil, emptied(t.touched)
	t.flushing = false
	t.send()
}

// present tells the live results about a row.
func (t *Table) present(r *record) {
	changed := t.rehash(r)
	t.round++
	for i := len(r.held) - 1; i >= 0; i-- {
		w := r.held[i].watch
		w.round = t.round
		switch {
		case !changed && !w.fresh:
		case r.row != nil && t.wants(w, r):
			t.wake(w)
			r.held[i].item = w.sink.stay(r, r.held[i].item)
		default:
			t.wake(w)
			w.sink.leave(r, r.held[i].item)
			r.dropAt(i)
		}
	}
	if r.row == nil || !changed && len(t.fresh) == 0 {
		return
	}
	for _, w := range t.general {
		t.offer(w, r)
	}
	for _, route := range t.routes {
		key := t.group[:0]
		for i := range route.fields {
			key = route.fields[i].appendOf(key, r.row)
		}
		t.group = key
		for _, w := range route.watches[string(key)] {
			t.offer(w, r)
		}
	}
}

// offer takes the row into a live result that does not hold it, if it wants it.
func (t *Table) offer(w *watch, r *record) {
	if w.round == t.round || !t.wants(w, r) {
		return
	}
	w.round = t.round
	t.wake(w)
	r.held = append(r.held, held{w, w.sink.enter(r)})
}

func (t *Table) wants(w *watch, r *record) bool {
	t.work.matched++
	return matchesAll(w.where, r.row, &t.key)
}

func (t *Table) wake(w *watch) {
	if !w.woken {
		w.woken = true
		t.woken = append(t.woken, w)
	}
}

// rehash reports whether the row may differ from what live results hold. It is
// exact for rows that someone is shown.
func (t *Table) rehash(r *record) bool {
	before := r.hash
	r.hash = 0
	if before == 0 || r.row == nil || len(r.held) == 0 {
		return true
	}
	r.hash = hash(t.seed, r.row.Raw())
	return r.hash != before
}

// shown notes that the row's content is known to someone. While a row has
// unfinished changes its hash must stay that of what was there before.
func (t *Table) shown(r *record) {
	if r.hash == 0 && (t.flushing || !r.touched) {
		r.hash = hash(t.seed, r.row.Raw())
	}
}

// queue has n told, after those that are due.
func (t *Table) queue(n notifier) { t.outbox = append(t.outbox, n) }

func (t *Table) send() {
	if t.sending {
		return
	}
	t.sending = true
	defer func() { t.sending = false }()
	for len(t.outbox) > 0 {
		n := t.outbox[0]
		t.outbox = t.outbox[1:]
		n.notify()
	}
	t.outbox = nil
}

// listeners are the functions that are told of a result's changes.
type listeners[E any] struct{ list []*func(E) }

// add returns a function that takes fn off again.
func (l *listeners[E]) add(fn func(E)) (stop func()) {
	entry := &fn
	// The list is not changed in place: it may be under way.
	l.list = append(l.list[:len(l.list):len(l.list)], entry)
	return func() {
		fn = nil
		var rest []*func(E)
		for _, other := range l.list {
			if other != entry {
				rest = append(rest, other)
			}
		}
		l.list = rest
	}
}

func (l *listeners[E]) call(e E) {
	for _, fn := range l.list {
		if *fn != nil {
			(*fn)(e)
		}
	}
}
