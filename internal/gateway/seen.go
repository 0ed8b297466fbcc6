package gateway

import (
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
)

// Seen is a request that has ended, as metrics and traces may show it. It names no project, identity or key, and holds no
// text of the request: every string but ID has few values.
type Seen struct {
	ID        string
	Operation string // "" if it is not known
	Outcome   string // a code of docs/errors.md, or "answered", "provider_error", "provider_broke_off", "client_gone", "preflight"
	Refused   string // the kind of limit that refused: "requests", "tokens", "costUsd", "burst", "concurrency"; "" for none
	Unchecked bool   // it was let through while limits were unknown
	Status    int    // of the answer; 0 if none was begun
	Provider  string // a built-in provider's name, the echo's included, "custom" for a project's own, "" if none was chosen
	Family    string // the model's, see [provider.Family]; "" if it is not known
	Charged   ledger.Actual
	Times     Times
	Alarms    []Alarm // of the guard
}

// Ended is a request that has ended, with the names that only its project may see. It holds nothing of a prompt or an answer.
type Ended struct {
	Seen
	Project  *project.Snapshot // nil if it is not known
	Metered  bool              // it asks for a model's answer
	Identity string            // "" if it is not known, as the fields below
	Tier     string
	Model    string // as it is sent to the provider

	ProviderName string
	Dialect      string
	Stream       bool
	Decision     *limit.Decision // nil if there was none; its standings include the request
}

// Alarm is what the guard found in a request, by its rule. It holds no text.
type Alarm struct {
	Category, Rule, Severity string
	Blocked                  bool
}

// Times are the times of a request's steps, as durations since Began; 0 for a step that was not reached.
type Times struct {
	Began time.Time // the request's header was read
	Steps
	Done time.Duration // the answer was written and the reservation ended
}

// Steps are the steps of a request.
type Steps struct {
	Asked    time.Duration // the caller was authenticated; the body is read next
	Read     time.Duration // the body was read
	Decided  time.Duration // the request was parsed; the ledger is asked next
	Sent     time.Duration // the provider's request was handed to the transport
	Answered time.Duration // the header of the provider's answer came
	Last     time.Duration // the provider's answer came to its end, or broke off
}

// Added is the time that the gateway itself added to an answered request: from the request's header to sending it on,
// without the wait for the client's body, and from the last byte of the provider's answer to the end of the client's.
// ok is false if the provider did not answer.
func (t *Times) Added() (d time.Duration, ok bool) {
	if t.Last == 0 {
		return 0, false
	}
	return t.Sent - (t.Read - t.Asked) + t.Done - t.Last, true
}

// elapsed is the time since the request began. It is never 0, which would mean that a step was not reached.
func (c *call) elapsed() time.Duration { return max(1, c.g.Now().Sub(c.start)) }

// seen describes the call at its end.
func (c *call) seen(done time.Time) Seen {
	s := Seen{ID: c.id, Outcome: c.outcome, Refused: refusedBy(c.decision), Unchecked: c.passed, Status: c.status, Charged: c.charged, Alarms: c.alarms,
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

// describe describes the call at its end to its project.
func (c *call) describe(s Seen) Ended {
	e := Ended{Seen: s, Project: c.caller.Project, Metered: c.ep.Metered(), Identity: c.caller.Identity, Tier: c.asker().TierName(), Model: c.target.Model,
		Dialect: c.ep.Dialect.String(), Stream: c.env != nil && c.env.Stream, Decision: c.decision}
	if c.target.Provider != nil {
		e.ProviderName = c.target.Provider.Name
	}
	return e
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

// uncount takes the call out of Gateway.holding.
func (c *call) uncount() {
	if c.held {
		c.held = false
		c.g.holding.Add(-1)
	}
}

// Running is the number of requests that run.
func (g *Gateway) Running() int64 { return g.running.Load() }

// Holding is the number of requests that hold a reservation.
func (g *Gateway) Holding() int64 { return g.holding.Load() }
