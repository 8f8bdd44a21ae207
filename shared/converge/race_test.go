//go:build race

package converge_test

// underRace: the race detector makes everything ten times slower.
const underRace = true
