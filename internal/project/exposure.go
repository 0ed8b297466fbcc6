package project

import (
	"fmt"
	"maps"
	"slices"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
)

// Exposure is what somebody with the public project key and made-up identities can spend in a day, from the settings alone:
// each limit at the price of the dearest model that it allows. Every provider is taken to have a stored key.
type Exposure struct {
	PerIdentity *USD      `json:"perIdentityUsdPerDay" doc:"The most that one identity can spend in a day, in USD. Null: it has no bound."`
	TenThousand *USD      `json:"tenThousandIdentitiesUsdPerDay" doc:"The same for ten thousand identities. Null: it has no bound."`
	Unbounded   []Warning `json:"unbounded" doc:"Settings that leave spending without a bound."`
	Advice      []Advice  `json:"advice" doc:"Changes that lower a figure, or remove an entry of unbounded, each on its own."`
}

// Advice is a change of one field.
type Advice struct {
	Path  string `json:"path" doc:"The field, such as tiers.pro.costLimitUsd."`
	Value any    `json:"value" doc:"The value to set."`
	Text  string `json:"text" doc:"What the change does."`

	apply func(*Settings)
}

// manyIdentities are the identities of Exposure.TenThousand.
const manyIdentities = 10_000

// Exposure returns the exposure of the settings. book is the operator's price book, nil for none.
func (s Settings) Exposure(book *PriceBook) Exposure {
	e := s.spendable(book)
	e.Advice = []Advice{}
	for _, topic := range s.advice() {
		for _, a := range topic {
			changed := s
			a.apply(&changed)
			after := changed.spendable(book)
			if text := e.better(after); text != "" {
				a.Text += " " + text
				e.Advice = append(e.Advice, a)
				break // further values of the topic lower more than is needed
			}
		}
	}
	return e
}

// better says how another exposure is lower than e, or "" if it is not.
func (e *Exposure) better(other Exposure) string {
	switch {
	case e.PerIdentity == nil && other.PerIdentity != nil:
		return fmt.Sprintf("One identity then can spend $%s a day at most.", *other.PerIdentity)
	case e.PerIdentity != nil && other.PerIdentity != nil && *other.PerIdentity < *e.PerIdentity:
		return fmt.Sprintf("One identity then can spend $%s a day at most, not $%s.", *other.PerIdentity, *e.PerIdentity)
	case (e.PerIdentity == nil) == (other.PerIdentity == nil) && fewer(e.Unbounded, other.Unbounded):
		return "This bounds what has no bound now."
	}
	return ""
}

// fewer reports whether after lacks an entry of before and has no other.
func fewer(before, after []Warning) bool {
	paths := map[string]bool{}
	for _, w := range before {
		paths[w.Path] = true
	}
	for _, w := range after {
		if !paths[w.Path] {
			return false
		}
	}
	return len(after) < len(before)
}

// spendable returns the exposure without advice.
func (s Settings) spendable(book *PriceBook) Exposure {
	e := Exposure{Unbounded: []Warning{}}
	w, ok := s.warner(book)
	if !ok {
		return e // invalid settings are an error elsewhere
	}
	most, bounded := int64(0), true
	for _, who := range w.subjects() {
		spend, free := w.mostSpend(who)
		if len(free) > 0 {
			bounded = false
			e.Unbounded = append(e.Unbounded, Warning{who.path, fmt.Sprintf("%s can use %s without a limit of cost, tokens or requests, or at an unknown price.", who.name, few(free))})
		}
		most = max(most, spend)
	}
	if w.ended != "" {
		bounded = false
		e.Unbounded = append(e.Unbounded, Warning{w.ended, "The settings have too many tiers and model keys to compute the rest."})
	}
	if bounded {
		one, many := USD(most), USD(min(most, limit.MaxAmount/manyIdentities)*manyIdentities)
		e.PerIdentity, e.TenThousand = &one, &many
	}
	if s.FailOpen {
		e.Unbounded = append(e.Unbounded, Warning{"failOpen", "Every request passes unchecked while the database is away."})
	}
	return e
}

