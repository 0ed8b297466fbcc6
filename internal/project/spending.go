package project

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
)

// maxSpend is how much one identity may spend in a period before a limit of requests alone gets a warning: $5 in
// micro-USD.
const maxSpend = 5_000_000

// spending warns of tiers, and of requests without a tier, whose cost has no limit.
func (w *warner) spending() {
	if w.FailOpen {
		w.warn("failOpen", "Every request passes unchecked while the database is away. Set it to false to refuse them then.")
	}
	for _, who := range w.subjects() {
		if !w.may(who.path, resolveSteps) {
			return
		}
		w.unbounded(who.path, who.tier, who.name)
	}
}

// subject is who may spend: somebody whom the project key alone lets in.
type subject struct {
	path string // of the setting that lets the subject in
	tier *Tier  // nil for none
	name string // begins a sentence
}

// subjects lists all who may spend with the project key and an identity that they make up.
func (w *warner) subjects() (all []subject) {
	claimed := !bool(w.IgnoreTierHeader)
	for _, name := range slices.Sorted(maps.Keys(w.Tiers)) {
		path, tier := document.Join("tiers", name), w.snapshot.Tiers[name]
		switch {
		case w.DefaultTier != nil && *w.DefaultTier == name:
			all = append(all, subject{path, tier, "A user in this tier"})
		case claimed:
			all = append(all, subject{path, tier, "Anybody who claims this tier in x-tier"})
		}
	}
	switch {
	case len(w.Tiers) == 0:
		all = append(all, subject{"costLimitUsd", nil, "A user"})
	case w.DefaultTier == nil:
		all = append(all, subject{"defaultTier", nil, "Anybody without a tier"})
	case claimed && w.UnknownTier == TierProject:
		all = append(all, subject{"unknownTier", nil, "Anybody who invents a tier in x-tier"})
	}
	return all
}

// unbounded warns of models that an identity in a tier, nil for none, may use without a limit, or with only a limit of
// requests that allows more than maxSpend. subject begins the warning's sentence.
func (w *warner) unbounded(path string, t *Tier, subject string) {
	levels := w.levels(t)
	const unlisted = "\x00" // a model that no key names
	var free, dear []string
	sums := make(map[string]int64) // of dear
	check := func(model string) bool {
		if !w.may(path, resolveSteps+keysOf(levels)) {
			return false
		}
		rules := limit.Resolve(levels, limit.NormalizeModel(model), w.snapshot.Period, false)
		_, cost := rules.Limit(limit.Cost)
		_, tokens := rules.Limit(limit.Tokens)
		requests, some := rules.Limit(limit.Requests)
		switch {
		case cost || tokens:
		case !some:
			free = append(free, model)
		default:
			if sum := w.maxCost(path, model, requests.Max); sum > maxSpend {
				dear = append(dear, model)
				sums[model] = sum
			}
		}
		return true
	}
	others := 0
	if !w.snapshot.Restricts(t) {
		others = 1
		check(unlisted) // first, because it matters most if the check ends early
	}
	models, whole := w.callable(path, t)
	for _, model := range models {
		whole = whole && check(model)
	}
	const advice = "Set costLimitUsd."
	switch {
	case whole && len(free) == others+len(models) && len(free) > 0:
		w.warn(path, "%s has no limit, and the project key is public: it can cost what your provider accounts allow. "+advice, subject)
		return
	case slices.Contains(free, unlisted):
		w.warn(path, `%s has no limit on models that modelLimits does not name. Set costLimitUsd, or modelLimits["*"], or list the models in allowedModels.`, subject)
	case len(free) > 0:
		w.warn(path, "%s may use %s without a limit. "+advice, subject, few(free))
	}
	if len(dear) > 0 {
		slices.SortStableFunc(dear, func(a, b string) int { return cmp.Compare(sums[b], sums[a]) })
		w.warn(path, "%s is limited in requests alone for %s, which can cost up to $%d %s. "+advice, subject, few(dear), sums[dear[0]]/1e6, w.snapshot.Period)
	}
}

// levels are those of an identity without settings in a tier, nil for none.
func (w *warner) levels(t *Tier) limit.Levels {
	levels := limit.Levels{Project: w.snapshot.Level}
	if t != nil {
		levels.Tier = t.Level
	}
	return levels
}

// callable lists the models of the price book and of the settings that an identity in a tier may call. Models of the price
// book have one name each. If the check has to end at path, it returns false and no models.
func (w *warner) callable(path string, t *Tier) ([]string, bool) {
	models := w.offers()
	var ofTier *limit.KeySet // nil allows all
	each := resolveSteps
	if w.AllowedModels != nil {
		each += 4 * w.allowedKeys().Prefixes()
	}
	if t != nil && t.allowed != nil {
		steps := 0
		for _, key := range t.AllowedModels {
			steps += newKeySteps(key)
		}
		if !w.may(path, steps) {
			return nil, false
		}
		ofTier = keySet(t.AllowedModels)
		each += 4 * ofTier.Prefixes()
	}
	if !w.may(path, (len(models)+len(w.AllowedModels))*each) {
		return nil, false
	}
	allows := func(model string) bool { return ofTier == nil || ofTier.Has(model) }
	models = slices.DeleteFunc(slices.Clone(models), func(m string) bool {
		return w.AllowedModels != nil && !w.allowedKeys().Has(m) || !allows(m)
	})
	for _, m := range w.AllowedModels {
		if !strings.HasSuffix(m, "*") && allows(limit.CanonicalModel(m)) {
			models = append(models, m)
		}
	}
	slices.Sort(models)
	return slices.Compact(models), true
}

// offers lists the canonical names of the price book's models at the project's providers.
func (w *warner) offers() []string {
	if w.offered == nil {
		names := slices.Collect(maps.Keys(w.Providers))
		if len(names) == 0 {
			for _, v := range vendors {
				names = append(names, v.Name)
			}
		}
		w.offered = []string{}
		for _, name := range names {
			for _, model := range price.Models(name) {
				w.offered = append(w.offered, limit.CanonicalModel(model))
			}
		}
	}
	return w.offered
}

// maxCost estimates the highest cost of requests to a model, in micro-USD: each with a full context and the longest answer.
// It is 0 if the check has to end at path.
func (w *warner) maxCost(path, model string, requests int64) int64 {
	each, ok := w.costs[model]
	if !ok {
		if !w.may(path, keySteps) {
			return 0
		}
		if w.costs == nil {
			w.costs = make(map[string]int64)
		}
		each = w.costOf(model)
		w.costs[model] = each
	}
	return timesSat(requests, each)
}

// costOf estimates the highest cost of a request.
func (w *warner) costOf(model string) int64 {
	p, ok := w.snapshot.Price(model)
	if !ok {
		return 0
	}
	return p.Cost(longest(p))
}

// longest is the usage of a full context and the longest answer.
func longest(p price.Price) price.Usage {
	const usual = 100_000 // tokens, if the price book has no figure
	return price.Usage{Input: cmp.Or(p.Context, usual), Output: cmp.Or(p.MaxOutput, usual)}
}

// few names at most three of several models.
func few(models []string) string {
	const shown = 3
	if len(models) <= shown {
		return strings.Join(models, ", ")
	}
	return fmt.Sprintf("%s and %d more models", strings.Join(models[:shown], ", "), len(models)-shown)
}
