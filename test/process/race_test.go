//go:build race

package process

// underRace builds the binary with the race detector where the tests have it.
const underRace = true
