// Package shop is the named mutations of a shop: what its server and its pages have in
// common. A document is a shelf: {"stock":{"tea":5},"sold":{"tea":0}}.
package shop

import (
	"errors"
	"strconv"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/mutator"
)

// ErrSoldOut: there are not as many left as somebody wants.
var ErrSoldOut = errors.New("sold out")

var errBadOrder = errors.New("an order has a sku and a positive number n")

// Mutators returns the mutations, whose arguments are {"sku":"tea","n":2}: "fill" puts so
// many on the shelf, "buy" takes so many off it, or none.
func Mutators() *mutator.Registry {
	var r mutator.Registry
	r.Register("fill", func(tx *doc.Tx, args []byte) error {
		o, err := parse(args)
		if err != nil {
			return err
		}
		return add(tx, "stock", o.sku, o.n)
	})
	r.Register("buy", func(tx *doc.Tx, args []byte) error {
		o, err := parse(args)
		if err != nil {
			return err
		}
		if number(tx.Value(delta.PointerOf("stock", o.sku))) < o.n {
			return ErrSoldOut
		}
		if err := add(tx, "stock", o.sku, -o.n); err != nil {
			return err
		}
		return add(tx, "sold", o.sku, o.n)
	})
	return &r
}

type order struct {
	sku string
	n   int
}

// parse reads arguments as a document is read: encoding/json would make the module that
// pages load half as large again.
func parse(args []byte) (order, error) {
	d, err := doc.Parse(args)
	if err != nil {
		return order{}, err
	}
	sku := d.Value("/sku").Raw()
	o := order{n: number(d.Value("/n"))}
	if sku == "" || jsontext.KindOf(sku) != jsontext.String || o.n <= 0 {
		return order{}, errBadOrder
	}
	o.sku = jsontext.Unquote(sku)
	return o, nil
}

// number is 0 for what is none.
func number(v doc.Value) int {
	n, err := strconv.Atoi(v.Raw())
	if err != nil {
		return 0
	}
	return n
}

// add changes a number on a shelf, which is made if it is not there.
func add(tx *doc.Tx, shelf, sku string, by int) error {
	if at := delta.PointerOf(shelf); !tx.IsObject(at) {
		if err := tx.Set(at, []byte("{}")); err != nil {
			return err
		}
	}
	_, err := tx.Add(delta.PointerOf(shelf, sku), int64(by))
	return err
}
