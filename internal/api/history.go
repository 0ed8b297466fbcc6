package api

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// History is the usage of an identity over time.
type History struct {
	AsOf    time.Time       `json:"asOf" doc:"The time of the figures."`
	From    time.Time       `json:"from" doc:"The beginning of the first bucket."`
	To      time.Time       `json:"to" doc:"The end of the last bucket."`
	By      string          `json:"by" enum:"day,hour"`
	Keys    []string        `json:"keys" doc:"The models or tiers of split, the most used first: at most 8, then other. Without split all. An empty key is no tier."`
	Buckets []HistoryBucket `json:"buckets" doc:"Every day or hour, those without usage too."`
	Totals  ledger.Totals   `json:"totals"`
}

// HistoryBucket is a day or an hour of a History.
type HistoryBucket struct {
	At     time.Time       `json:"at"`
	Values []ledger.Totals `json:"values" doc:"The usage, one value for each of keys."`
}

func (c *control) history(doc huma.API) {
	register(c, doc, accessRead, huma.Operation{
		OperationID: "getHistory", Method: http.MethodGet, Path: identityPath + "/history", Tags: []string{identitiesTag},
		Summary:     "Read the history of usage",
		Description: "By hour for at most 8 days, by day for at most 400. A reset takes nothing from the history.",
	}, example{response: `{"asOf": "2026-11-22T17:05:00Z", "from": "2026-11-21T00:00:00Z", "to": "2026-11-23T00:00:00Z", "by": "day", "keys": ["gpt-4o"], ` +
		`"buckets": [{"at": "2026-11-21T00:00:00Z", "values": [{"requests": 0, "tokens": 0, "costUsd": 0}]}, ` +
		`{"at": "2026-11-22T00:00:00Z", "values": [{"requests": 9, "tokens": 5120, "costUsd": 0.0123}]}], ` +
		`"totals": {"requests": 9, "tokens": 5120, "costUsd": 0.0123}}`},
		[]int{http.StatusNotFound}, c.getHistory)
}

// Range are the parameters for a time from which to which.
type Range struct {
	From string `query:"from" maxLength:"64" doc:"The beginning: a time, or a date. By default 30 days, or with by=hour 24 hours, before to."`
	To   string `query:"to" maxLength:"64" doc:"The end: a time, or a date, which stands for its end. By default now."`
	By   string `query:"by" enum:"day,hour" default:"day" doc:"The length of a bucket. Days are UTC."`
}

const (
	mostHours = 8 * 24
	mostDays  = 400
	mostKeys  = 8
)

// hours returns the first hour of the first bucket, that after the last one, and how many hours a bucket has.
func (in *Range) hours(now time.Time) (from, to, step int64, err error) {
	step, most, usual := int64(24), int64(mostDays), int64(30)
	if in.By == "hour" {
		step, most, usual = 1, mostHours, 24
	}
	end, err := readTime("query.to", in.To, true, now.Add(1)) // the running hour is in the range
	if err != nil {
		return 0, 0, 0, err
	}
	to = (ledger.HourOf(end.Add(-1))/step + 1) * step
	begin, err := readTime("query.from", in.From, false, ledger.HourTime(to-usual*step))
	if err != nil {
		return 0, 0, 0, err
	}
	from = ledger.HourOf(begin) / step * step
	switch {
	case from >= to:
		return 0, 0, 0, wrong("query.from", "must be before to")
	case (to-from)/step > most:
		return 0, 0, 0, wrong("query.from", "is too long before to: by %s a history has at most %d %ss", in.By, most, in.By)
	}
	return from, to, step, nil
}

// readTime reads a time, or a date, which stands for its beginning or its end.
func readTime(location, text string, end bool, byDefault time.Time) (time.Time, error) {
	if text == "" {
		return byDefault, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if day, dateErr := time.Parse(time.DateOnly, text); dateErr == nil {
		t, err = day, nil
		if end {
			t = day.AddDate(0, 0, 1)
		}
	}
	if err != nil || t.Year() < 1971 || t.Year() > 9998 {
		return t, wrong(location, "must be a date (2026-12-31) or a time (2026-12-31T18:00:00Z) of the years 1971 to 9998")
	}
	return t.UTC(), nil
}

type historyInput struct {
	OfIdentity
	Range
	Fresh
	Split string `query:"split" enum:"model,tier" doc:"Divides the usage. Outcomes and codes are not kept for each identity."`
}

var splitNames = map[string]ledger.Split{"model": ledger.ByModel, "tier": ledger.ByTier}

func (c *control) getHistory(ctx context.Context, in *historyInput) (*report[History], error) {
	now := c.now()
	from, to, step, err := in.hours(now)
	if err != nil {
		return nil, err
	}
	a, err := c.account(ctx, in.OfIdentity)
	if err != nil {
		return nil, err
	}
	found, err := c.Ledger.History(ctx, ledger.Span{Key: a.Key, From: from, To: to, Step: step, Split: splitNames[in.Split]})
	if err != nil {
		return nil, err
	}
	h := historyOf(found, from, to, step, in.Split == "")
	tagged := h
	h.AsOf, h.By = now, in.By
	return reportOf(in.Fresh, h, tagged)
}

// historyOf fills the buckets between two hours.
func historyOf(found []ledger.Bucket, from, to, step int64, whole bool) History {
	keys, place := keysOf(found)
	if whole {
		keys = []string{"all"}
	}
	values := make([][]limit.Amounts, (to-from)/step)
	for i := range values {
		values[i] = make([]limit.Amounts, len(keys))
	}
	var sum limit.Amounts
	for _, b := range found {
		v := &values[(b.Hour-from)/step][place[b.Name]]
		*v = v.Add(b.Amounts)
		sum = sum.Add(b.Amounts)
	}
	h := History{From: ledger.HourTime(from), To: ledger.HourTime(to), Keys: keys, Buckets: make([]HistoryBucket, len(values)), Totals: ledger.TotalsOf(sum)}
	for i := range values {
		b := HistoryBucket{At: ledger.HourTime(from + int64(i)*step), Values: make([]ledger.Totals, len(keys))}
		for k := range keys {
			b.Values[k] = ledger.TotalsOf(values[i][k])
		}
		h.Buckets[i] = b
	}
	return h
}

// keysOf returns the names of a history, the most used first, and the place of each. Those after mostKeys share the last
// place, which is called other.
func keysOf(found []ledger.Bucket) (keys []string, place map[string]int) {
	used := map[string]limit.Amounts{}
	for _, b := range found {
		used[b.Name] = used[b.Name].Add(b.Amounts)
	}
	keys = slices.SortedFunc(maps.Keys(used), func(a, b string) int {
		return cmp.Or(cmp.Compare(used[b][limit.Requests], used[a][limit.Requests]), cmp.Compare(a, b))
	})
	place = make(map[string]int, len(keys))
	for i, key := range keys {
		place[key] = min(i, mostKeys)
	}
	if len(keys) > mostKeys {
		keys = append(keys[:mostKeys:mostKeys], otherKeys)
	}
	if keys == nil {
		keys = []string{}
	}
	return keys, place
}
