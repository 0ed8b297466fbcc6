package api

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// mostRefusalDays bounds the range of refusals that are split and filtered by different things.
const mostRefusalDays = 31

// otherKeys stands for all keys that are not shown apart, and allKeys for everything.
const otherKeys, allKeys = "other", "all"

// UsageOverTime is usage by hour or day.
type UsageOverTime struct {
	AsOf    time.Time     `json:"asOf" doc:"The time of the report. Usage of the last seconds may be missing."`
	From    time.Time     `json:"from"`
	To      time.Time     `json:"to"`
	By      string        `json:"by" enum:"hour,day"`
	Metric  string        `json:"metric" enum:"requests,tokens,costUsd,refused"`
	Keys    []string      `json:"keys" doc:"What the values are of: the first eight by their totals, then \"other\". Without a split it is \"all\". A tier may be empty: none."`
	Buckets []usageBucket `json:"buckets"`
	Totals  []json.Number `json:"totals" doc:"The totals of the keys."`
}

type usageBucket struct {
	At     time.Time     `json:"at"`
	Values []json.Number `json:"values" doc:"In the order of keys."`
}

// UsageFilter are the parameters that choose usage.
type UsageFilter struct {
	Range
	Split   string `query:"split" enum:"model,tier,outcome,code" doc:"What the usage is split by. Outcomes are answered, refused, providerFailed, clientGone and failed."`
	Model   string `query:"model" doc:"Only this model."`
	Tier    string `query:"tier" doc:"Only this tier."`
	Outcome string `query:"outcome" doc:"Only this outcome."`
	Code    string `query:"code" doc:"Only requests with this error code."`
}

type usageOverTimeInput struct {
	InProject
	UsageFilter
	Fresh
	Metric string `query:"metric" enum:"requests,tokens,costUsd,refused" default:"requests" doc:"What the values are."`
}

// splits are the splits by their names.
var splits = map[string]rollup.Split{"": rollup.Unsplit, "model": rollup.ByModel, "tier": rollup.ByTier, "outcome": rollup.ByOutcome, "code": rollup.ByCode}

// figures are the figures by the names of metrics.
var figures = map[string]rollup.Figure{"requests": rollup.Requests, "tokens": rollup.Tokens, "costUsd": rollup.Micros, "refused": rollup.RefusedRequests}

// filter returns what the usage is filtered by; "" for nothing.
func (in *UsageFilter) filter() (by, key string, err error) {
	for name, value := range map[string]string{"model": in.Model, "tier": in.Tier, "outcome": in.Outcome, "code": in.Code} {
		if value == "" {
			continue
		}
		if by != "" {
			return "", "", wrong("query."+name, "cannot be combined with another filter: give one of model, tier, outcome and code")
		}
		by, key = name, value
	}
	if by == "model" {
		key = limit.CanonicalModel(key)
	}
	return by, key, nil
}

// usagePlan says how the usage that a UsageFilter chooses is read.
type usagePlan struct {
	q     rollup.SeriesQuery
	split string
	by    string // the filter of refusals, if it differs from their split; else ""
}

// plan checks the parameters. Usage that is split by one thing and filtered by another is known for refusals only.
func (in *UsageFilter) plan(project, metric string, now time.Time) (pl usagePlan, err error) {
	from, to, step, err := in.hours(now)
	if err != nil {
		return pl, err
	}
	by, key, err := in.filter()
	if err != nil {
		return pl, err
	}
	pl = usagePlan{split: in.Split, q: rollup.SeriesQuery{Project: project, Days: step > 1, Span: rollup.Span{From: from / step, To: to / step},
		Split: splits[cmp.Or(in.Split, by)], Key: key, Only: by != "", Figure: figures[metric]}}
	if by == "" || in.Split == "" || by == in.Split {
		return pl, nil
	}
	pl.by = by
	switch {
	case metric != "refused" || by == "outcome" || in.Split == "outcome":
		return pl, wrong("query."+by, "cannot be combined with split=%s: leave one of them out, or ask for metric=refused by model, tier and code", in.Split)
	case to-from > 24*mostRefusalDays:
		return pl, wrong("query.from", "is too early: refusals with another filter than their split are of at most %d days", mostRefusalDays)
	}
	return pl, nil
}

