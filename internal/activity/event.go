package activity

import (
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// outcomeOf returns the kind of an outcome.
func outcomeOf(s *gateway.Seen) string {
	switch s.Outcome {
	case "answered":
		return rollup.Answered
	case "client_gone":
		return rollup.ClientGone
	case "unavailable", "internal_error":
		return rollup.Failed
	case "provider_error", "provider_broke_off", "provider_unreachable", "provider_timeout", "provider_auth_failed":
		return rollup.ProviderFailed
	}
	return rollup.Refused
}

// metricOf returns the metric of the limit that refused, "" for none.
func metricOf(e *gateway.Ended) string {
	if e.Decision != nil && e.Decision.Refusal == limit.OverLimit {
		return e.Decision.Metric.String()
	}
	return ""
}

// governing returns a name for the model of a refused request that no client can make up: the key of the limit that
// refused, or the model's if the settings or the price book name it. Others are "".
func governing(e *gateway.Ended) string {
	if d := e.Decision; d != nil && d.Refusal == limit.OverLimit && d.Standings[d.Metric].Scope == limit.ScopeModel {
		return d.Standings[d.Metric].Model
	}
	if model := limit.CanonicalModel(e.Model); e.Model != "" && (inBook()[model] || named(e.Project, model)) {
		return model
	}
	return ""
}

// inBook has the models of the price book.
var inBook = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for _, name := range price.Names() {
		names[limit.CanonicalModel(name)] = true
	}
	return names
})

// named reports whether the settings of a project name a model, other than by a pattern.
func named(p *project.Snapshot, model string) bool {
	is := func(key string) bool { return limit.CanonicalModel(key) == model }
	return slices.ContainsFunc(p.AllowedModels, is) ||
		slices.ContainsFunc(p.Level.Models, func(mc limit.ModelCaps) bool { return is(mc.Key) }) ||
		slices.ContainsFunc(p.Configured(), func(to *project.Provider) bool { return slices.ContainsFunc(to.Named, is) })
}

// eventOf describes a request to those who watch.
func eventOf(e *gateway.Ended, outcome string) live.Event {
	at := e.Times.Began.UTC().Truncate(time.Millisecond)
	if outcome == rollup.Refused && e.Decision == nil {
		return live.Event{Rejected: &live.Rejected{At: at, Status: e.Status, Code: e.Outcome, Message: live.Advice(e.Outcome)}}
	}
	r := &live.Request{At: at, Identity: e.Identity, Tier: e.Tier, Model: e.Model, Provider: e.ProviderName, Dialect: e.Dialect,
		Stream: e.Stream, Status: e.Status, Ms: e.Times.Done.Milliseconds(), Tokens: e.Charged.Amounts[limit.Tokens],
		CostUSD: ledger.Figure(limit.Cost, e.Charged.Amounts[limit.Cost])}
	if outcome != rollup.Answered {
		r.Code = e.Outcome
	}
	if e.Times.Answered > 0 {
		ms := (e.Times.Answered - e.Times.Sent).Milliseconds()
		r.TTFBMs = &ms
	}
	if st := tightest(e.Decision); st != nil {
		r.Metric = st.Metric.String()
		r.Limit, r.Left = figure(st.Metric, st.Max), figure(st.Metric, st.Remaining())
	}
	return live.Event{Request: r}
}

func figure(m limit.Metric, n int64) *json.Number {
	f := ledger.Figure(m, n)
	return &f
}

// tightest returns the limit of which the smallest part is left, or nil if none is in force.
func tightest(d *limit.Decision) (tightest *limit.Standing) {
	if d == nil {
		return nil
	}
	least := 0.0
	for m := range d.Standings {
		st := &d.Standings[m]
		if !d.InForce[m] {
			continue
		}
		if left := float64(st.Remaining()) / float64(max(1, st.Max)); tightest == nil || left < least {
			tightest, least = st, left
		}
	}
	return tightest
}
