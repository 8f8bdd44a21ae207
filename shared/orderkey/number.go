package orderkey

const (
	digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
	base   = len(digits)
)

// value is the number that a digit stands for, -1 for any other byte.
var value = func() (v [256]int8) {
	for i := range v {
		v[i] = -1
	}
	for i := range base {
		v[digits[i]] = int8(i)
	}
	return v
}()

// A number is a sequence of digits whose first one tells how many they are, so
// that numbers of all lengths sort by their bytes. Its last digit is not 0.
//
//	first digit     0     1   2-3   4-9   A-_   a-u   v-x     y     z
//	digits          8     4     3     2     1     2     3     4     8
//	numbers   3.9e+12 246e3  7812   372    27  1302 11718 246e3 3.9e+12
const (
	firstNumber  = "A" // of a run, which only grows at its end
	middleNumber = "H" // of a sequence, which may grow at both
)

// numberLen returns how many digits a number has that begins with c.
func numberLen(c byte) int {
	switch {
	case c == '0' || c == 'z':
		return 8
	case c == '1' || c == 'y':
		return 4
	case c <= '3' || c >= 'v':
		return 3
	case c <= '9' || c >= 'a':
		return 2
	}
	return 1
}

// isNumber reports whether a segment is a number and nothing more.
func isNumber(segment string) bool { return len(segment) == numberLen(segment[0]) }

// numberAt returns the number that a segment begins with, filled up with zeros
// if the segment is shorter: then, and only then, it may end in 0.
func numberAt(segment string) []byte {
	n := make([]byte, numberLen(segment[0]), 8)
	for i := copy(n, segment); i < len(n); i++ {
		n[i] = '0'
	}
	return n
}

// numberAfter returns the least number that is greater than all segments which
// begin with that of segment. There is none after the greatest.
func numberAfter(segment string) (string, bool) {
	n := numberAt(segment)
	last := len(n) - 1
	for i := last; i > 0; i-- {
		if n[i] != 'z' {
			n[i] = digits[value[n[i]]+1]
			if n[last] == '0' {
				n[last] = '1'
			}
			return string(n), true
		}
		n[i] = '0'
	}
	if n[0] == 'z' {
		return "", false
	}
	n = numberAt(digits[value[n[0]]+1:][:1])
	if last = len(n) - 1; last > 0 {
		n[last] = '1'
	}
	return string(n), true
}

// numberBefore returns the greatest number such that all segments that begin
// with it are less than segment. There is none before the least.
func numberBefore(segment string) (string, bool) {
	n := numberAt(segment)
	last := len(n) - 1
	for i := last; i > 0; i-- {
		if n[i] > '1' || n[i] > '0' && i < last {
			n[i] = digits[value[n[i]]-1]
			return string(n), true
		}
		n[i] = 'z'
	}
	if n[0] == '0' {
		return "", false
	}
	n = numberAt(digits[value[n[0]]-1:][:1])
	for i := 1; i < len(n); i++ {
		n[i] = 'z'
	}
	return string(n), true
}
