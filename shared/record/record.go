package record

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

//msgp:tuple Record

// Version is the version of the record format that this package writes. It is
// the first element of every record.
const Version = 1

// MaxMutations bounds how many mutations a record has.
const MaxMutations = 4096

// MaxSize bounds an encoded record, in bytes. It leaves room for headers below
// the 1 MiB at which a NATS server refuses a message by default.
const MaxSize = 1000 << 10

// Record leads a document from one revision to the next: its mutations,
// applied in order, as one step. Readers see only record boundaries.
type Record struct {
	Version uint8
	Epoch   Epoch
	// Prev and PrevChain are the position that the record continues.
	Prev      Revision
	PrevChain Chain
	// Time is the appending server's clock in milliseconds since 1970.
	Time int64
	// Mutations are at least one and at most MaxMutations.
	Mutations []Mutation `msg:",limit=4096"`
}

// Encode returns the bytes of r with the current format version.
func (r *Record) Encode() ([]byte, error) {
	r.Version = Version
	return r.MarshalMsg(make([]byte, 0, r.Msgsize()))
}

// Decode reads a record. The deltas in it are slices of data. The error is a
// [*FormatError] or a [*VersionError].
func Decode(data []byte) (Record, error) {
	var r Record
	if v, ok := peekVersion(data); ok && v > Version {
		return r, &VersionError{Version: v}
	}
	rest, err := r.UnmarshalMsg(data)
	switch {
	case err != nil:
		return Record{}, &FormatError{Reason: err.Error()}
	case len(rest) != 0:
		return Record{}, &FormatError{Reason: strconv.Itoa(len(rest)) + " bytes follow its end"}
	case r.Version != Version:
		return Record{}, &FormatError{Reason: "format version " + strconv.Itoa(int(r.Version)) + " does not exist"}
	case len(r.Mutations) == 0:
		return Record{}, &FormatError{Reason: "has no mutation"}
	}
	return r, nil
}

// ChainOf returns the chain of an encoded record.
func ChainOf(data []byte) Chain { return Chain(xxhash.Sum64(data)) }

// Continues reports whether r is the valid next record of a reader at pos.
func (r *Record) Continues(pos Position) bool {
	return r.Epoch == pos.Epoch && r.Prev == pos.Revision && r.PrevChain == pos.Chain
}

// peekVersion reads the version without decoding the rest, whose shape a later
// version may change: an array header, then a positive fixint.
func peekVersion(data []byte) (uint8, bool) {
	if len(data) < 2 || data[0]&0xf0 != 0x90 || data[1] > 0x7f {
		return 0, false
	}
	return data[1], true
}
