// Package typed gives Go programs a document as a struct: its fields say what is
// where, and of which Go type.
//
//	type Board struct {
//		typed.Document
//		Name  typed.Field[string] `doc:"name"`
//		Cards typed.Table[Card]   `doc:"cards" index:"lane,rank;-rank"`
//		Todo  typed.List[string]  `doc:"todo"`
//		Notes typed.Text          `doc:"notes"`
//		Votes typed.Counter       `doc:"votes"`
//		Meta  struct {
//			Owner typed.Field[string] `doc:"owner"`
//		} `doc:"meta"`
//	}
//
// [Bind] checks the struct and opens it on a document. The tag doc names a member of
// the document; a struct is an object, one that is embedded without a tag is no
// object of its own. The tag index declares the indexes of a table: fields as of
// [table.Asc], with a minus sign as of [table.Desc], by commas; indexes by
// semicolons. Other fields of the struct are the program's own.
//
// # Writing
//
// Every write takes the transaction and returns an error, and a write that failed
// has written nothing. So that none is forgotten, [Document.Update] and
// [Document.Checked] remember the first failure and end the transaction with it.
// The objects that a write needs around it are made with it.
//
// # Reading
//
// Get reads the document as it is now, a running transaction included, and notes
// nothing. Read says from where: of a [doc.Tx], which then depends on what it read
// (law L8); of a [doc.Reader], so that a value made by [doc.Compute] is made again
// when it changes; or of a [doc.Doc]. Missing and zero are told apart.
//
// What does not fit its Go type is malformed. It harms nothing around it: Get finds
// no value, Read returns a [*DecodeError], a live view goes on and says so of the
// row. Malformed values can be overwritten.
//
// # Values
//
// Values are JSON as encoding/json has it. The differences:
//
//   - No member of a document is null. A struct's member that would be, such as a
//     nil pointer, slice or map, is left out, which reads as nil again. An entry of a
//     map that would be null, and one below an interface or a custom marshaler, is an
//     [*EncodeError], for it would be lost. Within arrays null is kept.
//   - Strings that are not UTF-8 are refused, not mended.
//   - Integers keep all their digits, and so do numbers below an interface: they are
//     a [json.Number] there. Browsers read them as float64.
//   - Members that the Go type does not have are not seen. Edit keeps them; Set and
//     Put, which replace the value, do not.
//
// The package reflects and uses encoding/json: it is for native programs and has no
// place in the module that browsers load. It generates no code: the struct is looked
// at once, by Bind, and what is left to do later is to encode and decode values.
//
// A bound struct has the owner of its document. It may be copied.
package typed
