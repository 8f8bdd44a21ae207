package text

import "strings"

// digits is the alphabet of keys, in byte order.
const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

const (
	base = len(digits)
	// MaxKey is how long the key of a chunk or a marker may be, in bytes.
	MaxKey = 200
)

// How many keys of one length must be free in a gap for one of them to be taken;
// else the key is longer. A run takes the lowest, so the demand grows with the
// length: that keeps a long run from using up all the short ones.
const (
	freeForRun  = 6
	freeForRest = 3
)

// digit values by byte, 255 for what is no digit
var values = func() (v [256]byte) {
	for i := range v {
		v[i] = 255
	}
	for i := range digits {
		v[digits[i]] = byte(i)
	}
	return v
}()

// validKey reports whether a member name is a key: digits, the last one not the
// lowest, so that there is always a key below it.
func validKey(key string) bool {
	if key == "" || len(key) > MaxKey || strings.HasSuffix(key, digits[:1]) {
		return false
	}
	for i := range len(key) {
		if values[key[i]] == 255 {
			return false
		}
	}
	return true
}

// gap walks down the lengths of the keys between two keys.
type gap struct {
	left, right string
	prefix      int // digits that all keys of the gap share with left, padded
	length      int // of the keys that are looked at
	low, high   int // they are between low and high, as numbers behind the prefix
}

func newGap(left, right string) gap {
	g := gap{left: left, right: right}
	if right == "" {
		g.high = 1
	}
	return g
}

func digitAt(key string, i int) int {
	if i < len(key) {
		return int(values[key[i]])
	}
	return 0
}

// longer goes on to the keys that are one digit longer. What both ends share
// becomes prefix, so low and high stay small.
func (g *gap) longer() {
	for {
		if g.high == g.low+1 && g.length > 0 && g.length >= len(g.right) {
			g.prefix, g.low, g.high, g.right = g.length, 0, 1, ""
		}
		g.low = g.low*base + digitAt(g.left, g.length)
		g.high = g.high*base + digitAt(g.right, g.length)
		g.length++
		if g.low != g.high {
			return
		}
		g.prefix, g.low, g.high = g.length, 0, 0
	}
}

// top is the lowest number above the keys of the gap.
func (g *gap) top() int {
	if g.length < len(g.right) {
		return g.high + 1
	}
	return g.high
}

func (g *gap) free() int { return g.top() - g.low - 1 }

// key writes a number behind the prefix.
func (g *gap) key(n int) string {
	var short [16]byte
	b := short[:0]
	for i := range g.prefix {
		b = append(b, digits[digitAt(g.left, i)])
	}
	for range g.length - g.prefix {
		b = append(b, 0)
	}
	for i := g.length - 1; i >= g.prefix; i-- {
		b[i] = digits[n%base]
		n /= base
	}
	return string(b)
}

// keyBetween returns a short key between left and right, where "" is an open
// end: just behind left if a run is to go on there, else with room at both
// sides.
func keyBetween(left, right string, run bool) string {
	g := newGap(left, right)
	need := freeForRest
	if run {
		need = freeForRun
	}
	for {
		g.longer()
		free := g.free()
		if free >= need {
			n := g.low + 1
			if !run {
				n = g.low + max(1, (free+1)*3/8)
			}
			if n%base == 0 {
				n++
			}
			if n < g.top() {
				return g.key(n)
			}
		}
		if run && free > 0 {
			need *= 2
		}
	}
}

// spreadKeys returns n keys between left and right at even distances of at
// least room, or nil where they would have to be longer than longest.
func spreadKeys(left, right string, n, room, longest int) []string {
	g := newGap(left, right)
	for g.longer(); g.free() < (n+1)*room; g.longer() {
		if g.length >= longest {
			return nil
		}
	}
	if g.length > longest {
		return nil
	}
	keys := make([]string, n)
	span := g.top() - g.low
	for i := range keys {
		k := g.low + span*(i+1)/(n+1)
		if k%base == 0 {
			k++
		}
		keys[i] = g.key(k)
	}
	return keys
}
