package converge_test

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/text"
)

// anchor is a cursor with the character that it keeps to.
type anchor struct {
	text   int
	cursor *text.Cursor
	bias   text.Bias
	char   rune
}

func (c *client) newAnchor(random *rand.Rand) {
	i := random.IntN(2)
	chars := []rune(c.texts[i].String())
	if len(chars) == 0 {
		return
	}
	at := random.IntN(len(chars))
	a := &anchor{text: i, char: chars[at], bias: []text.Bias{text.Left, text.Right}[random.IntN(2)]}
	if slices.Contains(chars[at+1:], a.char) || slices.Contains(chars[:at], a.char) {
		return
	}
	pos := text.Units(string(chars[:at]))
	if a.bias == text.Left {
		pos += text.Units(string(a.char))
	}
	a.cursor = c.texts[i].Cursor(pos, a.bias)
	c.anchors = append(c.anchors, a)
}

func (c *client) release() {
	for _, a := range c.anchors {
		a.cursor.Release()
	}
	c.anchors = nil
}

// check reports whether the character is still there, once.
func (a *anchor) check(c *client) bool {
	if c.sim.revived[a.char] {
		a.cursor.Release() // deleted and put there again within a batch, it is another one
		return false
	}
	before, behind, there := strings.Cut(c.texts[a.text].String(), string(a.char))
	if !there || strings.ContainsRune(behind, a.char) {
		a.cursor.Release()
		return false
	}
	want := text.Units(before)
	if a.bias == text.Left {
		want += text.Units(string(a.char))
	}
	if got := a.cursor.Pos(); got != want {
		failf("client %s: a cursor in text %d that keeps to %q (bias %d) is at %d, not %d, of %q", c.tag, a.text, a.char, a.bias, got, want, c.texts[a.text])
	}
	return true
}
