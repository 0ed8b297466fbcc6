//go:build race

package node

// underRace has the binary built like the tests that run it.
const underRace = true
