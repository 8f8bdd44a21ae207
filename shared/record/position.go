package record

import "strconv"

//msgp:tuple Position

// Epoch is the identity of one log. A log that is wiped, restored or imported
// has a new epoch, so no reader can continue on a base that is not there any
// more. Zero is no epoch.
type Epoch uint64

// Revision is the address of a record: the sequence number of its message in
// the stream. Revisions of one document grow but are not contiguous. Zero
// means that the document has no record yet.
type Revision uint64

// Chain is a hash over a record's bytes, which include the chain of the
// predecessor. It detects accidents (a wiped or diverged log, a publish that
// arrives late), not attacks. The chain at revision 0 is 0.
type Chain uint64

// Position says how far a reader has come in the log of one document. The zero
// Position is that of a reader which holds nothing.
type Position struct {
	Epoch    Epoch
	Revision Revision
	Chain    Chain
}

// String returns "epoch.revision.chain" with epoch and chain in hexadecimal.
func (p Position) String() string {
	return strconv.FormatUint(uint64(p.Epoch), 16) + "." +
		strconv.FormatUint(uint64(p.Revision), 10) + "." +
		strconv.FormatUint(uint64(p.Chain), 16)
}
