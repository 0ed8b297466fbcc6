package gateway

import (
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/provider"
)

// Seen is what an operator may know of a request that has ended, for metrics and traces. Nothing in it names
// a project, an identity or a key, and nothing is text of the request: every string but ID is one of few.
type Seen struct {
	ID        string
	Operation string // "" before it was known
	Outcome   string // a code of the contract's errors, or "answered", "provider_error", "provider_broke_off", "client_gone", "preflight"
	Refused   string // by which kind of limit: "requests", "tokens", "costUsd", "burst", "concurrency"; "" by none
	Unchecked bool   // it was let through while limits were unknown
	Status    int    // of the answer; 0 where none was begun
	Provider  string // a built-in one's name, "custom" for a project's own, "" before one was chosen
	Family    string // the model's, see [provider.Family]; "" before it was known
	Charged   ledger.Actual
	Times     Times
}

// Times are when a request had come how far: how long after Began, 0 where it never did.
type Times struct {
	Began time.Time // its header was read
	Steps
	Done time.Duration // our answer was written, and everything settled
}

// Steps are those on a request's way.
type Steps struct {
	Asked    time.Duration // the caller is known, the body is read next
	Read     time.Duration // the body was there
	Decided  time.Duration // it was understood, and the ledger asked
	Sent     time.Duration // the provider's request was handed to the transport
	Answered time.Duration // the header of the provider's answer came
	Last     time.Duration // the provider's answer had come whole, or broke off
}

// Added is what the gateway itself took of a request that was answered: from its header to its being
// sent on, without the wait for the client's body, and from the last byte of the provider's answer to the end of ours.
// ok is false where the provider did not answer.
func (t *Times) Added() (d time.Duration, ok bool) {
	if t.Last == 0 {
		return 0, false
	}
	return t.Sent - (t.Read - t.Asked) + t.Done - t.Last, true
}

// elapsed is how long ago the request began; never 0, which would say that nothing happened.
func (c *call) elapsed() time.Duration { return max(1, c.g.Now().Sub(c.start)) }

// seen is what is known of the call at its end.
func (c *call) seen(done time.Time) Seen {
	s := Seen{ID: c.id, Outcome: c.outcome, Refused: refusedBy(c.decision), Unchecked: c.passed, Status: c.status, Charged: c.charged,
		Times: Times{Began: c.start, Steps: c.at, Done: done.Sub(c.start)}}
	if c.ep.Method != "" {
		s.Operation = c.ep.Operation.String()
	}
	if p := c.target.Provider; p != nil {
		s.Provider, s.Family = "custom", provider.Family(c.target.Model)
		if p.Builtin {
			s.Provider = p.Name
		}
	}
	return s
}

func refusedBy(d *limit.Decision) string {
	if d == nil {
		return ""
	}
	switch d.Refusal {
	case limit.OverLimit:
		return d.Metric.String()
	case limit.OverBurst:
		return "burst"
	case limit.OverConcurrency:
		return "concurrency"
	}
	return ""
}

// letGo takes the call from those that hold a reservation.
func (c *call) letGo() {
	if c.held {
		c.held = false
		c.g.holding.Add(-1)
	}
}

// Running is how many requests run.
func (g *Gateway) Running() int64 { return g.running.Load() }

// Holding is how many of them hold a reservation.
func (g *Gateway) Holding() int64 { return g.holding.Load() }
