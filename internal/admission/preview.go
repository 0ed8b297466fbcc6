package admission

import (
	"net/http"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Example is the request whose refusal a preview shows.
type Example struct {
	Account ledger.Account // of the identity; the preview adds usage up to the limit
	Model   string         // as it is sent to the provider
	Metric  limit.Metric
	Now     time.Time
}

// exampleMax are the limits of a preview for a metric without a limit in force.
var exampleMax = limit.Amounts{limit.Requests: 100, limit.Tokens: 100_000, limit.Cost: 1_000_000}

// Preview returns the refusal of a request at the limit of a metric, and the decision of its limit headers.
func (s Subject) Preview(x Example) (*wire.Error, limit.Decision) {
	state := x.Account.State
	state.Used, state.Credits, state.UnlimitedUntil = append([]limit.ModelUsage(nil), state.Used...), limit.Amounts{}, time.Time{}
	rules := s.Rules(x.Model)
	if _, ok := rules.Limit(x.Metric); !ok {
		var own limit.Level
		own.Caps[x.Metric] = &exampleMax[x.Metric]
		rules = limit.Resolve(limit.Levels{Project: &own}, rules.Model, s.Project.Period, s.Project.Strict)
	}
	if st := state.Standing(&rules, x.Metric); st.Allowance > 0 {
		used := limit.ModelUsage{Model: rules.Model}
		used.Counted[x.Metric] = st.Allowance
		state.Used = append(state.Used, used)
	}
	d := limit.Decide(&state, &rules, limit.Ask{Tier: s.TierName()}, x.Now)
	if d.Refusal != limit.OverLimit || d.Metric != x.Metric { // another limit refuses too
		d.Refusal, d.Metric, d.Lasting = limit.OverLimit, x.Metric, false
	}
	return s.Refusal(&d, x.Model, x.Now), d
}

// With returns the subject with a limit response whose fields come before those of the settings.
func (s Subject) With(response map[string]any) Subject {
	settings := ledger.Settings{}
	if s.Settings != nil {
		settings = *s.Settings
	}
	settings.LimitResponse = project.MergeLimitResponse(response, settings.LimitResponse)
	s.Settings = &settings
	return s
}

// WriteRefusal writes the headers of a refusal in a dialect, and returns the body. id is the request's id.
func (s Subject) WriteRefusal(h http.Header, e *wire.Error, d *limit.Decision, dialect wire.Dialect, id string, now time.Time) []byte {
	Identify(h, id)
	LimitHeaders(h, d, s.Project.Period, now)
	return WriteError(h, e, dialect, id)
}
