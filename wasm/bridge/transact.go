//go:build js

package bridge

import (
	"errors"
	"syscall/js"

	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/replica"
	"github.com/rivulet-sync/rivulet/wasm/edits"
)

func (b *bridge) transact(args []js.Value) any {
	return answer(true, b.with(args, func(c *client) error {
		docs := make([]*document, len(args)-2)
		for i, handle := range args[2:] {
			if docs[i] = c.docs[handle.Int()]; docs[i] == nil {
				return errNotOpen
			}
		}
		return c.transact(uint64(args[1].Int()), docs)
	}))
}

// transact begins a transaction over several documents. JavaScript runs its function, by
// attempt, on mirrors that are not changed by that, and hears by transacted how it ended.
func (c *client) transact(tag uint64, docs []*document) error {
	replicas := make([]*replica.Document, len(docs))
	for i, d := range docs {
		replicas[i] = d.replica
	}
	scripts := make([]edits.Script, len(docs))
	attempt := func(txs []*doc.Tx) (err error) {
		result := c.sink.Call("attempt", tag)
		if result.IsNull() {
			return errDropped
		}
		for i := range docs {
			if scripts[i], err = parse(result.Index(i)); err != nil {
				return err
			}
		}
		for i, d := range docs {
			if err := d.session.Within(txs[i], scripts[i]); err != nil {
				return err
			}
		}
		return nil
	}
	done := func(err error) {
		if err != edits.ErrNotOpen {
			c.transacted(tag, err)
			return
		}
		// What it edits cannot be opened while it runs: so that is done now, and it begins anew.
		c.afterwards(func() {
			for i, d := range docs {
				if err := d.session.Open(scripts[i], d.replica.Pending() == 0); err != nil {
					c.transacted(tag, err)
					return
				}
			}
			if err := c.transact(tag, docs); err != nil {
				c.transacted(tag, err)
			}
		})
	}
	_, err := c.link.Engine().Transact(replicas, attempt, done)
	return err
}

func (c *client) transacted(tag uint64, err error) {
	code, detail := "", answer(true, err)
	var rejected *replica.RejectedError
	if errors.As(err, &rejected) {
		code, detail = rejected.Code.String(), rejected.Detail
	}
	c.tell("transacted", tag, code, detail)
}

// parse reads what JavaScript says that a function did, see rerun and attempt.
func parse(result js.Value) (edits.Script, error) {
	return edits.Parse(bytesOf(result.Get("delta")), []byte(result.Get("reads").String()), []byte(result.Get("edits").String()))
}
