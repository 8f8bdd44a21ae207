package snapshot

import "github.com/rivulet-sync/rivulet/shared/record"

// What tests need to make damage of their own, and to decode without a server.
type (
	Head     = head
	Contents = contents
)

const PartSize = partSize

var (
	DecodeHead = decodeHead
	Seal       = seal
)

func (c *Codec) EncodeContents(key record.Key, s *Snapshot) ([]byte, error) { return c.encode(key, s) }
func (c *Codec) DecodeContents(key record.Key, data []byte) (Snapshot, error) {
	return c.decode(key, data)
}
func (h *head) Encode() ([]byte, error) { return h.encode() }
