package snapshot

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/klauspost/compress/zstd"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/record"
)

const (
	// clientRow is the id of a client, the number and the nonce of its last mutation and
	// when that was, big endian.
	clientRow = 16 + 8 + 8 + 8
	// hashSize is that of the hash behind the contents, big endian.
	hashSize = 8
)

// Codec turns snapshots into bytes and back. It may be used concurrently.
type Codec struct {
	maxSize int
	zip     *zstd.Encoder
	unzip   *zstd.Decoder
}

// NewCodec returns a codec for snapshots of up to maxSize bytes; see [Config.MaxSize].
func NewCodec(maxSize int) (*Codec, error) {
	// Without its own checksum: the hash covers what is compressed. The fastest level
	// makes JSON up to a twentieth larger than the default one, in two thirds of the time.
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(uint64(maxSize)))
	if err != nil {
		return nil, err
	}
	return &Codec{maxSize: maxSize, zip: zip, unzip: unzip}, nil
}

// Encode returns a snapshot as [Store.Put] stores it when it is not divided. The error is
// a [*TooLargeError].
func (c *Codec) Encode(key record.Key, s *Snapshot) ([]byte, error) {
	all, err := c.encode(key, s)
	if err != nil {
		return nil, err
	}
	h := head{Contents: all}
	return h.encode()
}

// Decode is the inverse of Encode. The error is a [*DamagedError] or a [*VersionError].
func (c *Codec) Decode(key record.Key, data []byte) (Snapshot, error) {
	h, err := decodeHead(key, data)
	if err != nil {
		return Snapshot{}, err
	}
	if h.Parts > 0 {
		return Snapshot{}, &DamagedError{Key: key, Reason: "it is divided"}
	}
	return c.decode(key, h.Contents)
}

// encode returns the contents of a message, or of the parts of a divided snapshot.
func (c *Codec) encode(key record.Key, s *Snapshot) ([]byte, error) {
	// Both sides bound what the memory is taken for, compressed or not.
	if size := len(s.Document) + clientRow*len(s.Clients); size > c.maxSize {
		return nil, &TooLargeError{Key: key, Size: size, Max: c.maxSize}
	}
	all := contents{
		Key: key.String(), At: s.At, Records: s.Records, Time: s.Time, Modified: s.Modified, Deleted: s.Deleted,
		SumHi: s.Checksum.Hi, SumLo: s.Checksum.Lo,
		Clients: encodeClients(s.Clients), Document: c.zip.EncodeAll(s.Document, nil),
	}
	data, err := all.MarshalMsg(make([]byte, 0, all.Msgsize()+hashSize))
	if err != nil {
		return nil, err
	}
	return seal(data), nil
}

// seal appends the hash.
func seal(data []byte) []byte { return binary.BigEndian.AppendUint64(data, xxhash.Sum64(data)) }

// decode is the inverse of encode. It trusts nothing before the hash is right, and
// then still bounds what it allocates: a hash can be forged.
func (c *Codec) decode(key record.Key, data []byte) (Snapshot, error) {
	damaged := func(reason string) (Snapshot, error) { return Snapshot{}, &DamagedError{Key: key, Reason: reason} }
	if len(data) < hashSize {
		return damaged("it is cut short")
	}
	data, hash := data[:len(data)-hashSize], data[len(data)-hashSize:]
	if binary.BigEndian.Uint64(hash) != xxhash.Sum64(data) {
		return damaged("its hash is wrong")
	}
	var all contents
	rest, err := all.UnmarshalMsg(data)
	switch {
	case err != nil:
		return damaged("it cannot be read: " + err.Error())
	case len(rest) != 0:
		return damaged(strconv.Itoa(len(rest)) + " bytes follow its end")
	case all.Key != key.String():
		return damaged("it is of another document")
	case all.At.Revision == 0 || all.Records == 0 || all.Deleted > all.At.Revision:
		return damaged("there is no such position")
	}
	clients, ok := decodeClients(all.Clients)
	if !ok {
		return damaged("its client table is malformed")
	}
	document, err := c.unzip.DecodeAll(all.Document, nil)
	switch {
	case err != nil:
		return damaged("its document cannot be decompressed: " + err.Error())
	case len(document) < len("{}") || document[0] != '{' || document[len(document)-1] != '}':
		return damaged("its document is no object")
	}
	return Snapshot{
		At: all.At, Records: all.Records, Time: all.Time, Modified: all.Modified, Deleted: all.Deleted, Clients: clients,
		Checksum: doc.Checksum{Hi: all.SumHi, Lo: all.SumLo}, Document: document,
	}, nil
}

func encodeClients(clients map[record.ClientID]Client) []byte {
	ids := make([]record.ClientID, 0, len(clients))
	for id := range clients {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b record.ClientID) int { return bytes.Compare(a[:], b[:]) })
	rows := make([]byte, 0, clientRow*len(ids))
	for _, id := range ids {
		rows = append(rows, id[:]...)
		c := clients[id]
		rows = binary.BigEndian.AppendUint64(rows, c.Last.Number)
		rows = binary.BigEndian.AppendUint64(rows, c.Last.Nonce)
		rows = binary.BigEndian.AppendUint64(rows, uint64(c.Seen))
	}
	return rows
}

// decodeClients reads a table, and says whether it is one.
func decodeClients(rows []byte) (map[record.ClientID]Client, bool) {
	if len(rows)%clientRow != 0 {
		return nil, false
	}
	clients := make(map[record.ClientID]Client, len(rows)/clientRow)
	for before := []byte(nil); len(rows) > 0; rows = rows[clientRow:] {
		id := rows[:16]
		if bytes.Compare(before, id) >= 0 {
			return nil, false // twice, or out of order
		}
		before = id
		clients[record.ClientID(id)] = Client{
			Last: record.MutationID{Number: binary.BigEndian.Uint64(rows[16:]), Nonce: binary.BigEndian.Uint64(rows[24:])},
			Seen: int64(binary.BigEndian.Uint64(rows[32:])),
		}
	}
	return clients, true
}

// maxContents bounds encoded contents. What cannot be compressed grows a little.
func (c *Codec) maxContents() int { return c.maxSize + c.maxSize/64 + 4<<10 }
