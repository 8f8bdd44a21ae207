package archive

// AppendBase appends the lines of a base.
var AppendBase = appendBase