// pool is a limit, or the burst limit, and so all usage that counts towards it.
type pool struct {
	limit.Limit
	burst bool
}

// bound is what one model can spend within a pool.
type bound struct {
	pool   pool
	micros int64
}

// mostSpend returns a bound for what one new identity can spend in a day, in micro-USD, and the models without a bound.
func (w *warner) mostSpend(who subject) (micros int64, free []string) {
	models, whole := w.callable(who.path, who.tier)
	if !whole {
		return 0, nil
	}
	const unlisted = "\x00" // a model that no key names
	if !w.snapshot.Restricts(who.tier) {
		models = append(models, unlisted)
	}
	levels := w.levels(who.tier)
	var all [][]bound
	for _, model := range models {
		if !w.may(who.path, resolveSteps+keysOf(levels)+keySteps) {
			return 0, nil
		}
		bounds, can := w.boundsOf(levels, model)
		switch {
		case !can:
		case len(bounds) == 0 && model == unlisted:
			free = append(free, "models that no limit names")
		case len(bounds) == 0:
			free = append(free, model)
		default:
			all = append(all, bounds)
		}
	}
	return leastSum(all), free
}

// perDay is how many periods of a project begin in a day, at most. The whole limit of a longer period can be used in a day.
func perDay(p limit.Period) int64 {
	if p == limit.Hourly {
		return 24
	}
	return 1
}

// boundsOf returns what bounds the spending on a model. It reports false if the model cannot be used at all.
func (w *warner) boundsOf(levels limit.Levels, model string) (bounds []bound, can bool) {
	rules := limit.Resolve(levels, limit.NormalizeModel(model), w.snapshot.Period, false)
	p, priced := w.snapshot.Price(model)
	each, token := mostRequest(p), mostToken(p)
	over := each // the last request may exceed a limit of tokens or cost
	if w.snapshot.Strict {
		over = 0
	}
	for m := range limit.Metric(limit.NumMetrics) {
		l, ok := rules.Limit(m)
		switch {
		case !ok:
			continue
		case l.Max == 0, m == limit.Cost && !priced: // refused, also without credits
			return nil, false
		case m == limit.Cost:
			bounds = append(bounds, bound{pool{Limit: l}, l.Max + over})
		case m == limit.Tokens && priced:
			bounds = append(bounds, bound{pool{Limit: l}, timesSat(l.Max, token)/tokenScale + over})
		case m == limit.Requests && priced:
			bounds = append(bounds, bound{pool{Limit: l}, timesSat(l.Max, each)})
		}
	}
	for i := range bounds {
		bounds[i].micros = timesSat(bounds[i].micros, perDay(w.snapshot.Period))
	}
	switch n := rules.PerMinute(); {
	case n == 0 || rules.Concurrent() == 0:
		return nil, false
	case n > 0 && priced: // the bucket is full at first, and fills once a minute
		bounds = append(bounds, bound{pool{burst: true}, timesSat(timesSat(n, 24*60+1), each)})
	}
	return bounds, true
}

// tokenScale keeps fractions of a micro-USD in the price of a token.
const tokenScale = 1_000_000

// mostToken is the highest price of a token, in micro-USD of a million.
func mostToken(p price.Price) int64 {
	return max(p.Cost(price.Usage{Output: tokenScale}), p.Cost(price.Usage{Input: tokenScale}),
		p.Cost(price.Usage{Input: tokenScale, CacheWrite: tokenScale}), p.Cost(price.Usage{Input: tokenScale, CacheWrite1h: tokenScale}),
		p.Cost(price.Usage{Input: tokenScale, AudioInput: tokenScale}), p.Cost(price.Usage{Input: tokenScale, ImageInput: tokenScale}),
		p.Cost(price.Usage{Output: tokenScale, AudioOutput: tokenScale}), p.Cost(price.Usage{Output: tokenScale, ImageOutput: tokenScale}))
}

// mostRequest is the highest usual cost of a request: a full context and the longest answer, or ten images, four hours of
// sound, or the longest text to speak.
func mostRequest(p price.Price) int64 {
	u := longest(p)
	u.Images, u.AudioMillis, u.Characters = 10, 4*3_600_000, 4096
	return p.Cost(u)
}

