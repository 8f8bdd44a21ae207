package chaos_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/jetstream/deltalog"
	"github.com/rivulet-sync/rivulet/shared/record"
)

// TestAuditFindsOut: a log that is not as the clients know it does not pass.
func TestAuditFindsOut(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(l *told)
		want  string // "": all is well
	}{
		"nothing":             {func(*told) {}, ""},
		"unheard":             {func(l *told) { delete(l.acknowledged, second); l.unheard[second] = true }, ""},
		"found in a snapshot": {func(l *told) { l.acknowledged[second] = 3; l.resets = 1 }, ""},

		"lost":                   {func(l *told) { l.log[1].Record.Mutations = nil }, "{writer:0 number:2} was acknowledged at 2, and the log has it at 0"},
		"acknowledged too early": {func(l *told) { l.acknowledged[second] = 1 }, "was acknowledged at 1, and the log has it at 2"},
		"acknowledged too late":  {func(l *told) { l.acknowledged[second] = 3 }, "was acknowledged at 3, and the log has it at 2"},
		"not told":               {func(l *told) { delete(l.acknowledged, second) }, "its author waits for it"},
		"twice":                  {func(l *told) { l.add(4, `{"w0":2}`) }, "it is at 2, too"},
		"one number twice":       {func(l *told) { l.log[2].Record.Mutations[0].ID.Number = 2 }, "mutation 2 of 00000000000000000000000000000000 is in the log twice"},
		"invented":               {func(l *told) { l.add(4, `{"w0":5}`) }, "nobody has made"},
		"torn":                   {func(l *told) { l.set(0, `{"left":"0.1","w0":1}`) }, "it should be"},
		"uncounted":              {func(l *told) { l.set(2, `{"count":2,"w0":3}`) }, `it should be {"count":1,"w0":3}`},
		"shown, not stored":      {func(l *told) { l.seen[place{9, 0}] = `{"w0":2}` }, "is not in the log"},
		"shown otherwise":        {func(l *told) { l.seen[place{2, 0}] = `{"w0":1}` }, "a client was shown"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTold()
			c.spoil(l)
			a := newAudit(l, keyOf(0), &l.paper)
			for _, e := range l.log {
				if err := a.take(e); err != nil {
					t.Fatal(err)
				}
			}
			a.settle()
			said := strings.Join(l.errors, "\n")
			if !strings.Contains(said, c.want) || (said == "") != (c.want == "") {
				t.Errorf("it says %q", said)
			}
		})
	}
}

// told is a small log, what the clients know of it, and what the audit says to that.
type told struct {
	paper
	log    []deltalog.Entry
	errors []string
}

var second = edit{0, 2}

func newTold() *told {
	l := &told{paper: paper{
		acknowledged: map[edit]record.Revision{{0, 1}: 1, second: 2, {0, 3}: 3},
		unheard:      make(map[edit]bool), seen: make(map[place]string),
	}}
	l.begun[0] = 4
	l.add(1, `{"left":"0.1","right":"0.1","w0":1}`)
	l.add(2, `{"w0":2}`)
	l.add(3, `{"count":1,"w0":3}`)
	for _, e := range l.log {
		l.seen[place{e.Position.Revision, 0}] = string(e.Record.Mutations[0].Delta)
	}
	return l
}

func (l *told) add(rev record.Revision, delta string) {
	l.log = append(l.log, deltalog.Entry{
		Position: record.Position{Revision: rev},
		Record: record.Record{Mutations: []record.Mutation{
			{ID: record.MutationID{Number: uint64(rev)}, Delta: []byte(delta)},
		}},
	})
}

func (l *told) set(i int, delta string) { l.log[i].Record.Mutations[0].Delta = []byte(delta) }

func (l *told) Errorf(format string, args ...any) {
	l.errors = append(l.errors, fmt.Sprintf(format, args...))
}
