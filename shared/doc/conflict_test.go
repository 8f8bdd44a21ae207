package doc_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

var readKinds = []delta.ReadKind{delta.ReadValue, delta.ReadExists, delta.ReadMembers}

// everyRead returns all reads of all places with up to two plain names.
func everyRead() []delta.Read {
	places := []delta.Pointer{""}
	for _, a := range plainNames {
		places = append(places, delta.PointerOf(a))
		for _, b := range plainNames {
			places = append(places, delta.PointerOf(a, b))
		}
	}
	var reads []delta.Read
	for _, p := range places {
		for _, kind := range readKinds {
			reads = append(reads, delta.Read{Kind: kind, Path: p})
		}
	}
	return reads
}

// TestL8_ConflictsSeesEveryChange looks through every read before and after a
// change. Conflicts must tell every difference; how often it tells one that is
// none is logged and bounded. Patches that rewrite half of a tiny document are
// the worst case of that, one leaf is the usual one.
func TestL8_ConflictsSeesEveryChange(t *testing.T) {
	reads := everyRead()
	for _, c := range []struct {
		name       string
		maxFalsely float64
		change     func(r random, d *doc.Doc) []delta.Write
	}{
		{"patch", 0.5, func(r random, d *doc.Doc) []delta.Write {
			return d.Apply(parseDelta(t, r.object(patchShape))).Writes
		}},
		{"transaction", 0.3, func(r random, d *doc.Doc) []delta.Write {
			_, _, change := rerun(t, r.Uint64(), d)
			return change.Writes
		}},
		{"leaf", 0.1, func(r random, d *doc.Doc) []delta.Write {
			change, err := d.Update(func(tx *doc.Tx) error {
				tx.Set(r.pointer(), []byte(pick(r, scalars))) // may be refused
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return change.Writes
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRandom(80)
			changed, unchanged, falsely := 0, 0, 0
			for range 3000 {
				d := parseDoc(t, r.object(documentShape))
				before := decode(t, d.Canonical())
				writes := c.change(r, d)
				after := decode(t, d.Canonical())
				for _, read := range reads {
					conflict := delta.Conflicts([]delta.Read{read}, writes)
					if same(observe(before, read), observe(after, read)) {
						unchanged++
						if conflict {
							falsely++
						}
						continue
					}
					changed++
					if !conflict {
						t.Fatalf("read %c %q of %s saw the change to %s, writes %v do not tell", read.Kind, read.Path, encode(t, before), d.Canonical(), writes)
					}
				}
			}
			rate := float64(falsely) / float64(unchanged)
			t.Logf("%d changed reads, %d unchanged ones, of which %.1f %% conflict", changed, unchanged, 100*rate)
			if changed < 1000 || rate > c.maxFalsely {
				t.Errorf("%d changed reads, %.1f %% false conflicts", changed, 100*rate)
			}
		})
	}
}

// TestConflicts is the table of kinds: what a write at /a/b does to reads at,
// above, below and beside it.
func TestConflicts(t *testing.T) {
	type verdicts map[delta.WriteKind]bool
	all := verdicts{delta.WroteValue: true, delta.WroteMember: true}
	none := verdicts{}
	for _, c := range []struct {
		kind delta.ReadKind
		path delta.Pointer
		want verdicts
	}{
		{delta.ReadValue, "", all},
		{delta.ReadValue, "/a", all},
		{delta.ReadValue, "/a/b", all},
		{delta.ReadValue, "/a/b/c", all},
		{delta.ReadValue, "/a/bc", none},
		{delta.ReadValue, "/b", none},
		{delta.ReadExists, "", none},
		{delta.ReadExists, "/a", none},
		{delta.ReadExists, "/a/b", all},
		{delta.ReadExists, "/a/b/c", all},
		{delta.ReadMembers, "", none},
		{delta.ReadMembers, "/a", verdicts{delta.WroteMember: true}},
		{delta.ReadMembers, "/a/b", all},
		{delta.ReadMembers, "/a/b/c", all},
		{delta.ReadMembers, "/a/bc", none},
	} {
		for _, kind := range []delta.WriteKind{delta.WroteValue, delta.WroteMember, delta.WroteNothing} {
			got := delta.Conflicts([]delta.Read{{Kind: c.kind, Path: c.path}}, []delta.Write{{Kind: kind, Path: "/a/b"}})
			if got != c.want[kind] {
				t.Errorf("read %c %q, write kind %d at /a/b: %v", c.kind, c.path, kind, got)
			}
		}
	}
	whole := []delta.Write{{Kind: delta.WroteMember}}
	for _, read := range everyRead() {
		if !delta.Conflicts([]delta.Read{read}, whole) {
			t.Errorf("read %c %q does not conflict with a write of the whole document", read.Kind, read.Path)
		}
	}
}

// TestOverlapAgainstBruteForce: where Overlap says no, the order in which the two
// patches are applied makes no difference.
func TestOverlapAgainstBruteForce(t *testing.T) {
	r := newRandom(9)
	apart, together, falsely := 0, 0, 0
	for range 8000 {
		base := parseDoc(t, r.object(documentShape))
		p, q := parseDelta(t, r.object(patchShape)), parseDelta(t, r.object(patchShape))
		pq, qp := clone(t, base), clone(t, base)
		writes := pq.Apply(p).Writes
		pq.Apply(q)
		qp.Apply(q)
		qp.Apply(p)
		commute := bytes.Equal(pq.Canonical(), qp.Canonical())
		overlap := delta.Overlap(q, writes)
		switch {
		case overlap && commute:
			falsely++
			fallthrough
		case overlap:
			together++
		default:
			apart++
		}
		if !overlap && !commute {
			t.Fatalf("on %s, %s then %s leads to %s, in the other order to %s", base.Canonical(), p.Bytes(), q.Bytes(), pq.Canonical(), qp.Canonical())
		}
	}
	t.Logf("%d pairs apart, %d overlap, of which %.1f %% would commute", apart, together, 100*float64(falsely)/float64(together))
	if apart < 1000 || together < 1000 {
		t.Errorf("%d pairs apart, %d overlap: the test shows nothing", apart, together)
	}
}

// TestOverlap has pairs that commute on some documents only.
func TestOverlap(t *testing.T) {
	for _, c := range []struct {
		base, first, second string
		want                bool
	}{
		{`{"a":{}}`, `{"a":{"x":1}}`, `{"a":{"y":1}}`, false},
		{`{}`, `{"a":{"x":1}}`, `{"a":{"y":1}}`, true}, // the first creates the object
		{`{"a":{}}`, `{"a":{"x":1}}`, `{"a":null}`, true},
		{`{"a":{}}`, `{"a":null}`, `{"a":{"x":1}}`, true},
		{`{"a":{}}`, `{"a":{}}`, `{"a":null}`, true}, // the first would create it after the second
		{`{"a":1,"ab":1}`, `{"a":2}`, `{"ab":2}`, false},
		{`{"a":1}`, `{"a":2}`, `{}`, false},
		{`{"a":1}`, `{}`, `{"a":2}`, false},
	} {
		writes := parseDoc(t, c.base).Apply(parseDelta(t, c.first)).Writes
		if got := delta.Overlap(parseDelta(t, c.second), writes); got != c.want {
			t.Errorf("on %s, %s after %s: %v, want %v", c.base, c.second, c.first, got, c.want)
		}
	}
}

// TestWritesAgree: a transaction reports writes that tell at least what the
// writes of its delta, applied elsewhere, tell.
func TestWritesAgree(t *testing.T) {
	r := newRandom(10)
	reads := everyRead()
	for range 2000 {
		base := r.object(documentShape)
		_, _, change := rerun(t, r.Uint64(), parseDoc(t, base))
		applied := parseDoc(t, base).Apply(change.Delta).Writes
		i := slices.IndexFunc(reads, func(read delta.Read) bool {
			one := []delta.Read{read}
			return delta.Conflicts(one, change.Writes) != delta.Conflicts(one, applied)
		})
		if i >= 0 {
			t.Fatalf("on %s, %s: writes %v by the transaction, %v when applied, differ for %c %q", base, change.Delta.Bytes(), change.Writes, applied, reads[i].Kind, reads[i].Path)
		}
	}
}
