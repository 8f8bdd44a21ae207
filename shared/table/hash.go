package table

import "math/bits"

// hash is a keyed 64-bit hash of a text, never 0. It folds the 128-bit product of
// two words at a time, as wyhash does.
func hash(seed uint64, s string) uint64 {
	const k0, k1 = 0xa0761d6478bd642f, 0xe7037ed1a0b428db
	h := seed ^ k0 ^ uint64(len(s))
	for len(s) >= 16 {
		h = fold(load(s)^k1, load(s[8:])^h)
		s = s[16:]
	}
	var a, b uint64
	if len(s) >= 8 {
		a, s = load(s), s[8:]
	}
	for i := range len(s) {
		b |= uint64(s[i]) << (8 * i)
	}
	h = fold(a^k1, b^h)
	return max(1, fold(h^k0, seed^k1))
}

func fold(a, b uint64) uint64 {
	high, low := bits.Mul64(a, b)
	return high ^ low
}

func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
