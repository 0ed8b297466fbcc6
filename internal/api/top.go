package api

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// TopUsage is the largest of usage.
type TopUsage struct {
	AsOf     time.Time `json:"asOf"`
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Items    []topItem `json:"items"`
	Complete bool      `json:"complete" doc:"False: a name may be missing, and figures may be too low."`
}

type topItem struct {
	Key      string      `json:"key" doc:"The identity, the model or the tier. A tier may be empty: none. All models that are not kept apart are \"other\"."`
	Requests int64       `json:"requests" doc:"With of=refusedIdentity, refused requests."`
	Tokens   int64       `json:"tokens"`
	CostUSD  json.Number `json:"costUsd"`
	Share    float64     `json:"share" doc:"The part of the project's total, by the metric; 0.07 is 7 %."`
}

type topInput struct {
	InProject
	Fresh
	Of     string `query:"of" enum:"identity,model,tier,refusedIdentity" default:"identity" doc:"What the items are."`
	Metric string `query:"metric" enum:"requests,tokens,costUsd" default:"costUsd" doc:"What the items are sorted by."`
	From   string `query:"from" maxLength:"64" doc:"The first day: a date, or a time. By default the last 7 days are read, or the 30 days before to."`
	To     string `query:"to" maxLength:"64" doc:"The last day: a date, or a time. By default today."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"20" doc:"The largest number of items in the answer."`
}

