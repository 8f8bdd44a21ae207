package delta

import (
	"errors"

	"github.com/rivulet-sync/rivulet/shared/jsontext"
)

// errReads says that a JSON text is not a set of reads.
var errReads = errors.New("malformed set of reads")

// ParseReads reads a JSON array of strings, each a kind followed by a pointer. It
// is how a transaction in JavaScript says what it depended on.
func ParseReads(text []byte) ([]Read, error) {
	if err := jsontext.Validate(text); err != nil {
		return nil, err
	}
	if jsontext.KindOf(text) != jsontext.Array {
		return nil, errReads
	}
	var reads []Read
	for element := range jsontext.Elements(text) {
		if jsontext.KindOf(element) != jsontext.String {
			return nil, errReads
		}
		s := jsontext.Unquote(element)
		if s == "" {
			return nil, errReads
		}
		r := Read{Kind: ReadKind(s[0]), Path: Pointer(s[1:])}
		if !r.Valid() {
			return nil, errReads
		}
		reads = append(reads, r)
	}
	return reads, nil
}
