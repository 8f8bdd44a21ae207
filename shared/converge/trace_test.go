package converge_test

import (
	"fmt"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/record"
	"github.com/rivulet-sync/rivulet/shared/wire"
)

// framesText is for people who follow a run.
func framesText(message []byte) string {
	var b strings.Builder
	for len(message) > 0 {
		f, rest, err := wire.Decode(message)
		must(err)
		message = rest
		switch f := f.(type) {
		case *wire.Push:
			fmt.Fprintf(&b, "push %d (%x) follows %d, base %d, reads %q: %s; ", f.ID.Number, f.ID.Nonce&0xffff, f.Follows.Number, f.Base, f.Reads, f.Delta)
		case *wire.Commit:
			rec, err := record.Decode(f.Record)
			must(err)
			fmt.Fprintf(&b, "commit r%d:", f.Revision)
			for _, m := range rec.Mutations {
				fmt.Fprintf(&b, " %d#%d (%x) %s;", m.Client[6], m.ID.Number, m.ID.Nonce&0xffff, m.Delta)
			}
		case *wire.Opened:
			fmt.Fprintf(&b, "opened at r%d, head %d, last %d, folded %t: %s; ", f.At.Revision, f.Head, f.Last.Number, f.Folded, f.Snapshot)
		case *wire.Conflict:
			fmt.Fprintf(&b, "conflict %d (%x); ", f.ID.Number, f.ID.Nonce&0xffff)
		default:
			fmt.Fprintf(&b, "%T; ", f)
		}
	}
	return b.String()
}
