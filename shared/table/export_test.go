package table

// AppendKey is the encoding of index keys.
func AppendKey(dst []byte, raw string) []byte { return appendKey(dst, raw) }

// LiteralOf is the inverse of AppendKey, up to equal values.
func LiteralOf(key string) string { return literalOf(key) }

// KeyLen returns the length of the key that key begins with.
func KeyLen(key string) int { return keyLen(key) }

// Matched returns how many predicates were evaluated for live results, Read how
// many rows queries have read.
func (t *Table) Matched() int { return t.work.matched }
func (t *Table) Read() int    { return t.work.read }

// Records returns how many rows are kept, IndexLen how many entries an index has
// (-1 while it is not built).
func (t *Table) IndexLen(i int) int {
	if t.indexes[i].tree == nil {
		return -1
	}
	return t.indexes[i].tree.Len()
}

// Routes returns how many routes there are and how many results have none.
func (t *Table) Routes() (routes, general int) { return len(t.routes), len(t.general) }

// Held returns how many live results hold rows, row by row.
func (t *Table) Held() (n int) {
	for _, r := range t.rows {
		n += len(r.held)
	}
	return n
}

// Sum adds up literals and takes others away.
func Sum(add, take []string) float64 {
	var s sum
	for i := range max(len(add), len(take)) {
		if i < len(add) {
			s.add(add[i], 1)
		}
		if i < len(take) {
			s.add(take[i], -1)
		}
	}
	return s.value()
}

func (t *Table) Records() int { return len(t.rows) }
