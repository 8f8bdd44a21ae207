package doc

import (
	"encoding/binary"
	"math/bits"

	"github.com/cespare/xxhash/v2"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// Checksum is the sum, modulo 2^128, of a hash of every leaf of a document
// together with its path; leaves are scalars, arrays and empty objects. It is
// equal for equal canonical texts and is kept up to date at the cost of what
// changes: old leaves are taken off, new ones put on. It finds faults and bugs,
// not forgeries: two values of one leaf are told apart by 64 of its bits.
type Checksum struct{ Hi, Lo uint64 }

// Bytes returns the checksum, big endian.
func (c Checksum) Bytes() (b [16]byte) {
	binary.BigEndian.PutUint64(b[:8], c.Hi)
	binary.BigEndian.PutUint64(b[8:], c.Lo)
	return b
}

func (c Checksum) plus(o Checksum) Checksum {
	lo, carry := bits.Add64(c.Lo, o.Lo, 0)
	hi, _ := bits.Add64(c.Hi, o.Hi, carry)
	return Checksum{hi, lo}
}

func (c Checksum) minus(o Checksum) Checksum {
	lo, borrow := bits.Sub64(c.Lo, o.Lo, 0)
	hi, _ := bits.Sub64(c.Hi, o.Hi, borrow)
	return Checksum{hi, lo}
}

// place is the hash of a path: of the parent's and of the last name.
type place uint64

// Odd constants without structure (the fractional parts of square roots of
// primes, as in SHA-512).
const (
	rootPlace = place(0x6a09e667f3bcc909)
	mixName   = 0xbb67ae8584caa73b
	mixHi     = 0x3c6ef372fe94f82b
	mixLo     = 0xa54ff53a5f1d36f1
)

func (p place) member(name string) place {
	hi, lo := bits.Mul64(uint64(p)^mixName, xxhash.Sum64String(name)|1)
	return place(hi ^ lo ^ uint64(p)<<1)
}

// leaf is what a leaf at the place contributes to the checksum.
func (p place) leaf(raw string) Checksum {
	value := xxhash.Sum64String(raw)
	h1, l1 := bits.Mul64(uint64(p)^mixHi, value^mixLo)
	h2, l2 := bits.Mul64(bits.RotateLeft64(uint64(p), 32)^mixLo, bits.RotateLeft64(value, 29)^mixHi)
	return Checksum{h1 ^ l2 ^ value, h2 ^ l1 ^ uint64(p)}
}

const emptyObject = "{}"

// sum returns what a value at the place contributes.
func (n *node) sum(at place) Checksum {
	if !n.isObject() || n.obj == nil && n.raw == emptyObject || n.obj != nil && len(n.obj.members) == 0 {
		if n.obj != nil {
			return at.leaf(emptyObject)
		}
		return at.leaf(n.raw)
	}
	var total Checksum
	if n.obj != nil {
		for name, child := range n.obj.members {
			total = total.plus(child.sum(at.member(name)))
		}
		return total
	}
	var entries [16]entry
	for _, e := range n.entries(entries[:0]) {
		total = total.plus(e.node.sum(at.member(e.name)))
	}
	return total
}

// account keeps the size and the checksum of a document. The checksum is kept
// only once somebody has asked for it.
type account struct {
	size  int
	sum   Checksum
	known bool
}

// place returns the place of a member, if it is needed.
func (a *account) place(at place, name string) place {
	if !a.known {
		return 0
	}
	return at.member(name)
}

// take notes that a value leaves the tree.
func (a *account) take(n *node, at place) {
	a.size -= n.size()
	if a.known {
		a.sum = a.sum.minus(n.sum(at))
	}
}

// give notes that a value joins the tree.
func (a *account) give(n *node, at place) {
	a.size += n.size()
	if a.known {
		a.sum = a.sum.plus(n.sum(at))
	}
}

// replace is take and give; nil is no value.
func (a *account) replace(before, after *node, at place) {
	if before != nil {
		a.size -= before.size()
	}
	if after != nil {
		a.size += after.size()
	}
	if !a.known {
		return
	}
	if before != nil {
		a.sum = a.sum.minus(before.sum(at))
	}
	if after != nil {
		a.sum = a.sum.plus(after.sum(at))
	}
}

// named notes that the object at a place, with so many members before, gets one
// of a name.
func (a *account) named(name string, members int, at place) {
	a.size += jsontext.QuotedLen(name) + len(":")
	if members > 0 {
		a.size += len(",")
	} else if a.known {
		a.sum = a.sum.minus(at.leaf(emptyObject)) // an empty object is a leaf
	}
}

// unnamed notes that the object at a place loses a member and is left with so
// many.
func (a *account) unnamed(name string, members int, at place) {
	a.size -= jsontext.QuotedLen(name) + len(":")
	if members > 0 {
		a.size -= len(",")
	} else if a.known {
		a.sum = a.sum.plus(at.leaf(emptyObject))
	}
}
