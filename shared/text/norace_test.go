//go:build !race

package text_test

const underRace = false
