package ledger

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// Usage is an identity's usage and remaining limits, as GET /v1/usage shows them.
type Usage struct {
	Identity       string       `json:"identity"`
	Tier           *string      `json:"tier"`
	Period         string       `json:"period"`
	ResetsAt       time.Time    `json:"resetsAt"`
	Limits         []LimitUsage `json:"limits"`
	Usage          Totals       `json:"usage"`
	Credits        Totals       `json:"credits"`
	UnlimitedUntil *time.Time   `json:"unlimitedUntil"`
	Enabled        bool         `json:"enabled"`
}

// LimitUsage is how far one limit is used.
type LimitUsage struct {
	Metric    string      `json:"metric"`
	Scope     string      `json:"scope"`
	Model     *string     `json:"model"`
	Limit     json.Number `json:"limit"`
	Used      json.Number `json:"used"`
	Remaining json.Number `json:"remaining"` // credits included
}

// Totals are amounts on the wire, with the cost in decimal USD.
type Totals struct {
	Requests int64       `json:"requests"`
	Tokens   int64       `json:"tokens"`
	CostUSD  json.Number `json:"costUsd"`
}

// TotalsOf converts amounts to their form on the wire.
func TotalsOf(a limit.Amounts) Totals {
	return Totals{Requests: a[limit.Requests], Tokens: a[limit.Tokens], CostUSD: Figure(limit.Cost, a[limit.Cost])}
}

// Report shows an account under the levels that apply to it.
func Report(a *Account, levels limit.Levels, tier string, now time.Time) Usage {
	u := Usage{
		Identity: a.Key.Identity, Period: a.State.Period.String(), ResetsAt: a.State.Period.End(a.State.Start),
		Limits: []LimitUsage{}, Usage: TotalsOf(a.State.Total()), Credits: TotalsOf(a.State.Credits),
		Enabled: a.Settings == nil || !a.Settings.Disabled,
	}
	if tier != "" {
		u.Tier = &tier
	}
	if a.State.Unlimited(now) {
		until := a.State.UnlimitedUntil
		u.UnlimitedUntil = &until
	}
	for _, st := range a.State.Standings(levels) {
		l := LimitUsage{Metric: st.Metric.String(), Scope: st.Scope.String(),
			Limit: Figure(st.Metric, st.Max), Used: Figure(st.Metric, st.Used), Remaining: Figure(st.Metric, st.Remaining())}
		if st.Scope == limit.ScopeModel {
			l.Model = &st.Model
		}
		u.Limits = append(u.Limits, l)
	}
	return u
}

// Figure returns an amount of a metric in its form on the wire: an integer, or for cost
// decimal USD, converted from micro-USD without rounding.
func Figure(m limit.Metric, n int64) json.Number {
	if m != limit.Cost {
		return json.Number(strconv.FormatInt(n, 10))
	}
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	whole, fraction := n/1_000_000, strconv.FormatInt(n%1_000_000+1_000_000, 10)[1:]
	text := sign + strconv.FormatInt(whole, 10)
	if fraction = strings.TrimRight(fraction, "0"); fraction != "" {
		text += "." + fraction
	}
	return json.Number(text)
}
