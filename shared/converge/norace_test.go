//go:build !race

package converge_test

const underRace = false