func (c *control) topUsage(ctx context.Context, in *topInput) (*report[TopUsage], error) {
	now := c.now()
	days := Range{From: in.From, To: in.To}
	if in.From == "" && in.To == "" {
		days.From = now.AddDate(0, 0, -6).Format(time.DateOnly)
	}
	from, to, step, err := days.hours(now)
	if err != nil {
		return nil, err
	}
	metric := metricNamed(in.Metric)
	q := rollup.TopQuery{Project: projectOf(ctx).Key, Metric: int(metric), Days: rollup.Span{From: from / step, To: to / step}, Split: rollup.Unsplit, Limit: in.Limit}
	switch in.Of {
	case "model":
		q.Split = rollup.ByModel
	case "tier":
		q.Split = rollup.ByTier
	case "refusedIdentity":
		q.Refused, q.Metric, metric = true, int(limit.Requests), limit.Requests
	}
	list, err := c.Reports.Top(ctx, q)
	if err != nil {
		return nil, err
	}
	out := TopUsage{From: ledger.HourTime(from), To: ledger.HourTime(to), Items: []topItem{}, Complete: list.Complete}
	for _, n := range list.Items {
		out.Items = append(out.Items, topItem{shownName(n.Name), n.Sums[limit.Requests], n.Sums[limit.Tokens],
			ledger.Figure(limit.Cost, n.Sums[limit.Cost]), share(n.Sums[metric], list.Total[metric])})
	}
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

// shownName is a key of a rollup for people.
func shownName(key string) string {
	if key == rollup.OtherKey {
		return otherKeys
	}
	return key
}

// share returns a part of a total, with four places.
func share(n, total int64) float64 {
	return math.Round(1e4*min(1, float64(n)/float64(max(1, total)))) / 1e4
}

// NearLimits is limits that are nearly used up.
type NearLimits struct {
	AsOf  time.Time       `json:"asOf"`
	Items []nearLimitItem `json:"items"`
}

type nearLimitItem struct {
	Identity  string      `json:"identity"`
	Tier      *string     `json:"tier" doc:"Null for none."`
	Metric    string      `json:"metric"`
	Scope     string      `json:"scope" doc:"Who the limit is set for: identity, tier, project or model."`
	Model     *string     `json:"model" doc:"Null unless the limit is one model's."`
	Limit     json.Number `json:"limit"`
	Used      json.Number `json:"used"`
	Remaining json.Number `json:"remaining" doc:"With the credits."`
	ResetsAt  time.Time   `json:"resetsAt"`

	part float64
}

type nearInput struct {
	InProject
	Fresh
	Threshold float64 `query:"threshold" minimum:"0.5" maximum:"1" default:"0.8" doc:"The part of a limit that is used at least."`
	Metric    string  `query:"metric" enum:"requests,tokens,costUsd" doc:"Only limits of this metric."`
	Tier      string  `query:"tier" doc:"Only identities whose last request was in this tier."`
	Limit     int     `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The largest number of items in the answer."`
}

func (c *control) nearLimits(ctx context.Context, in *nearInput) (*report[NearLimits], error) {
	p, now := projectOf(ctx), c.now()
	near, err := c.Reports.Near(ctx, rollup.NearQuery{Project: p.Key, Threshold: in.Threshold, Metric: in.Metric, Tier: in.Tier, Now: now, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	accounts, err := c.accountsOf(ctx, p, near, now)
	if err != nil {
		return nil, err
	}
	out := NearLimits{Items: []nearLimitItem{}}
	for _, n := range near {
		if a, ok := accounts[n.Identity]; ok {
			if item, ok := nearItem(p, &a, n, in.Threshold); ok {
				out.Items = append(out.Items, item)
			}
		}
	}
	slices.SortStableFunc(out.Items, func(a, b nearLimitItem) int {
		return cmp.Or(cmp.Compare(b.part, a.part), cmp.Compare(a.Identity, b.Identity))
	})
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

// accountsOf returns the accounts of the identities whose limits are near.
func (c *control) accountsOf(ctx context.Context, p *project.Snapshot, near []rollup.NearLimit, now time.Time) (map[string]ledger.Account, error) {
	var keys []ledger.Key
	seen := map[string]bool{}
	for _, n := range near {
		if !seen[n.Identity] {
			seen[n.Identity] = true
			keys = append(keys, ledger.Key{Project: p.Key, Identity: n.Identity})
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	all, err := c.Ledger.Accounts(ctx, keys, p.Period, now)
	if err != nil {
		return nil, err
	}
	of := make(map[string]ledger.Account, len(all))
	for _, a := range all {
		of[a.Key.Identity] = a
	}
	return of, nil
}

// nearItem looks a limit up in the account. ok is false if it is not near any longer.
func nearItem(p *project.Snapshot, a *ledger.Account, n rollup.NearLimit, threshold float64) (item nearLimitItem, ok bool) {
	tier, err := identity.Tier(p, a.Settings, n.Tier)
	if err != nil {
		return item, false
	}
	for _, st := range a.State.Standings(identity.Levels(p, a.Settings, tier)) {
		if st.Metric.String() != n.Metric || st.Scope.String() != n.Scope || st.Scope == limit.ScopeModel && st.Model != n.Model {
			continue
		}
		part := float64(st.Max-st.Allowance) / float64(max(1, st.Max))
		if st.Max <= 0 || part < threshold {
			return item, false
		}
		item = nearLimitItem{Identity: n.Identity, Metric: n.Metric, Scope: n.Scope, Limit: ledger.Figure(st.Metric, st.Max),
			Used: ledger.Figure(st.Metric, st.Used), Remaining: ledger.Figure(st.Metric, st.Remaining()), ResetsAt: st.ResetsAt, part: part}
		if tier != nil {
			item.Tier = &tier.Name
		}
		if st.Scope == limit.ScopeModel {
			item.Model = &st.Model
		}
		return item, true
	}
	return item, false
}

// Models is a project's models.
type Models struct {
	AsOf  time.Time   `json:"asOf"`
	Items []modelItem `json:"items"`
}

type modelItem struct {
	Model      string     `json:"model"`
	Provider   *string    `json:"provider" doc:"Null: no provider of the project serves it by its name alone."`
	LastSeenAt *time.Time `json:"lastSeenAt" doc:"The beginning of the last hour with usage. Null: none in 30 days."`
	Requests   int64      `json:"requests30d"`
	Share      float64    `json:"share" doc:"The part of the project's requests in 30 days; 0.38 is 38 %."`
	Priced     bool       `json:"priced" doc:"Whether its price is known."`
	LimitedBy  []string   `json:"limitedBy" doc:"The settings that limit it, for those that have no limits of their own."`
}

type modelsInput struct {
	InProject
	Fresh
	Query string `query:"q" maxLength:"200" doc:"Only models whose name contains this text."`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100" doc:"The largest number of items in the answer."`
}

// modelDays is how many days the report on models covers.
const modelDays = 30

func (c *control) models(ctx context.Context, in *modelsInput) (*report[Models], error) {
	p, now := projectOf(ctx), c.now()
	to := ledger.HourOf(now)/24 + 1
	seen, total, err := c.Reports.Models(ctx, p.Key, rollup.Span{From: to - modelDays, To: to})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(seen, func(a, b rollup.ModelSeen) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Model, b.Model))
	})
	usable := provider.Models(p, nil)
	servedBy := make(map[string]*project.Provider, len(usable))
	for _, m := range usable {
		servedBy[limit.CanonicalModel(m.Name)] = m.Provider
	}
	list := modelList{p: p, query: limit.NormalizeModel(in.Query), most: in.Limit, servedBy: servedBy, known: map[string]bool{}, items: []modelItem{}}
	for _, m := range seen {
		at := ledger.HourTime(m.LastHour)
		list.add(m.Model, modelItem{LastSeenAt: &at, Requests: m.Requests, Share: share(m.Requests, total)})
	}
	for _, m := range usable {
		list.add(limit.CanonicalModel(m.Name), modelItem{})
	}
	out := Models{Items: list.items}
	tagged := out
	out.AsOf = now.Truncate(time.Second)
	return reportOf(in.Fresh, out, tagged)
}

// modelList collects the models of a report.
type modelList struct {
	p        *project.Snapshot
	query    string
	most     int
	servedBy map[string]*project.Provider
	known    map[string]bool
	items    []modelItem
}

// add adds a model, unless it is in the list or does not match.
func (l *modelList) add(model string, item modelItem) {
	if model == rollup.OtherKey || l.known[model] || len(l.items) >= l.most || !strings.Contains(model, l.query) {
		return
	}
	l.known[model] = true
	item.Model = model
	by := l.servedBy[model]
	if by == nil {
		if m, err := provider.Find(l.p, nil, model); err == nil {
			by = m.Provider
		}
	}
	if by != nil {
		item.Provider = &by.Name
	}
	_, item.Priced = l.p.PriceAt(by, model)
	item.LimitedBy = limitedBy(l.p, model)
	l.items = append(l.items, item)
}

// limitedBy returns the paths of the settings that limit a model.
func limitedBy(p *project.Snapshot, model string) []string {
	paths := limitPaths("", p.Level, model)
	for _, name := range slices.Sorted(maps.Keys(p.Tiers)) {
		paths = append(paths, limitPaths("tiers."+name+".", p.Tiers[name].Level, model)...)
	}
	return paths
}

// limitPaths returns the paths of a level's limits of a model: its best key, and the level's own limits.
func limitPaths(prefix string, l *limit.Level, model string) []string {
	paths, best, key := []string{}, -1, ""
	for _, mc := range l.Models {
		if mc.Caps != (limit.Caps{}) && len(mc.Key) > best && limit.NewModelSet([]string{mc.Key}).Has(model) {
			best, key = len(mc.Key), mc.Key
		}
	}
	if best >= 0 {
		paths = append(paths, prefix+"modelLimits."+key)
	}
	for m, name := range map[limit.Metric]string{limit.Requests: "requestLimit", limit.Tokens: "tokenLimit", limit.Cost: "costLimitUsd"} {
		if l.Caps[m] != nil && *l.Caps[m] >= 0 {
			paths = append(paths, prefix+name)
		}
	}
	slices.Sort(paths)
	return paths
}
