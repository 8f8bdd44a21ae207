package record

import (
	"strconv"

	"github.com/cespare/xxhash/v2"
)

//msgp:tuple Record
//msgp:tuple special
//msgp:ignore Base Kind

// Version is the newest version of the record format. It is the first element of
// every record. Records of the kind [KindChange], which is nearly all of them, are
// written in version 1, the others in version 2.
const Version = 2

const versionOfChanges = 1

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

	// Kind is not KindChange in records of version 2 only.
	Kind Kind `msg:"-"`
	// Base is set in those of KindBase.
	Base *Base `msg:"-"`
}

// Kind says what a record is for.
type Kind uint8

const (
	// KindChange leads to the next revision.
	KindChange Kind = iota
	// KindDeletion does, too: its one mutation takes every member off the document. What
	// was made on an earlier revision does not come into the log any more.
	KindDeletion
	// KindBase leads nowhere: it states the document at the position that it continues,
	// so that what is before it can be forgotten. A reader who is there already passes
	// over it.
	KindBase
)

// Base is one of the parts of a statement, which follow each other without another
// record in between.
type Base struct {
	// Deleted is the revision of the document's last deletion, 0 if there was none.
	Deleted Revision
	// Part counts from 0 to Parts - 1.
	Part, Parts uint16
	// Generation is the same in all parts of one statement, and in no other.
	Generation uint64
	// Content is this part of the encoded document.
	Content []byte
}

// special is a record of version 2.
type special struct {
	Version    uint8
	Epoch      Epoch
	Prev       Revision
	PrevChain  Chain
	Time       int64
	Kind       uint8
	Mutations  []Mutation `msg:",limit=1"`
	Deleted    Revision
	Part       uint16
	Parts      uint16
	Generation uint64
	Content    []byte `msg:",zerocopy"`
}

// Encode returns the bytes of r, in the version that its kind needs.
func (r *Record) Encode() ([]byte, error) {
	if r.Kind == KindChange {
		r.Version = versionOfChanges
		return r.MarshalMsg(make([]byte, 0, r.Msgsize()))
	}
	r.Version = Version
	s := special{
		Version: Version, Epoch: r.Epoch, Prev: r.Prev, PrevChain: r.PrevChain, Time: r.Time,
		Kind: uint8(r.Kind), Mutations: r.Mutations,
	}
	if b := r.Base; b != nil {
		s.Deleted, s.Part, s.Parts, s.Generation, s.Content = b.Deleted, b.Part, b.Parts, b.Generation, b.Content
	}
	return s.MarshalMsg(make([]byte, 0, s.Msgsize()))
}

// Decode reads a record. The deltas in it are slices of data. The error is a
// [*FormatError] or a [*VersionError].
func Decode(data []byte) (Record, error) {
	v, ok := peekVersion(data)
	switch {
	case ok && v > Version:
		return Record{}, &VersionError{Version: v}
	case ok && v == Version:
		return decodeSpecial(data)
	}
	var r Record
	rest, err := r.UnmarshalMsg(data)
	switch {
	case err != nil:
		return Record{}, &FormatError{Reason: err.Error()}
	case len(rest) != 0:
		return Record{}, &FormatError{Reason: strconv.Itoa(len(rest)) + " bytes follow its end"}
	case r.Version != versionOfChanges:
		return Record{}, &FormatError{Reason: "format version " + strconv.Itoa(int(r.Version)) + " does not exist"}
	case len(r.Mutations) == 0:
		return Record{}, &FormatError{Reason: "has no mutation"}
	}
	return r, nil
}

func decodeSpecial(data []byte) (Record, error) {
	var s special
	rest, err := s.UnmarshalMsg(data)
	switch {
	case err != nil:
		return Record{}, &FormatError{Reason: err.Error()}
	case len(rest) != 0:
		return Record{}, &FormatError{Reason: strconv.Itoa(len(rest)) + " bytes follow its end"}
	}
	r := Record{
		Version: s.Version, Epoch: s.Epoch, Prev: s.Prev, PrevChain: s.PrevChain, Time: s.Time,
		Kind: Kind(s.Kind), Mutations: s.Mutations,
	}
	switch {
	case r.Kind == KindDeletion && len(s.Mutations) == 1 && s.Parts == 0:
	case r.Kind == KindBase && len(s.Mutations) == 0 && s.Part < s.Parts && s.Deleted <= s.Prev:
		r.Base = &Base{Deleted: s.Deleted, Part: s.Part, Parts: s.Parts, Generation: s.Generation, Content: s.Content}
	default:
		return Record{}, &FormatError{Reason: "is of no kind that there is"}
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
