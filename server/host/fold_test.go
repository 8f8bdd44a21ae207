package host_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/rivulet-sync/rivulet/server/host"
	"github.com/rivulet-sync/rivulet/server/payload"
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// drags are patches that move one card about, of so many bytes each.
func drags(n, size int) (patches []string) {
	for i := range n {
		patches = append(patches, fmt.Sprintf(`{"cards":{"c1":{"trail":%q,"x":%d}}}`, strings.Repeat("x", size), i))
	}
	return patches
}

// folded reads the answer to Open of one who lacks much.
func (m *member) folded() *wire.Opened {
	m.t.Helper()
	f := m.opened()
	if !f.Folded {
		m.t.Fatalf("not folded, but a snapshot of %d bytes", len(f.Snapshot))
	}
	return f
}

// TestL12_Folded: who lacks many records that write the same place gets what they amount to,
// with its own last mutation and the checksum of the head, and all records from then on.
func TestL12_Folded(t *testing.T) {
	w := newWorld(t)
	at := w.history(append([]string{filler, `{"cards":{"c1":{}}}`}, drags(400, 100)...)...)
	author := w.client(1)
	for i, who := range []*recorder{w.client(100), author} {
		m := w.joinAs(who, board, at[2])
		f := m.folded()
		if f.At != at[402] || f.Head != f.At.Revision || f.Request != 1 || f.Doc != m.handle.Number() || f.Deleted != 0 {
			t.Errorf("folded: %+v", f)
		}
		first, second := f.Patches()
		equal(t, "first patch", string(first), "{}")
		equal(t, "second patch", string(second), drags(400, 100)[399])
		if own := who == author; own != (f.Last == record.MutationID{Number: 402, Nonce: 7}) {
			t.Errorf("the last mutation of client %d is %+v", i, f.Last)
		}
		if sums := m.summed(); len(sums) != 1 || sums[0] != at[402].Revision {
			t.Errorf("checksums at %v, want %d", sums, at[402].Revision)
		}
		other := w.join(board)
		other.present(`{}`)
		expect[*wire.Peer](m)
		m.handle.Close()
		other.handle.Close()
	}
}

// TestFoldedWhenItPays: little is told as it is, what does not shrink, too, and a document
// that is smaller than what has changed of it is sent itself.
func TestFoldedWhenItPays(t *testing.T) {
	var apart []string
	for i := range 400 {
		apart = append(apart, fmt.Sprintf(`{"cards":{"c%d":{"trail":%q}}}`, i, strings.Repeat("x", 100)))
	}
	large := fmt.Sprintf(`{"filler":%q}`, strings.Repeat("x", 200_000))
	for name, c := range map[string]struct {
		begin   string
		patches []string
		want    string
	}{
		"much of one place":         {large, drags(400, 100), "folded"},
		"little of one place":       {large, drags(30, 100), "records"},
		"much, each once":           {large, apart, "records"},
		"much of a small document":  {`{}`, drags(400, 100), "snapshot"},
		"an object made anew":       {large, append(drags(200, 100), append([]string{`{"cards":null}`}, drags(200, 100)...)...), "folded"},
		"deleted, and written anew": {large, append(drags(200, 100), "delete", large), "snapshot"},
		"one large value":           {large, drags(30, 30_000), "folded"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			writer := w.join(board)
			writer.edit(c.begin)
			writer.deltas()
			reader := w.joinAs(w.client(100), board, writer.at)
			reader.opened()
			reader.handle.Close()
			at := writer.at
			for _, patch := range c.patches {
				if patch == "delete" {
					if _, err := writer.handle.Delete(testContext(t)); err != nil {
						t.Fatal(err)
					}
					patch = `{"b":1}`
					writer.deltas()
					writer.last.Number, writer.last.Nonce = writer.last.Number+1, 0
				}
				writer.edit(patch)
				writer.deltas()
			}
			reader = w.joinAs(reader.recorder, board, at)
			got := "records"
			if o := reader.opened(); o.Folded {
				got = "folded"
			} else if len(o.Snapshot) > 0 {
				got = "snapshot"
			}
			equal(t, "answer", got, c.want)
		})
	}
}

// answered is a recorder that keeps the answers as they are.
type answered struct {
	*recorder
	answers chan *payload.Answer
}

func (a answered) Answer(answer *payload.Answer) { a.answers <- answer }

