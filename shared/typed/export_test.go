package typed

import "reflect"

// Unfit says why a type has no JSON, for types that vet does not let tests write.
func Unfit(t reflect.Type) string { return unfit(t, nil) }
