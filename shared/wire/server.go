package wire

import (
	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/record"
)

//msgp:tuple Welcome Opened Commit Conflict Reject Peer Pong LogPage LogEntry Storage Drain Fault Checksum Transacted

// Welcome answers Hello.
type Welcome struct {
	Protocol uint16
	Client   record.ClientID
	// Server is the version of the server's software, for people to read.
	Server string
	// Heartbeat is how often, in milliseconds, the client must be heard from;
	// silent for twice as long, it is taken for dead.
	Heartbeat uint32
	// MaxMessage and MaxDelta are the server's bounds in bytes.
	MaxMessage uint32
	MaxDelta   uint32
}

// Opened answers Open. Either Snapshot is empty and the client continues from
// the position that it named; or Snapshot is the canonical JSON of the document
// at position At, and replaces what the client had; or it is Folded, and leads the
// client from the position that it named to At. In all cases Commits up to
// Head follow at once, and after them the Checksum at Head.
type Opened struct {
	Request  uint32
	Doc      uint32
	At       record.Position
	Head     record.Revision
	Snapshot []byte `msg:",zerocopy"`
	// Last is this client's last mutation in the log, zero for none: up to At with
	// a Snapshot, up to Head without.
	Last record.MutationID
	// Deleted is the revision of the document's last deletion, 0 if there was none: what
	// was made on an earlier one does not come into the log any more.
	Deleted record.Revision

	// Folded makes it a frame of the type TypeFolded: in the place of a document Snapshot
	// has what the Commits up to At amount to, for Patches to read.
	Folded bool `msg:"-"`
}

// Patches returns the merge patches of one that is Folded. The first and then the second do
// exactly what all deltas of the Commits do, one after the other; the state between the
// two is none of the document's. Either may be the one that changes nothing.
func (f *Opened) Patches() (first, second []byte) {
	for i, c := range f.Snapshot {
		if c == '\n' {
			return f.Snapshot[:i], f.Snapshot[i+1:]
		}
	}
	return f.Snapshot, nil
}

// JoinPatches returns the Snapshot of an [Opened] that is folded, of patches as [delta.Fold]
// returns them.
func JoinPatches(patches []delta.Delta) []byte {
	two := make([]delta.Delta, 2)
	copy(two[2-len(patches):], patches)
	return append(append(append([]byte(nil), two[0].Bytes()...), '\n'), two[1].Bytes()...)
}

// Commit carries one record of a document's log, in its stored bytes. To the
// authors of the mutations in it, it is the acknowledgement.
type Commit struct {
	Doc      uint32
	Revision record.Revision
	Record   []byte `msg:",zerocopy"`
}

// Checksum is the checksum that shared/doc defines, of the document at Revision.
// No record comes between that of Revision and this frame, so whoever receives it
// is at Revision. It is sent after what Opened led to, and after every so many
// records of the document, then encoded once for all subscribers.
type Checksum struct {
	Doc      uint32
	Revision record.Revision
	Hi, Lo   uint64
}

// Conflict refuses a mutation: something that it read was written after its
// base, or it follows a mutation that is not the client's last. The number is
// not consumed. All records up to Head were sent before.
type Conflict struct {
	Doc  uint32
	ID   record.MutationID
	Head record.Revision
}

// Reject refuses a mutation for good. Its number is not consumed.
type Reject struct {
	Doc    uint32
	ID     record.MutationID
	Code   Code
	Detail string
}

// Transacted answers Transact. With Conflict something that the transaction has read was
// written since; all records up to there come, or have come. With a Code it is refused for
// good. With neither it is stored; its Commits may come later.
type Transacted struct {
	Request  uint32
	Conflict bool
	Code     Code
	Detail   string
}

// Peer is the presence of another client on a document. An empty State means
// that it is gone.
type Peer struct {
	Doc    uint32
	Client record.ClientID
	State  []byte `msg:",zerocopy"`
}

// Pong answers Ping.
type Pong struct{ Number uint64 }

// LogPage answers ReadLog.
type LogPage struct {
	Request uint32
	// Entries are at most MaxEntries.
	Entries []LogEntry `msg:",limit=4096"`
	// More is set when records after the last entry exist.
	More bool
}

// LogEntry is one record with its revision.
type LogEntry struct {
	Revision record.Revision
	Record   []byte `msg:",zerocopy"`
}

// Storage tells whether the log accepts appends. While it does not, mutations
// are kept by their clients and none is acknowledged.
type Storage struct {
	Available bool
	Detail    string
}

// Drain asks the client to connect anew after a time between 0 and the given
// number of milliseconds, chosen at random: the server is about to stop.
type Drain struct{ Within uint32 }

// Fault reports an error. With a Request it answers an Open or a ReadLog; with a
// Key alone the document of that key had to be closed; with neither the
// connection ends after it.
type Fault struct {
	Code    Code
	Key     string
	Request uint32
	Detail  string
}
