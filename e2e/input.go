package e2e

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Keys for Press that have no character.
const (
	Enter      = kb.Enter
	Escape     = kb.Escape
	Tab        = kb.Tab
	Backspace  = kb.Backspace
	Delete     = kb.Delete
	ArrowUp    = kb.ArrowUp
	ArrowDown  = kb.ArrowDown
	ArrowLeft  = kb.ArrowLeft
	ArrowRight = kb.ArrowRight
	Home       = kb.Home
	End        = kb.End
	Space      = " "
)

// Modifiers for Press.
const (
	Alt   = chromedp.ModifierAlt
	Ctrl  = chromedp.ModifierCtrl
	Meta  = chromedp.ModifierMeta
	Shift = chromedp.ModifierShift
)

// point is where a mouse can hit an element.
type point struct {
	X, Y                     float64
	Left, Top, Width, Height float64
}

// find waits until the element can be hit by a mouse, and returns its middle.
func (p *Page) find(selector string) point {
	p.t.Helper()
	where := "__e2e.point(" + quote(selector) + ")"
	if err := p.when(patience, "!"+where+".problem"); err != nil {
		problem, _ := eval[string](p, where+".problem ?? 'it moves'", patience)
		p.t.Fatalf("%s: cannot reach %s: %s", p.name, selector, problem)
	}
	return Eval[point](p, where)
}

// Click presses and releases the left button in the middle of an element.
func (p *Page) Click(selector string) {
	p.t.Helper()
	at := p.find(selector)
	p.do("click "+selector, chromedp.MouseClickXY(at.X, at.Y))
}

// DoubleClick clicks twice, as a person who wants to edit does.
func (p *Page) DoubleClick(selector string) {
	p.t.Helper()
	at := p.find(selector)
	p.do("double-click "+selector,
		chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(1)),
		chromedp.MouseClickXY(at.X, at.Y, chromedp.ClickCount(2)))
}

// Hover moves the mouse over an element.
func (p *Page) Hover(selector string) {
	p.t.Helper()
	at := p.find(selector)
	p.do("hover "+selector, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at.X, at.Y))
}

// MoveMouse moves the mouse to a point of the window, in CSS pixels.
func (p *Page) MoveMouse(x, y float64) {
	p.t.Helper()
	p.do(fmt.Sprintf("move the mouse to %g,%g", x, y), chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, x, y))
}

// Drag presses the left button on one element, moves to the middle of another
// and lets go there. It serves pages that listen to pointer events and pages
// with HTML drag and drop.
func (p *Page) Drag(from, to string) {
	p.t.Helper()
	p.find(to)
	p.DragBy(from, to, 0.5, 0.5)
}

// DragBy is Drag to another place of the target than its middle: 0,0 is its
// top left corner, 1,1 its bottom right.
func (p *Page) DragBy(from, to string, right, down float64) {
	p.t.Helper()
	a := p.find(from)
	b := Eval[point](p, "__e2e.point("+quote(to)+")") // seen from where find has scrolled to
	p.do("drag "+from+" to "+to, chromedp.DragAndDropXY(a.X, a.Y, b.Left+b.Width*right, b.Top+b.Height*down))
}

// Type presses the keys of a text one after the other, into whatever has the
// focus. "\n" is the Enter key.
func (p *Page) Type(text string) {
	p.t.Helper()
	p.do(fmt.Sprintf("type %q", text), keys(text, 0))
}

// Press presses one key, with modifiers held.
func (p *Page) Press(key string, held ...chromedp.Modifier) {
	p.t.Helper()
	var modifiers chromedp.Modifier
	for _, m := range held {
		modifiers |= m
	}
	p.do(fmt.Sprintf("press %q", key), keys(key, modifiers))
}

// keys presses and releases a key for each character. The character goes with
// the press, so that a page which prevents the default of keydown gets none, as
// from a keyboard.
func keys(text string, held chromedp.Modifier) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		for _, r := range text {
			events := kb.Encode(r)
			down, up := *events[0], *events[len(events)-1]
			down.Type = kb.KeyRawDown
			if len(events) == 3 && held&^Shift == 0 { // Ctrl+A is a command, not a character
				down.Type, down.Text, down.UnmodifiedText = kb.KeyDown, events[1].Text, events[1].UnmodifiedText
			}
			down.Modifiers |= int64(held)
			up.Modifiers |= int64(held)
			for _, event := range []input.DispatchKeyEventParams{down, up} {
				if _, err := cdp.Call(ctx, t, input.DispatchKeyEvent, event); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// Insert enters a text at once, as pasting or an input method does.
func (p *Page) Insert(text string) {
	p.t.Helper()
	command(p, fmt.Sprintf("insert %q", text), input.InsertText, input.InsertTextParams{Text: text})
}

// Replace selects all of the field that has the focus and types over it.
func (p *Page) Replace(text string) {
	p.t.Helper()
	p.Press("a", Ctrl)
	p.Type(text)
}
