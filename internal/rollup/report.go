package rollup

import "time"

// Split says by what usage is split. The numbers are stored.
type Split int

// The splits. Unsplit is not stored.
const (
	Unsplit   Split = iota - 1
	ByModel         // the model that is limited
	ByTier          // "" for none
	ByOutcome       // see the outcomes
	ByCode          // the error code; answered requests have none
)

// OtherKey is the key of everything that has no key of its own. No name has a control character.
const OtherKey = "\x1fother"

// The outcomes.
const (
	Answered       = "answered"
	Refused        = "refused"        // by the gateway, for a reason of the request or of a limit
	ProviderFailed = "providerFailed" // the provider refused, failed or did not answer
	ClientGone     = "clientGone"
	Failed         = "failed" // the gateway or its database
)

// Figures are what reports show of some requests.
type Figures struct {
	Sums
	Refused int64
}

// Plus returns the sums of both.
func (f Figures) Plus(o Figures) Figures {
	return Figures{f.Sums.Plus(o.Sums), Add(f.Refused, o.Refused)}
}

// Figure names one of the Figures.
type Figure int

// The figures; the first ones are those of Sums, in their order.
const (
	Requests Figure = iota
	Tokens
	Micros
	RefusedRequests
)

// Of returns a figure.
func (f Figures) Of(which Figure) int64 {
	if which == RefusedRequests {
		return f.Refused
	}
	return f.Sums[which]
}

// Span is a range of Unix hours or Unix days: From is in it, To is not.
type Span struct{ From, To int64 }

// Len is the number of hours or days in the span.
func (s Span) Len() int { return int(s.To - s.From) }

// SeriesQuery asks for usage over time.
type SeriesQuery struct {
	Project string
	Days    bool // Span is of days, else of hours
	Span    Span
	Split   Split
	Key     string // only this key of the split; "" for all
	Only    bool   // Key is given, also if it is ""
	Figure  Figure
}

// Series is a figure over time by key, in the order of the span.
type Series map[string][]int64

// Add adds to a figure at a place in the span.
func (s Series) Add(q SeriesQuery, key string, place int64, figure int64) {
	if s[key] == nil {
		s[key] = make([]int64, q.Span.Len())
	}
	at := &s[key][place]
	*at = Add(*at, figure)
}

// Period is the figures of a range of hours.
type Period struct {
	Figures
	Active, Created int64 // identities with usage, about 1 % exact; identities that did not exist before
}

// Overview is the figures of the last hours and of as many before.
type Overview struct {
	Now, Before Period
	Spark       []Figures // the hours of Now in equal parts
	LastRequest time.Time // zero for none
}

// TopQuery asks for the largest keys of a range of days.
type TopQuery struct {
	Project string
	Metric  int // of Sums
	Days    Span
	Split   Split // ByModel or ByTier; Unsplit for identities
	Refused bool  // identities by refused requests; Metric and Split do not matter
	Limit   int
}

// TopList is the answer to a TopQuery. If Complete is false, an identity may be missing or have more.
type TopList struct {
	Items    []Named
	Total    Sums // of everything in the range
	Complete bool
}

// First is the first admitted request of a project and its last refused one; zero times for none.
type First struct {
	At, RefusedAt time.Time
	Code          string // of the refusal
}

// Today is a project's figures since the beginning of the day, in UTC.
type Today struct {
	Figures
	LastRequest time.Time // zero for none
}

// NearQuery asks for limits that identities have nearly used up.
type NearQuery struct {
	Project   string
	Threshold float64 // the used part, from 0.5 to 1
	Metric    string  // "" for all
	Tier      string  // "" for all
	Now       time.Time
	Limit     int
}

// NearLimit names a limit that an identity had nearly used up after its last request.
type NearLimit struct{ Identity, Tier, Metric, Scope, Model string }

// ModelSeen is a model's share of the requests of a project.
type ModelSeen struct {
	Model    string // "" for those that are not kept apart
	Requests int64
	LastHour int64 // Unix hours
}
