// Package jsontext reads and writes JSON (RFC 8259) as slices of bytes, without
// building values.
//
// There are two sides. [Validate] is for bytes from outside: it is strict, has
// limits and returns a typed error. Everything else is for bytes that passed
// it; given anything else those functions may return nonsense or panic.
//
// Strict means: UTF-8 throughout, no lone surrogates in escapes, no member name
// twice in one object. Numbers keep their literal text and are never parsed, so
// no precision is lost.
package jsontext
