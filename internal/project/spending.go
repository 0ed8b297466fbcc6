package project

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
)

// most is what one identity may spend in a period before requests alone are too loose a limit: $5 in micro-USD.
const most = 5_000_000

// spending tells of tiers, and of requests without one, whose cost nothing bounds.
func (w *warner) spending() {
	if w.FailOpen {
		w.warn("failOpen", "Every request passes unchecked while the database is away. Set it to false to refuse them then.")
	}
	claimed := !bool(w.IgnoreTierHeader)
	for _, name := range slices.Sorted(maps.Keys(w.Tiers)) {
		isDefault := w.DefaultTier != nil && *w.DefaultTier == name
		switch path := join("tiers", name); {
		case isDefault:
			w.unbounded(path, w.snapshot.Tiers[name], "A user in this tier")
		case claimed:
			w.unbounded(path, w.snapshot.Tiers[name], "Whoever claims this tier in x-tier")
		}
	}
	switch {
	case len(w.Tiers) == 0:
		w.unbounded("costLimitUsd", nil, "A user")
	case w.DefaultTier == nil:
		w.unbounded("defaultTier", nil, "Whoever names no tier")
	case claimed && w.UnknownTier == TierProject:
		w.unbounded("unknownTier", nil, "Whoever makes up a tier in x-tier")
	}
}

// unbounded warns of the models that somebody in a tier, nil for none, may use without a limit, or with one of requests
// alone that leaves room for more than most.
func (w *warner) unbounded(path string, t *Tier, who string) {
	levels := limit.Levels{Project: w.snapshot.Level}
	if t != nil {
		levels.Tier = t.Level
	}
	const unlisted = "\x00" // a model that no key names
	var free, dear []string
	sums := make(map[string]int64) // of dear
	models := w.callable(t)
	if !w.snapshot.Restricts(t) {
		models = append(models, unlisted)
	}
	for _, model := range models {
		rules := limit.Resolve(levels, limit.NormalizeModel(model), w.snapshot.Period, false)
		_, cost := rules.Limit(limit.Cost)
		_, tokens := rules.Limit(limit.Tokens)
		requests, some := rules.Limit(limit.Requests)
		switch {
		case cost || tokens:
		case !some:
			free = append(free, model)
		default:
			if sum := w.mostOf(model, requests.Max); sum > most {
				dear = append(dear, model)
				sums[model] = sum
			}
		}
	}
	const advice = "Set costLimitUsd."
	switch {
	case len(free) == len(models) && len(free) > 0:
		w.warn(path, "%s has no limit, and the project key is public: it can cost what your provider accounts allow. "+advice, who)
		return
	case slices.Contains(free, unlisted):
		w.warn(path, `%s may use every model without a limit that has none of its own. Set costLimitUsd, or modelLimits["*"], or list the models in allowedModels.`, who)
	case len(free) > 0:
		w.warn(path, "%s may use %s without a limit. "+advice, who, few(free))
	}
	if len(dear) > 0 {
		slices.SortStableFunc(dear, func(a, b string) int { return cmp.Compare(sums[b], sums[a]) })
		w.warn(path, "%s is limited in requests alone for %s, which can cost up to $%d %s. "+advice, who, few(dear), sums[dear[0]]/1e6, w.snapshot.Period)
	}
}

// callable lists the models that are known by name and that somebody in a tier may call, those of the price book under one
// name each.
func (w *warner) callable(t *Tier) []string {
	names := slices.Collect(maps.Keys(w.Providers))
	if len(names) == 0 {
		for _, v := range vendors {
			names = append(names, v.Name)
		}
	}
	var models []string
	for _, name := range names {
		for _, model := range price.Models(name) {
			models = append(models, limit.CanonicalModel(model))
		}
	}
	models = append(models, w.AllowedModels...)
	models = slices.DeleteFunc(models, func(m string) bool { return strings.HasSuffix(m, "*") || !w.snapshot.Allowed(t, m) })
	slices.Sort(models)
	return slices.Compact(models)
}

// mostOf is about what so many requests of a model can cost, in micro-USD: each with a full context and the longest answer.
func (w *warner) mostOf(model string, requests int64) int64 {
	p, ok := w.snapshot.Price(model)
	if !ok {
		return 0
	}
	const usual = 100_000 // tokens, where the book does not know
	input, output := p.Context, p.MaxOutput
	if input == 0 {
		input = usual
	}
	if output == 0 {
		output = usual
	}
	each := p.Cost(price.Usage{Input: input, Output: output})
	if each > 0 && requests > limit.Most/each {
		return limit.Most
	}
	return each * requests
}

// few names at most three of several models.
func few(models []string) string {
	const shown = 3
	if len(models) <= shown {
		return strings.Join(models, ", ")
	}
	return fmt.Sprintf("%s and %d more models", strings.Join(models[:shown], ", "), len(models)-shown)
}
