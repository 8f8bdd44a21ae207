package text

import "unicode/utf8"

// compareMax bounds the work of comparing two texts: the product of how many
// characters differ at most.
const compareMax = 1 << 16

// difference appends the splices that make now of old at pos. What an edit
// removed and put there again is taken for untouched.
func difference(splices []Splice, pos int, old, now string) []Splice {
	if old == now {
		return splices
	}
	i := 0
	for i < len(old) && i < len(now) && old[i] == now[i] {
		i++
	}
	for i > 0 && (i < len(old) && !utf8.RuneStart(old[i]) || i < len(now) && !utf8.RuneStart(now[i])) {
		i--
	}
	j, k := len(old), len(now)
	for j > i && k > i && old[j-1] == now[k-1] {
		j--
		k--
	}
	for j < len(old) && !utf8.RuneStart(old[j]) {
		j++
		k++
	}
	pos, old, now = pos+Units(old[:i]), old[i:j], now[i:k]
	if old != "" && now != "" && len(old) <= compareMax && len(now) <= compareMax {
		if a, b := []rune(old), []rune(now); len(a)*len(b) <= compareMax {
			return align(splices, pos, a, b)
		}
	}
	return append(splices, Splice{Pos: pos, Del: Units(old), Ins: now, Was: old})
}

// align appends the splices around a longest common subsequence.
func align(splices []Splice, pos int, a, b []rune) []Splice {
	width := len(b) + 1
	common := make([]uint16, (len(a)+1)*width) // of a[i:] and b[j:]
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i*width+j] = common[(i+1)*width+j+1] + 1
			} else {
				common[i*width+j] = max(common[(i+1)*width+j], common[i*width+j+1])
			}
		}
	}
	for i, j := 0, 0; i < len(a) || j < len(b); {
		from, to := i, j
		for i < len(a) || j < len(b) {
			if i < len(a) && j < len(b) && a[i] == b[j] {
				break
			}
			if j == len(b) || i < len(a) && common[(i+1)*width+j] >= common[i*width+j+1] {
				i++
			} else {
				j++
			}
		}
		if was, ins := string(a[from:i]), string(b[to:j]); was != "" || ins != "" {
			splices = append(splices, Splice{Pos: pos, Del: Units(was), Ins: ins, Was: was})
			pos += Units(ins)
		}
		for i < len(a) && j < len(b) && a[i] == b[j] {
			pos += Units(string(a[i]))
			i++
			j++
		}
	}
	return splices
}