func timesSat(a, b int64) int64 {
	if b > 0 && a > limit.MaxAmount/b {
		return limit.MaxAmount
	}
	return a * b
}

// leastSum returns a bound for the sum of what all models can spend. A pool bounds the models that count towards it
// together, by the dearest of them. Every choice of one pool for each model gives a bound for the sum; some choices are tried.
func leastSum(all [][]bound) int64 {
	least := int64(limit.MaxAmount)
	for _, prefers := range []func(b bound) bool{
		func(bound) bool { return false },
		func(b bound) bool { return b.pool.burst },
		func(b bound) bool { return !b.pool.burst && b.pool.Metric == limit.Cost },
		func(b bound) bool { return !b.pool.burst && b.pool.Metric == limit.Tokens },
		func(b bound) bool { return !b.pool.burst && b.pool.Metric == limit.Requests },
	} {
		sums := map[pool]int64{}
		for _, bounds := range all {
			chosen := bounds[0]
			for _, b := range bounds[1:] {
				if prefers(b) != prefers(chosen) && prefers(b) || prefers(b) == prefers(chosen) && b.micros < chosen.micros {
					chosen = b
				}
			}
			sums[chosen.pool] = max(sums[chosen.pool], chosen.micros)
		}
		total := int64(0)
		for _, n := range sums {
			total = min(total+n, limit.MaxAmount)
		}
		least = min(least, total)
	}
	return least
}

// adviceUSD are the cost limits that advice proposes, the highest first.
var adviceUSD = []USD{5_000_000, 1_000_000, 500_000, 100_000, 50_000, 10_000}

// advice returns changes that may lower the exposure, by topic. Exposure takes the first one of a topic that does.
func (s Settings) advice() (topics [][]Advice) {
	w, ok := s.warner(nil)
	if !ok {
		return nil
	}
	for _, who := range w.subjects() {
		topics = append(topics, s.costAdvice(who))
	}
	if s.AllowedModels == nil {
		models := modelsOf(slices.Sorted(maps.Keys(s.Providers)))
		topics = append(topics, []Advice{{Path: "allowedModels", Value: models, Text: "Allow only the models that the app needs.",
			apply: func(s *Settings) { s.AllowedModels = models }}})
	}
	return append(topics, []Advice{{Path: "enforcement", Value: "strict", Text: "Keep the last request from exceeding a limit.",
		apply: func(s *Settings) { s.Enforcement = "strict" }}},
		[]Advice{{Path: "trustTierHeader", Value: false, Text: "Take tiers from your server alone.",
			apply: func(s *Settings) { s.IgnoreTierHeader = true }}},
		s.defaultTierAdvice(),
		[]Advice{{Path: "unknownTier", Value: TierDefault, Text: "Give the default tier to requests that invent a tier.",
			apply: func(s *Settings) { s.UnknownTier = TierDefault }}},
		[]Advice{{Path: "failOpen", Value: false, Text: "Refuse requests while the database is away.",
			apply: func(s *Settings) { s.FailOpen = false }}})
}

func (s Settings) costAdvice(who subject) (all []Advice) {
	path := "costLimitUsd"
	if who.tier != nil {
		path = document.Join(who.path, path)
	}
	for _, usd := range adviceUSD {
		all = append(all, Advice{Path: path, Value: usd, Text: "Set a limit of cost.", apply: func(s *Settings) {
			if who.tier == nil {
				s.CostLimitUSD = &usd
				return
			}
			tiers := maps.Clone(s.Tiers)
			t := tiers[who.tier.Name]
			t.CostLimitUSD = &usd
			tiers[who.tier.Name], s.Tiers = t, tiers
		}})
	}
	return all
}

func (s Settings) defaultTierAdvice() (all []Advice) {
	if s.DefaultTier != nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(s.Tiers)) {
		all = append(all, Advice{Path: "defaultTier", Value: name, Text: "Put everybody without a tier into this one.",
			apply: func(s *Settings) { s.DefaultTier = &name }})
	}
	return all
}
