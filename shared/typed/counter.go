package typed

import (
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
)

// Counter is a number that several clients add to at once, and all of it counts. One
// that is not there is 0.
type Counter struct{ place }

func (*Counter) check(*Options) string { return "" }

func (c *Counter) open(b *binding, at delta.Pointer, _ *Options) { c.place = placeOf(b, at) }

// At returns the place of the counter.
func (c *Counter) At() delta.Pointer { return c.at }

// Get returns the number as it is now; false if there is something else.
func (c *Counter) Get() (n int64, ok bool) {
	n, err := c.Read(c.doc)
	return n, err == nil
}

// Read returns the number. A transaction that reads it depends on what others add.
// The error is a [*doc.FormatError].
func (c *Counter) Read(r Reader) (int64, error) {
	v := r.Value(c.at)
	if !v.Present() {
		return 0, nil
	}
	n, err := strconv.ParseInt(v.Raw(), 10, 64)
	if err != nil || n > doc.MaxCounter || n < -doc.MaxCounter {
		return 0, &doc.FormatError{Path: c.at, Want: "a counter: an integer of at most 2^53-1"}
	}
	return n, nil
}

// Add adds n, which may be negative. The error is a [*doc.FormatError], also where the
// sum would be out of range, or a [*doc.PathError].
func (c *Counter) Add(tx *doc.Tx, n int64) error {
	return c.write(tx, func(tx *doc.Tx) error {
		_, err := tx.Add(c.at, n)
		return err
	})
}

// Watch calls fn after every change of the number, which is 0 where there is something
// else. The function that it returns ends
// that.
func (c *Counter) Watch(fn func(n int64)) (stop func()) {
	last, _ := c.Get()
	return c.until(c.doc.Subscribe(c.at, doc.Prefix, func(doc.Event) {
		if n, _ := c.Get(); n != last {
			last = n
			fn(n)
		}
	}))
}
