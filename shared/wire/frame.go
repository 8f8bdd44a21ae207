package wire

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/record"
)

// Type is the first element of a frame. Numbers are never reused.
type Type uint8

// Frames of a client are below 32, frames of a server are not.
const (
	TypeHello       Type = 1
	TypeOpen        Type = 2
	TypeLeave       Type = 3
	TypePush        Type = 4
	TypeSetPresence Type = 5
	TypePing        Type = 6
	TypeReadLog     Type = 7
	TypeInvoke      Type = 8
	TypeTransact    Type = 9

	TypeWelcome    Type = 32
	TypeOpened     Type = 33
	TypeCommit     Type = 34
	TypeConflict   Type = 35
	TypeReject     Type = 36
	TypePeer       Type = 37
	TypePong       Type = 38
	TypeLogPage    Type = 39
	TypeStorage    Type = 40
	TypeDrain      Type = 41
	TypeFault      Type = 42
	TypeChecksum   Type = 43
	TypeTransacted Type = 44
	TypeFolded     Type = 45
)

// Frame is one of the structs of this package: a union of two directions.
type Frame interface {
	Type() Type
	MarshalMsg([]byte) ([]byte, error)
	UnmarshalMsg([]byte) ([]byte, error)
	Msgsize() int
}

// Type implements [Frame].
func (*Hello) Type() Type       { return TypeHello }
func (*Open) Type() Type        { return TypeOpen }
func (*Leave) Type() Type       { return TypeLeave }
func (*Push) Type() Type        { return TypePush }
func (*Invoke) Type() Type      { return TypeInvoke }
func (*Transact) Type() Type    { return TypeTransact }
func (*SetPresence) Type() Type { return TypeSetPresence }
func (*Ping) Type() Type        { return TypePing }
func (*ReadLog) Type() Type     { return TypeReadLog }
func (*Welcome) Type() Type     { return TypeWelcome }
func (*Commit) Type() Type      { return TypeCommit }
func (*Conflict) Type() Type    { return TypeConflict }
func (*Reject) Type() Type      { return TypeReject }
func (*Peer) Type() Type        { return TypePeer }
func (*Pong) Type() Type        { return TypePong }
func (*LogPage) Type() Type     { return TypeLogPage }
func (*Storage) Type() Type     { return TypeStorage }
func (*Drain) Type() Type       { return TypeDrain }
func (*Fault) Type() Type       { return TypeFault }
func (*Checksum) Type() Type    { return TypeChecksum }
func (*Transacted) Type() Type  { return TypeTransacted }

// Type implements [Frame].
func (f *Opened) Type() Type {
	if f.Folded {
		return TypeFolded
	}
	return TypeOpened
}

func newFrame(t Type) Frame {
	switch t {
	case TypeHello:
		return new(Hello)
	case TypeOpen:
		return new(Open)
	case TypeLeave:
		return new(Leave)
	case TypePush:
		return new(Push)
	case TypeInvoke:
		return new(Invoke)
	case TypeTransact:
		return new(Transact)
	case TypeSetPresence:
		return new(SetPresence)
	case TypePing:
		return new(Ping)
	case TypeReadLog:
		return new(ReadLog)
	case TypeWelcome:
		return new(Welcome)
	case TypeOpened:
		return new(Opened)
	case TypeCommit:
		return new(Commit)
	case TypeConflict:
		return new(Conflict)
	case TypeReject:
		return new(Reject)
	case TypePeer:
		return new(Peer)
	case TypePong:
		return new(Pong)
	case TypeLogPage:
		return new(LogPage)
	case TypeStorage:
		return new(Storage)
	case TypeDrain:
		return new(Drain)
	case TypeFault:
		return new(Fault)
	case TypeChecksum:
		return new(Checksum)
	case TypeTransacted:
		return new(Transacted)
	case TypeFolded:
		return &Opened{Folded: true}
	}
	return nil
}

// Append appends the encoded frame to dst.
func Append(dst []byte, f Frame) []byte {
	dst = append(dst, 0x92, byte(f.Type()))
	dst, err := f.MarshalMsg(dst)
	if err != nil {
		panic("wire: cannot encode a frame of type " + strconv.Itoa(int(f.Type())) + ": " + err.Error())
	}
	return dst
}

// Encode returns the bytes of a frame in a new slice.
func Encode(f Frame) []byte { return Append(make([]byte, 0, 2+f.Msgsize()), f) }

// FrameError reports bytes that are not a frame.
type FrameError struct{ Reason string }

func (e *FrameError) Error() string { return "frame: " + e.Reason }

// Decode reads the first frame of a message and returns what follows it. Byte
// fields of the frame are slices of data. The error is a [*FrameError].
func Decode(data []byte) (f Frame, rest []byte, err error) {
	if len(data) < 2 {
		return nil, nil, &FrameError{Reason: "cut short"}
	}
	if data[0] != 0x92 {
		return nil, nil, &FrameError{Reason: "does not begin as an array of two"}
	}
	t := Type(data[1])
	if f = newFrame(t); f == nil {
		return nil, nil, &FrameError{Reason: "unknown type " + strconv.Itoa(int(t))}
	}
	rest, err = f.UnmarshalMsg(data[2:])
	if err != nil {
		return nil, nil, &FrameError{Reason: "type " + strconv.Itoa(int(t)) + ": " + err.Error()}
	}
	return f, rest, nil
}

// EncodeCommit returns the commit frame of a record, as it goes to every subscriber.
func EncodeCommit(doc uint32, rev record.Revision, data []byte) []byte {
	return Encode(&Commit{Doc: doc, Revision: rev, Record: data})
}
