//go:build !js

package wire

import (
	"encoding/binary"

	"github.com/tinylib/msgp/msgp"
)

// What follows looks at the bytes of frames that this side has encoded, without decoding
// them.

// DocOf returns the number of the document that an encoded frame is about, as the server
// names it; 0 if it is about none.
func DocOf(frame []byte) uint32 {
	if len(frame) < 4 {
		return 0
	}
	switch Type(frame[1]) {
	case TypeCommit, TypeConflict, TypeReject, TypePeer, TypeChecksum:
		if doc, _, err := msgp.ReadUint32Bytes(frame[3:]); err == nil {
			return doc
		}
	}
	return 0
}

// IsPeer reports whether an encoded frame is a [Peer].
func IsPeer(frame []byte) bool { return len(frame) > 1 && Type(frame[1]) == TypePeer }

// IsFault reports whether an encoded frame is a [Fault].
func IsFault(frame []byte) bool { return len(frame) > 1 && Type(frame[1]) == TypeFault }

// PeerOf returns the same text for all frames that are a [Peer] of one client on one document,
// and nothing for others.
func PeerOf(frame []byte) string {
	if !IsPeer(frame) || len(frame) < 3 {
		return ""
	}
	doc, rest, err := msgp.ReadUint32Bytes(frame[3:])
	if err != nil {
		return ""
	}
	client, _, err := msgp.ReadBytesZC(rest)
	if err != nil {
		return ""
	}
	return string(binary.BigEndian.AppendUint32(client[:len(client):len(client)], doc))
}

// AroundSnapshot returns the bytes of an encoded [Opened] that come before those of its
// snapshot, and after them.
func AroundSnapshot(f *Opened) (before, after []byte) {
	whole := *f
	whole.Snapshot = nil
	after = Encode(&whole)
	before = append(make([]byte, 0, 96), 0x92, byte(f.Type()))
	before = msgp.AppendArrayHeader(before, 7)
	before = msgp.AppendUint32(before, f.Request)
	before = msgp.AppendUint32(before, f.Doc)
	before, err := f.At.MarshalMsg(before)
	if err != nil {
		panic("wire: cannot encode a position: " + err.Error())
	}
	before = msgp.AppendUint64(before, uint64(f.Head))
	after = after[len(before)+len(msgp.AppendBytes(nil, nil)):]
	return msgp.AppendBytesHeader(before, uint32(len(f.Snapshot))), after
}