// TestL5_FoldedOnce: those who come back from one revision at one head share what was folded
// for the first of them, to the byte and to the memory; after another record it is another.
func TestL5_FoldedOnce(t *testing.T) {
	w := newWorld(t)
	at := w.history(append([]string{filler}, drags(400, 100)...)...)
	open := func(n byte) *payload.Answer {
		t.Helper()
		a := answered{w.client(n), make(chan *payload.Answer, 1)}
		h, err := w.registry.Open(testContext(t), 1, board, a, at[1])
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		select {
		case answer := <-a.answers:
			return answer
		case <-testContext(t).Done():
			t.Fatal("no answer came")
			return nil
		}
	}
	first, second := open(100), open(1)
	if first.Shared != second.Shared || string(first.Shared.Data()) != "{}\n"+drags(400, 100)[399] {
		t.Errorf("they share %.100s", first.Shared.Data())
	}
	if bytes.Equal(first.After, second.After) {
		t.Error("the last mutations of two clients are the same")
	}
	m := w.join(board)
	m.edit(`{"a":1}`)
	m.deltas()
	if third := open(100); string(third.Shared.Data()) != `{}`+"\n"+`{"a":1,`+drags(400, 100)[399][1:] {
		t.Errorf("then it is %.100s", third.Shared.Data())
	}
}

// TestL4_FoldedIsExact compares clients who come back from everywhere, to a document that is
// written at random, with one who has read all of it: in bytes, and by the checksum that each
// is sent. The window forgets, and most of what is in it is folded before anybody asks.
func TestL4_FoldedIsExact(t *testing.T) {
	w := newWorld(t, func(c *host.Config) { c.KeepBytes = 600 << 10 })
	random := rand.New(rand.NewPCG(1, 2))
	writer := w.join(board)
	writer.edit(fmt.Sprintf(`{"filler":%q}`, strings.Repeat("x", 400_000)))
	writer.deltas()
	type moment struct {
		at    record.Position
		state []byte
	}
	state := doc.Open(writer.copies[writer.handle.Number()].doc.Canonical())
	moments := []moment{{writer.at, state.Canonical()}}
	reader := w.client(100)
	folds, pairs := 0, 0
	for n := range 3000 {
		place := fmt.Sprintf("p%d", random.IntN(8))
		patch := fmt.Sprintf(`{"o":{%q:{"n":%d,"text":%q}}}`, place, n, strings.Repeat("y", random.IntN(500)))
		switch random.IntN(20) {
		case 0:
			patch = fmt.Sprintf(`{"o":{%q:null}}`, place)
		case 1:
			patch = fmt.Sprintf(`{"o":{%q:[%d]}}`, place, n)
		case 2:
			patch = fmt.Sprintf(`{"o":{%q:{}}}`, place)
		}
		if n%700 == 650 {
			patch = `{"o":null}`
		}
		writer.edit(patch)
		writer.deltas()
		state.Apply(delta.Trusted([]byte(patch)))
		if n%100 == 0 {
			moments = append(moments, moment{writer.at, state.Canonical()})
		}
		if n%50 != 49 {
			continue
		}
		from := moments[random.IntN(len(moments))]
		m := w.joinAs(reader, board, from.at)
		copied := doc.Open(from.state)
		o := m.opened()
		switch {
		case o.Folded:
			folds++
			if first, _ := o.Patches(); string(first) != "{}" {
				pairs++
			}
			applyFolded(copied, o)
		case len(o.Snapshot) > 0:
			copied = doc.Open(o.Snapshot)
		}
		for m.at.Revision < o.Head {
			copied.Apply(delta.Trusted([]byte(m.deltas())))
		}
		at := m.at.Revision
		equal(t, "revision", at, writer.at.Revision)
		if string(copied.Canonical()) != string(state.Canonical()) {
			t.Fatalf("after record %d, from %s, folded %t: other bytes", n, from.at, o.Folded)
		}
		sum, want := m.sums[len(m.sums)-1], state.Checksum()
		if sum.Revision != at || sum.Hi != want.Hi || sum.Lo != want.Lo {
			t.Fatalf("the checksum %+v is not that of the state, at %d", sum, at)
		}
		m.handle.Close()
	}
	t.Logf("%d were sent folds, %d of them two patches", folds, pairs)
	if folds < 10 || pairs < 5 {
		t.Error("this shows nothing")
	}
}
