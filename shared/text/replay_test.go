package text_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// followed is how many keystrokes a second client follows, too.
const followed = 10_000

// TestPaperReplay types a whole paper, and holds the layout to its promises.
// Under the race detector it types the first 40,000 keystrokes only.
func TestPaperReplay(t *testing.T) {
	tr := readTrace(t, "automerge-paper.json.gz")
	txns := tr.Txns
	if underRace {
		txns = txns[:40_000]
	}
	o, other := newObject(), newObject()
	var paper []byte
	bytes, keystrokes := 0, 0
	for i, txn := range txns {
		for _, p := range txn.Patches {
			if _, err := o.state.Splice(o, p.pos, p.del, p.ins); err != nil {
				t.Fatal(err)
			}
			paper = slices.Replace(paper, p.pos, p.pos+p.del, []byte(p.ins)...)
			if i < followed {
				other.state.Begin(text.Others)
				for _, c := range o.patch {
					other.write(c.key, c.raw)
				}
				for _, sp := range other.state.End() {
					if sp.Del != p.del || sp.Ins != p.ins {
						t.Fatalf("%+v is seen as %+v", p, sp)
					}
				}
			}
			bytes += o.commit()
			keystrokes++
		}
		if i == followed-1 && other.state.String() != string(paper) {
			t.Fatal("the other client has another text")
		}
	}
	if !underRace {
		paper = []byte(tr.EndContent)
	}
	fresh := text.New()
	fresh.Reset(maps.All(o.members))
	if o.state.String() != string(paper) || fresh.String() != string(paper) {
		t.Error("the paper is another one")
	}
	mean, stored := float64(bytes)/float64(keystrokes), len(o.canonical())
	t.Logf("%.2f bytes a keystroke, %d stored", mean, stored)
	if mean > 34 || stored > 122_000 {
		t.Errorf("%.2f bytes a keystroke, %d stored", mean, stored)
	}
}
