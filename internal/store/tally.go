package store

import (
	"strings"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// otherKey is the key in usage_hour and usage_day of everything without a key of its own. No escaped name has a single
// backslash.
const otherKey = `\other`

const (
	// mostKeys is how many keys of a split a project keeps apart on one day: clients choose the names of models.
	mostKeys = 100
	// mostTop is how many identities a closed day keeps for each metric, mostOpen how many an open day keeps in all.
	mostTop, mostOpen = 1000, 4096
	// mostRefused is how many refused identities a day keeps, once there were mostRefusedOpen.
	mostRefused, mostRefusedOpen = 200, 500
)

// tally is entries added up, by project.
type tally map[string]*projectTally

// projectTally is what is to be added to the rollups of a project.
type projectTally struct {
	totals   map[int64]*total // by hour
	splits   map[splitKey]rollup.Figures
	users    map[int64]map[string]rollup.Sums // usage by hour and identity
	refusals map[refusal]int64
	turned   map[int64]*rollup.Top // refused identities by day
	near     map[nearLimit]nearUse
	seen     seen
}

type total struct {
	rollup.Figures
	created int64
}

type splitKey struct {
	split rollup.Split
	hour  int64
	key   string
}

type refusal struct {
	hour                      int64
	code, metric, model, tier string
}

type nearLimit struct{ identity, metric, scope, model string }

type nearUse struct {
	tier          string
	used, resetAt int64 // thousandths of the limit; Unix microseconds
}

// seen is the times of a project's requests in Unix microseconds, 0 for none.
type seen struct {
	first, last, refused int64
	refusedFor           string
}

// project returns the tally of a project.
func (t tally) project(id string) *projectTally {
	p := t[id]
	if p == nil {
		p = &projectTally{totals: map[int64]*total{}, splits: map[splitKey]rollup.Figures{},
			users: map[int64]map[string]rollup.Sums{}, refusals: map[refusal]int64{},
			turned: map[int64]*rollup.Top{}, near: map[nearLimit]nearUse{}}
		t[id] = p
	}
	return p
}

// add adds an entry. Of the project built it takes no usage, which is read from the usage table instead.
func (t tally) add(e *rollup.Entry, built string) {
	if e.Project == built && (e.Kind == rollup.Used || e.Kind == rollup.Created) {
		return
	}
	switch p := t.project(e.Project); e.Kind {
	case rollup.Used:
		p.use(e)
	case rollup.Created:
		p.total(e.Hour).created++
	case rollup.Ended:
		p.end(e)
	case rollup.Turned:
		top := p.turned[dayOf(e.Hour)]
		if top == nil {
			top = rollup.NewTop()
			p.turned[dayOf(e.Hour)] = top
		}
		top.Add(e.Identity, rollup.Sums{e.Requests}, rollup.Sums{e.Tokens})
	case rollup.Near:
		p.near[nearLimit{e.Identity, e.Metric, e.Scope, e.Model}] = nearUse{e.Tier, thousandths(e.Requests, e.Tokens), e.At}
	}
}

// thousandths returns how far a limit is used.
func thousandths(used, limit int64) int64 {
	return int64(min(2000, 1000*float64(used)/float64(max(1, limit))))
}

func (p *projectTally) total(hour int64) *total {
	t := p.totals[hour]
	if t == nil {
		t = &total{}
		p.totals[hour] = t
	}
	return t
}

// use adds usage.
func (p *projectTally) use(e *rollup.Entry) {
	sums := rollup.Sums{e.Requests, e.Tokens, e.Micros}
	p.addUsage(e.Hour, modelKey(e.Model), ledger.EscapeName(e.Tier), sums)
	users := p.users[e.Hour]
	if users == nil {
		users = map[string]rollup.Sums{}
		p.users[e.Hour] = users
	}
	users[e.Identity] = users[e.Identity].Plus(sums)
}

// addUsage adds usage whose identity is counted elsewhere.
func (p *projectTally) addUsage(hour int64, model, tier string, sums rollup.Sums) {
	t := p.total(hour)
	t.Sums = t.Sums.Plus(sums)
	p.split(rollup.ByModel, hour, model, rollup.Figures{Sums: sums})
	p.split(rollup.ByTier, hour, tier, rollup.Figures{Sums: sums})
}

func (p *projectTally) split(by rollup.Split, hour int64, key string, f rollup.Figures) {
	k := splitKey{by, hour, key}
	p.splits[k] = p.splits[k].Plus(f)
}

// modelKey returns the key of a model's name in the usage table.
func modelKey(name string) string {
	if strings.HasSuffix(name, othersMark) {
		return otherKey
	}
	return ledger.EscapeName(name)
}

// othersMark ends the name under which a ledger keeps the usage of several models: see limit.MaxNames.
const othersMark = "\x1fothers"

// end adds requests that have ended. What they used is counted by the ledger, but for outcomes and codes.
func (p *projectTally) end(e *rollup.Entry) {
	f := rollup.Figures{Sums: rollup.Sums{e.Requests, e.Tokens, e.Micros}}
	if e.Outcome == rollup.Refused {
		f.Refused = e.Requests
		p.refuse(e)
	} else {
		p.saw(e.At)
	}
	p.split(rollup.ByOutcome, e.Hour, e.Outcome, f)
	if e.Code != "" {
		p.split(rollup.ByCode, e.Hour, e.Code, f)
	}
}

// saw notes an admitted request, in Unix microseconds.
func (p *projectTally) saw(at int64) {
	if p.seen.first == 0 || at < p.seen.first {
		p.seen.first = at
	}
	p.seen.last = max(p.seen.last, at)
}

func (p *projectTally) refuse(e *rollup.Entry) {
	if e.At >= p.seen.refused {
		p.seen.refused, p.seen.refusedFor = e.At, e.Code
	}
	model, tier := ledger.EscapeName(e.Model), ledger.EscapeName(e.Tier)
	if model == "" {
		model = otherKey
	}
	f := rollup.Figures{Refused: e.Requests}
	t := p.total(e.Hour)
	t.Figures = t.Figures.Plus(f)
	p.split(rollup.ByModel, e.Hour, model, f)
	p.split(rollup.ByTier, e.Hour, tier, f)
	p.refusals[refusal{e.Hour, e.Code, e.Metric, model, tier}] += e.Requests
}
