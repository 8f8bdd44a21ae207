package record_test

import (
	"testing"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestContinues: a record is the next one of a reader only if all three parts of
// the position are those that it names.
func TestContinues(t *testing.T) {
	r := record.Record{Epoch: 7, Prev: 300, PrevChain: 9}
	at := record.Position{Epoch: 7, Revision: 300, Chain: 9}
	for name, c := range map[string]struct {
		change func(*record.Position)
		want   bool
	}{
		"the position itself": {func(*record.Position) {}, true},
		"another log":         {func(p *record.Position) { p.Epoch++ }, false},
		"no log":              {func(p *record.Position) { p.Epoch = 0 }, false},
		"an earlier revision": {func(p *record.Position) { p.Revision-- }, false},
		"a later revision":    {func(p *record.Position) { p.Revision++ }, false},
		"another history":     {func(p *record.Position) { p.Chain++ }, false},
		"nothing":             {func(p *record.Position) { *p = record.Position{} }, false},
	} {
		p := at
		c.change(&p)
		if got := r.Continues(p); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestL4_ChainTellsHistoriesApart builds a log of three records and changes one
// byte of it: from there on no position is the same.
func TestL4_ChainTellsHistoriesApart(t *testing.T) {
	build := func(change func(i int, r *record.Record)) (positions []record.Position) {
		at := record.Position{Epoch: 7}
		for i := range 3 {
			r := sample()
			r.Epoch, r.Prev, r.PrevChain = at.Epoch, at.Revision, at.Chain
			change(i, &r)
			if !r.Continues(at) {
				t.Fatalf("record %d does not continue %v", i, at)
			}
			at.Revision += 10
			at.Chain = record.ChainOf(encode(t, r))
			positions = append(positions, at)
		}
		return positions
	}
	one := build(func(int, *record.Record) {})
	same := build(func(int, *record.Record) {})
	other := build(func(i int, r *record.Record) {
		if i == 1 {
			r.Mutations[1].Delta = []byte(`[]`)
		}
	})
	for i, p := range one {
		if p != same[i] {
			t.Errorf("equal logs differ at record %d: %v and %v", i, p, same[i])
		}
		if equal := p == other[i]; equal != (i < 1) {
			t.Errorf("logs that differ from record 1 on have %v and %v after record %d", p, other[i], i)
		}
	}
}

func TestChainDependsOnEveryByte(t *testing.T) {
	data := encode(t, sample())
	seen := map[record.Chain]int{record.ChainOf(data): -1, 0: -2}
	for i := range data {
		data[i] ^= 1
		chain := record.ChainOf(data)
		if other, ok := seen[chain]; ok {
			t.Errorf("a change of byte %d has the chain of a change of byte %d", i, other)
		}
		seen[chain] = i
		data[i] ^= 1
	}
}

func TestPositionString(t *testing.T) {
	p := record.Position{Epoch: 0xe90c, Revision: 300, Chain: 0xfedcba9876543210}
	if got, want := p.String(), "e90c.300.fedcba9876543210"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (record.Position{}).String(); got != "0.0.0" {
		t.Errorf("the zero position is %s", got)
	}
}

func TestClientID(t *testing.T) {
	c := record.ClientID{0x01, 0x9a, 0x2b, 0x3c, 0x4d, 0x5e, 0, 0xff, 15: 0x0a}
	if got, want := c.String(), "019a2b3c4d5e00ff000000000000000a"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := c.Born(), int64(0x019a2b3c4d5e); got != want {
		t.Errorf("born at %#x, want %#x", got, want)
	}
	if c.IsZero() || !(record.ClientID{}).IsZero() {
		t.Error("IsZero is wrong")
	}
	if last := (record.ClientID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}); last.Born() != 1<<48-1 {
		t.Errorf("born at %d", last.Born())
	}
}
