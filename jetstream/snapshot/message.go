package snapshot

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/record"
)

//go:generate go tool msgp -file message.go -o message_gen.go -unexported -io=false -tests=false

//msgp:tuple head
//msgp:tuple contents

// Version is the version of the format that this package writes. It is the first
// element of every head.
const Version = 2

// head is the message under a document's subject: the contents, or where they are.
type head struct {
	Version uint8
	// Parts is how many messages the contents are divided into, 0 when they are here.
	Parts uint16
	// Generation is a token of the parts' subjects, empty when there are none.
	Generation string
	// Contents are the encoded contents, empty when they are divided.
	Contents []byte `msg:",zerocopy"`
}

// contents is what a snapshot consists of. Encoded, a hash follows.
type contents struct {
	Key     string
	At      record.Position
	Records uint64
	Time    int64
	// Modified and Deleted came with version 2.
	Modified int64
	Deleted  record.Revision
	SumHi    uint64
	SumLo    uint64
	// Clients has a row of clientRow bytes for each client, in the order of their ids.
	Clients []byte `msg:",zerocopy"`
	// Document is compressed (zstd).
	Document []byte `msg:",zerocopy"`
}

func (h *head) encode() ([]byte, error) {
	h.Version = Version
	return h.MarshalMsg(make([]byte, 0, h.Msgsize()))
}

// decodeHead reads a head. Its contents are a slice of data.
func decodeHead(key record.Key, data []byte) (head, error) {
	var h head
	// The version is read without the rest, whose shape a later one may change: an
	// array header, then a positive fixint.
	if len(data) >= 2 && data[0]&0xf0 == 0x90 && data[1] != Version && data[1] <= 0x7f {
		return h, &VersionError{Key: key, Version: data[1]}
	}
	damaged := func(reason string) (head, error) { return head{}, &DamagedError{Key: key, Reason: reason} }
	rest, err := h.UnmarshalMsg(data)
	switch {
	case err != nil:
		return damaged("its head cannot be read: " + err.Error())
	case len(rest) != 0:
		return damaged(strconv.Itoa(len(rest)) + " bytes follow its head")
	case h.Parts > 0 && len(h.Contents) > 0, h.Parts == 0 && h.Generation != "":
		return damaged("its head contradicts itself")
	case h.Parts > 0 && !isGeneration(h.Generation):
		return damaged("its head names no generation of parts")
	}
	return h, nil
}
