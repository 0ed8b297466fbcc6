//go:build !race

package node

// UnderRace is set where the race detector watches: the binary is built like the tests that run it.
const UnderRace = false
