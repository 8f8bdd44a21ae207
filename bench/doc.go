// Package bench measures what a user of Rivulet feels, on the real binary and a
// real Chromium, and prints it as a table with the goals beside it:
//
//	make bench
//
// Absolute times depend on the machine; docs/benchmarks.md keeps one run with
// its circumstances.
package bench
