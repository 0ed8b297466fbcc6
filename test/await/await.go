// Package await has what tests wait with: conditions, and a gate in front of a provider.
package await

import (
	"net/http"
	"testing"
	"time"
)

// Patience is how long a test waits for an event that comes at once. It is generous: a busy machine must not fail a test.
const Patience = 30 * time.Second

// Soon waits until a condition holds, and fails the test after Patience.
func Soon(t testing.TB, what string, holds func() bool) {
	t.Helper()
	Within(t, Patience, what, holds)
}

// Within waits until a condition holds, and fails the test after limit.
func Within(t testing.TB, limit time.Duration, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(limit); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// Gate holds requests at the provider until it is opened.
type Gate struct {
	Arrived chan struct{} // gets one for each request that has arrived
	opened  chan struct{}
}

// NewGate returns a closed gate.
func NewGate() *Gate { return &Gate{make(chan struct{}, 1024), make(chan struct{})} }

// Hold returns when the gate is open, or the request ends.
func (g *Gate) Hold(r *http.Request) {
	g.Arrived <- struct{}{}
	select {
	case <-g.opened:
	case <-r.Context().Done():
	}
}

// Open lets all requests pass from now on. It may be called once.
func (g *Gate) Open() { close(g.opened) }
