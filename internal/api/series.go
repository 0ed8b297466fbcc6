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

type usageOverTimeInput struct {
	InProject
	Range
	Fresh
	Split   string `query:"split" enum:"model,tier,outcome,code" doc:"What the usage is split by. Outcomes are answered, refused, providerFailed, clientGone and failed."`
	Metric  string `query:"metric" enum:"requests,tokens,costUsd,refused" default:"requests" doc:"What the values are."`
	Model   string `query:"model" doc:"Only this model."`
	Tier    string `query:"tier" doc:"Only this tier."`
	Outcome string `query:"outcome" doc:"Only this outcome."`
	Code    string `query:"code" doc:"Only requests with this error code."`
}

// splits are the splits by their names.
var splits = map[string]rollup.Split{"": rollup.Unsplit, "model": rollup.ByModel, "tier": rollup.ByTier, "outcome": rollup.ByOutcome, "code": rollup.ByCode}

// figures are the figures by the names of metrics.
var figures = map[string]rollup.Figure{"requests": rollup.Requests, "tokens": rollup.Tokens, "costUsd": rollup.Micros, "refused": rollup.RefusedRequests}

// filter returns what the usage is filtered by; "" for nothing.
func (in *usageOverTimeInput) filter() (by, key string, err error) {
	for name, value := range map[string]string{"model": in.Model, "tier": in.Tier, "outcome": in.Outcome, "code": in.Code} {
		if value == "" {
			continue
		}
		if by != "" {
			return "", "", wrong("query."+name, "cannot be combined with another filter: give one of model, tier, outcome and code")
		}
		by, key = name, value
	}
	return by, key, nil
}

func (c *control) usageOverTime(ctx context.Context, in *usageOverTimeInput) (*report[UsageOverTime], error) {
	now := c.now()
	from, to, step, err := in.hours(now)
	if err != nil {
		return nil, err
	}
	by, key, err := in.filter()
	if err != nil {
		return nil, err
	}
	if by == "model" {
		key = limit.CanonicalModel(key)
	}
	q := rollup.SeriesQuery{Project: projectOf(ctx).Key, Days: step > 1, Span: rollup.Span{From: from / step, To: to / step}, Split: splits[cmp.Or(in.Split, by)], Key: key, Only: by != "", Figure: figures[in.Metric]}
	var series rollup.Series
	if by == "" || in.Split == "" || by == in.Split {
		series, err = c.Reports.Series(ctx, q)
	} else {
		series, err = c.refusals(ctx, in, q, by, key)
	}
	if err != nil {
		return nil, err
	}
	out := in.show(q, series)
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

// refusals returns refused requests that are split by one thing and filtered by another.
func (c *control) refusals(ctx context.Context, in *usageOverTimeInput, q rollup.SeriesQuery, by, key string) (rollup.Series, error) {
	hours, unit := q.Span, int64(1)
	if q.Days {
		hours, unit = rollup.Span{From: 24 * q.Span.From, To: 24 * q.Span.To}, 24
	}
	switch {
	case in.Metric != "refused" || by == "outcome" || in.Split == "outcome":
		return nil, wrong("query."+by, "cannot be combined with split=%s: leave one of them out, or ask for metric=refused by model, tier and code", in.Split)
	case hours.Len() > 24*mostRefusalDays:
		return nil, wrong("query.from", "is too early: refusals with another filter than their split are of at most %d days", mostRefusalDays)
	}
	series := rollup.Series{}
	err := c.Reports.Refusals(ctx, q.Project, hours, func(hour int64, code, _, model, tier string, refused int64) {
		of := map[string]string{"code": code, "model": model, "tier": tier}
		if of[by] != key {
			return
		}
		series.Add(q, of[in.Split], hour/unit-q.Span.From, refused)
	})
	return series, err
}

// show makes the answer, without the time.
func (in *usageOverTimeInput) show(q rollup.SeriesQuery, series rollup.Series) UsageOverTime {
	at := func(n int64) time.Time {
		if q.Days {
			n *= 24
		}
		return ledger.HourTime(n)
	}
	out := UsageOverTime{From: at(q.Span.From), To: at(q.Span.To), By: in.By, Metric: in.Metric, Keys: []string{}, Totals: []json.Number{}}
	rows := in.ranked(q, series)
	for _, row := range rows {
		out.Keys, out.Totals = append(out.Keys, row.key), append(out.Totals, in.figure(row.total))
	}
	for i := range q.Span.Len() {
		b := usageBucket{At: at(q.Span.From + int64(i)), Values: []json.Number{}}
		for _, row := range rows {
			b.Values = append(b.Values, in.figure(row.values[i]))
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

func (in *usageOverTimeInput) figure(n int64) json.Number {
	if in.Metric == "refused" {
		return ledger.Figure(limit.Requests, n)
	}
	return ledger.Figure(metricNamed(in.Metric), n)
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
