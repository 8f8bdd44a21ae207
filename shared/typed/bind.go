package typed

import (
	"errors"
	"reflect"
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
	"github.com/rivulet-sync/rivulet/shared/doc"
	"github.com/rivulet-sync/rivulet/shared/jsontext"
	"github.com/rivulet-sync/rivulet/shared/table"
)

// Bind opens a document as a struct of type T, which embeds [Document]. It costs what
// the document's tables, lists and texts hold. It must not be called within a
// transaction.
//
// Mistakes in T or the options are returned together, each a [*BindError]; then
// nothing was opened.
func Bind[T any](d *doc.Doc, o Options) (*T, error) {
	bound := new(T)
	w := walk{
		binding: &binding{doc: d, ends: make(map[*ending]struct{})},
		options: &o,
		root:    reflect.TypeFor[T](),
	}
	if w.root.Kind() != reflect.Struct {
		w.mistake("", "is not a struct")
		return nil, w.err()
	}
	w.object(reflect.ValueOf(bound).Elem(), "", "", make(map[string]bool))
	if !w.embedded {
		w.mistake("", "does not embed typed.Document")
	}
	if err := w.err(); err != nil {
		return nil, err
	}
	for _, open := range w.open {
		open()
	}
	return bound, nil
}

// part is a field that stands for a place of the document.
type part interface {
	// check returns what is wrong with the type or the options, empty for nothing.
	check(o *Options) string
	// open begins to follow the document at a place; check found nothing.
	open(b *binding, at delta.Pointer, o *Options)
}

// indexed is a part that takes the tag index.
type indexed interface {
	declare(tag string) ([]table.Index, error)
}

// walk goes through a struct.
type walk struct {
	*binding
	options  *Options
	root     reflect.Type
	embedded bool // the Document was found
	mistakes []error
	open     []func()
}

func (w *walk) mistake(field, reason string) {
	w.mistakes = append(w.mistakes, &BindError{Type: w.root, Field: field, Reason: reason})
}

func (w *walk) err() error { return errors.Join(w.mistakes...) }

var documentType = reflect.TypeFor[Document]()

// object goes through the struct that stands for the object at a place. path is its
// Go name; taken are the members that it has already.
func (w *walk) object(v reflect.Value, path string, at delta.Pointer, taken map[string]bool) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, tagged := f.Tag.Lookup("doc")
		if name == "-" {
			continue
		}
		field := strings.TrimPrefix(path+"."+f.Name, ".")
		switch p, isPart := partOf(v.Field(i), f); {
		case f.Type == documentType:
			w.document(v.Field(i), f, field, path == "")
		case f.Anonymous && f.Type.Kind() == reflect.Struct && !tagged && !isPart:
			w.object(v.Field(i), field, at, taken)
		case !tagged:
			if isPart || holdsParts(f.Type) {
				w.mistake(field, "has no tag doc")
			}
		case !f.IsExported():
			w.mistake(field, "is not exported")
		case !w.member(field, name, taken):
		case isPart:
			w.part(p, f, field, at.Member(name))
		case f.Type.Kind() == reflect.Struct && holdsParts(f.Type):
			w.object(v.Field(i), field, at.Member(name), make(map[string]bool))
		default:
			w.mistake(field, "has the tag doc but is no part of a document: a "+f.Type.String()+
				" is kept in a typed.Field["+f.Type.String()+"]")
		}
	}
}

// partOf returns the part that a field is. Where the program cannot set the field
// the part is only good for being one.
func partOf(v reflect.Value, f reflect.StructField) (part, bool) {
	if !f.IsExported() || !v.CanSet() {
		v = reflect.New(f.Type).Elem()
	}
	p, ok := v.Addr().Interface().(part)
	return p, ok
}

var partType = reflect.TypeFor[part]()

// holdsParts reports whether there are parts in a struct, or behind a pointer.
func holdsParts(t reflect.Type) bool {
	switch {
	case reflect.PointerTo(t).Implements(partType):
		return true
	case t.Kind() == reflect.Pointer:
		return t.Elem().Kind() != reflect.Pointer && reflect.PointerTo(t.Elem()).Implements(partType)
	case t.Kind() != reflect.Struct:
		return false
	}
	for i := range t.NumField() {
		if holdsParts(t.Field(i).Type) {
			return true
		}
	}
	return false
}

func (w *walk) document(v reflect.Value, f reflect.StructField, field string, atRoot bool) {
	switch {
	case !f.Anonymous || !atRoot:
		w.mistake(field, "typed.Document can only be embedded in the outermost struct")
	default:
		w.embedded = true
		v.Set(reflect.ValueOf(Document{w.binding}))
	}
}

// member checks the name of a member.
func (w *walk) member(field, name string, taken map[string]bool) bool {
	quoted := jsontext.AppendString(nil, name)
	switch {
	case name == "":
		w.mistake(field, "its tag doc is empty")
	case name == "$":
		w.mistake(field, `its tag doc is "$", which is reserved`)
	case jsontext.Validate(quoted) != nil:
		w.mistake(field, "its tag doc is not UTF-8")
	case len(quoted)-len(`""`) > jsontext.MaxName:
		w.mistake(field, "its tag doc is too long for a member's name")
	case taken[name]:
		w.mistake(field, "its tag doc "+string(quoted)+" is used twice in one object")
	default:
		taken[name] = true
		return true
	}
	return false
}

func (w *walk) part(p part, f reflect.StructField, field string, at delta.Pointer) {
	if reason := p.check(w.options); reason != "" {
		w.mistake(field, reason)
		return
	}
	if tag, ok := f.Tag.Lookup("index"); ok {
		x, takes := p.(indexed)
		if !takes {
			w.mistake(field, "has the tag index but is no table")
			return
		}
		if _, err := x.declare(tag); err != nil {
			w.mistake(field, "its tag index: "+err.Error())
			return
		}
	}
	w.open = append(w.open, func() { p.open(w.binding, at, w.options) })
}
