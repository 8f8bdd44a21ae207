// Package converge has no code of its own, only the proof that the packages of
// shared/ hold together: real replicas, which edit every kind of collection in one
// document over a network that loses connections, with a server that restarts, end
// equal to each other and to the log, and every edit has had exactly the effect that
// it was meant to have.
//
// A run is a function of its seed. Seeds that have failed are kept in
// testdata/seeds.txt and are run first, always. With flags of the test binary,
//
//	-converge.seed N         runs one seed
//	-converge.shrink         and if it fails, finds the steps that it takes to fail
//	-converge.soak DURATION  runs new seeds for so long
package converge
