//go:build race

package text_test

// underRace: the race detector makes everything ten times slower.
const underRace = true