// at returns the beginning of an hour or a day of the plan.
func (pl *usagePlan) at(n int64) time.Time { return ledger.HourTime(n * pl.hours()) }

// hours is how many hours a bucket has.
func (pl *usagePlan) hours() int64 {
	if pl.q.Days {
		return 24
	}
	return 1
}

func (c *control) usageOverTime(ctx context.Context, in *usageOverTimeInput) (*report[UsageOverTime], error) {
	now := c.now()
	pl, err := in.plan(projectOf(ctx).Key, in.Metric, now)
	if err != nil {
		return nil, err
	}
	series, err := c.series(ctx, pl)
	if err != nil {
		return nil, err
	}
	out := in.show(pl, series)
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

// series reads the usage of a plan.
func (c *control) series(ctx context.Context, pl usagePlan) (rollup.Series, error) {
	if pl.by == "" {
		return c.Reports.Series(ctx, pl.q)
	}
	series, step := rollup.Series{}, pl.hours()
	hours := rollup.Span{From: step * pl.q.Span.From, To: step * pl.q.Span.To}
	err := c.Reports.Refusals(ctx, pl.q.Project, hours, func(hour int64, code, _, model, tier string, refused int64) {
		of := map[string]string{"code": code, "model": model, "tier": tier}
		if of[pl.by] != pl.q.Key {
			return
		}
		series.Add(pl.q, of[pl.split], hour/step-pl.q.Span.From, refused)
	})
	return series, err
}

// show makes the answer, without the time.
func (in *usageOverTimeInput) show(pl usagePlan, series rollup.Series) UsageOverTime {
	q := pl.q
	out := UsageOverTime{From: pl.at(q.Span.From), To: pl.at(q.Span.To), By: in.By, Metric: in.Metric, Keys: []string{}, Totals: []json.Number{}}
	rows := in.ranked(q, series)
	for _, row := range rows {
		out.Keys, out.Totals = append(out.Keys, row.key), append(out.Totals, numberOf(in.Metric, row.total))
	}
	for i := range q.Span.Len() {
		b := usageBucket{At: pl.at(q.Span.From + int64(i)), Values: []json.Number{}}
		for _, row := range rows {
			b.Values = append(b.Values, numberOf(in.Metric, row.values[i]))
		}
		out.Buckets = append(out.Buckets, b)
	}
	return out
}

type seriesRow struct {
	key    string
	values []int64
	total  int64
}

// ranked returns the first keys by their totals, and the sum of the others.
func (in *usageOverTimeInput) ranked(q rollup.SeriesQuery, series rollup.Series) []seriesRow {
	others := seriesRow{key: otherKeys, values: make([]int64, q.Span.Len())}
	var rows []seriesRow
	for _, key := range slices.Sorted(maps.Keys(series)) {
		row := seriesRow{key: key, values: series[key]}
		for _, n := range row.values {
			row.total = rollup.Add(row.total, n)
		}
		switch {
		case key == rollup.OtherKey:
			others.add(row)
		case row.total > 0 || q.Split == rollup.Unsplit:
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b seriesRow) int { return cmp.Compare(b.total, a.total) })
	for _, row := range rows[min(mostKeys, len(rows)):] {
		others.add(row)
	}
	rows = rows[:min(mostKeys, len(rows))]
	if others.total > 0 {
		rows = append(rows, others)
	}
	if q.Split == rollup.Unsplit {
		if len(rows) == 0 {
			rows = []seriesRow{{values: others.values}}
		}
		rows[0].key = allKeys
	}
	return rows
}

func (s *seriesRow) add(o seriesRow) {
	for i, n := range o.values {
		s.values[i] = rollup.Add(s.values[i], n)
	}
	s.total = rollup.Add(s.total, o.total)
}

// numberOf is a figure of that name as a number.
func numberOf(name string, n int64) json.Number {
	if name == "refused" {
		return ledger.Figure(limit.Requests, n)
	}
	return ledger.Figure(metricNamed(name), n)
}

// metricNamed returns the metric of a name, requests for "".
func metricNamed(name string) limit.Metric {
	switch name {
	case limit.Tokens.String():
		return limit.Tokens
	case limit.Cost.String():
		return limit.Cost
	}
	return limit.Requests
}
