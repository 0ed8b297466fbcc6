package ledger

import (
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// UsageRow is an amount to be added to a row of the usage table.
type UsageRow struct {
	Hour              int64 // of the admission: see HourOf
	Model, Tier       string
	Counted, Credited limit.Amounts
	Input, Output     int64 // tokens
}

// UsageOf returns the row of the usage table for a settled request.
func UsageOf(s limit.Settlement, actual Actual) UsageRow {
	return UsageRow{
		Hour: HourOf(s.Hold.At), Model: s.Model, Tier: s.Hold.Tier,
		Counted: s.Counted, Credited: s.Credited,
		Input: Bounded(actual.InputTokens), Output: Bounded(actual.OutputTokens),
	}
}

// AddUsage adds an amount to rows, which have at most one for each hour, model and tier.
func AddUsage(rows []UsageRow, u UsageRow) []UsageRow {
	for i := range rows {
		if r := &rows[i]; r.Hour == u.Hour && r.Model == u.Model && r.Tier == u.Tier {
			r.Counted, r.Credited = r.Counted.Add(u.Counted), r.Credited.Add(u.Credited)
			r.Input, r.Output = Bounded(r.Input+u.Input), Bounded(r.Output+u.Output)
			return rows
		}
	}
	return append(rows, u)
}

// RollupOf returns what an amount of an account adds to the rollups.
func RollupOf(key Key, u *UsageRow) rollup.Entry {
	total := u.Counted.Add(u.Credited)
	return rollup.Entry{Kind: rollup.Used, Project: key.Project, Identity: key.Identity, Model: u.Model, Tier: u.Tier, Hour: u.Hour,
		Requests: total[limit.Requests], Tokens: total[limit.Tokens], Micros: total[limit.Cost]}
}

// Bounded returns n, but at least 0 and at most limit.MaxAmount.
func Bounded(n int64) int64 { return min(max(0, n), limit.MaxAmount) }

const hourSeconds = 3600

// HourOf returns a time in the hours of the usage table, which are counted from 1970 UTC.
func HourOf(t time.Time) int64 { return t.Unix() / hourSeconds }

// HourTime returns when an hour of the usage table begins.
func HourTime(hour int64) time.Time { return time.Unix(hour*hourSeconds, 0).UTC() }
