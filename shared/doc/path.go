package doc

import (
	"strings"

	"github.com/rivulet-sync/rivulet/shared/delta"
)

// appendToken appends a member name to the text of a pointer.
func appendToken(path []byte, name string) []byte {
	path = append(path, '/')
	for i := range len(name) {
		switch name[i] {
		case '~':
			path = append(path, "~0"...)
		case '/':
			path = append(path, "~1"...)
		default:
			path = append(path, name[i])
		}
	}
	return path
}

// cut returns the first member name of a pointer that is not empty, and the
// rest of the pointer.
func cut(p delta.Pointer) (name string, rest delta.Pointer) {
	token := string(p[1:])
	if i := strings.IndexByte(token, '/'); i >= 0 {
		token, rest = token[:i], p[1+i:]
	}
	if strings.IndexByte(token, '~') >= 0 {
		token = delta.Pointer("/" + token).Names()[0]
	}
	return token, rest
}
