package mutator

import "github.com/rivulet-sync/rivulet/shared/doc"

// Run runs a function as a transaction of a document. If it panics nothing has
// happened, as with any error, and the error is a [*PanicError].
func Run(d *doc.Doc, fn Func, args []byte) (change doc.Change, err error) {
	defer func() {
		if v := recover(); v != nil {
			change, err = doc.Change{}, &PanicError{Value: v}
		}
	}()
	return d.Update(func(tx *doc.Tx) error { return fn(tx, args) })
}

// PanicError says that a function has panicked.
type PanicError struct{ Value any }

func (e *PanicError) Error() string {
	switch v := e.Value.(type) {
	case error:
		return "the mutator panicked: " + v.Error()
	case string:
		return "the mutator panicked: " + v
	}
	return "the mutator panicked"
}
