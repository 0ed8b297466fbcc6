package project

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
)

// Warning describes a setting that is valid but probably a mistake.
type Warning struct {
	Path string `json:"path" doc:"The field, such as modelLimits.gpt-4o."` // as FieldError's
	Text string `json:"text" doc:"What it does, and what to do about it."`
}

// Warnings returns warnings about the settings, sorted by path: unknown models, similar tiers, unknown variables and,
// above all, unlimited cost. book is the operator's price book, nil for none.
func (s Settings) Warnings(book *PriceBook) []Warning {
	r := Record{Settings: s}
	r.Settings.Providers = make(map[string]ProviderFields, len(s.Providers))
	for name, p := range s.Providers {
		p.Key = ""
		r.Settings.Providers[name] = p
	}
	snapshot, err := NewSnapshot(r, nil)
	if err != nil {
		return nil // invalid settings are an error elsewhere
	}
	w := warner{Settings: s, snapshot: snapshot.WithBook(book)}
	w.unused()
	w.level("", s.LevelFields, nil)
	w.list("allowedModels", s.AllowedModels)
	w.all = append(w.all, variableWarnings("limitResponse", s.LimitResponse)...)
	for _, name := range slices.Sorted(maps.Keys(s.Tiers)) {
		w.tier(name, s.Tiers[name])
	}
	w.prices()
	w.spending()
	slices.SortStableFunc(w.all, func(a, b Warning) int { return strings.Compare(a.Path, b.Path) })
	return w.all
}

// IdentityWarnings returns warnings about one identity's settings, as Settings.Warnings does.
func (s *Snapshot) IdentityWarnings(f LevelFields, response map[string]any) []Warning {
	w := warner{snapshot: s}
	w.keys("modelLimits", f.ModelLimits)
	return append(w.all, variableWarnings("limitResponse", response)...)
}

// RemovedTiers returns the names of the tiers that before has and s does not, sorted.
func (s Settings) RemovedTiers(before Settings) []string {
	var gone []string
	for name := range before.Tiers {
		if _, kept := s.Tiers[name]; !kept {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

// RemovedTierWarning warns of n identities in a tier that s does not have.
func (s Settings) RemovedTierWarning(tier string, n int) Warning {
	what := "their requests get the project's own limits"
	switch {
	case s.UnknownTier == TierReject:
		what = "their requests are refused"
	case s.UnknownTier != TierProject && s.DefaultTier != nil:
		what = fmt.Sprintf("their requests get the default tier %q", *s.DefaultTier)
	}
	carry := fmt.Sprintf("%d identities carry", n)
	if n == 1 {
		carry = "one identity carries"
	}
	return Warning{join("tiers", tier), fmt.Sprintf("was removed, and %s it: %s. Set another tier for them, or put this one back.", carry, what)}
}

type warner struct {
	Settings
	snapshot *Snapshot
	all      []Warning
}

func (w *warner) warn(path, format string, args ...any) {
	w.all = append(w.all, Warning{path, fmt.Sprintf(format, args...)})
}

// unused warns of settings that have no effect in this version, so that nobody relies on them.
func (w *warner) unused() {
	const text = "is kept, but does nothing in this version"
	if w.Security.Enabled {
		w.warn("security", text)
	}
	if w.DefaultPrompt != nil {
		w.warn("defaultPrompt", text)
	}
}

func (w *warner) tier(name string, t TierFields) {
	path := join("tiers", name)
	for other := range w.Tiers {
		if other < name && strings.EqualFold(other, name) {
			w.warn(path, "differs from the tier %q only in letter case, which counts in x-tier. Rename one of them.", other)
		}
	}
	w.level(path+".", t.LevelFields, &t.LevelFields)
	w.all = append(w.all, variableWarnings(path+".limitResponse", t.LimitResponse)...)
	switch {
	case t.AllowedModels == nil:
		return
	case len(t.AllowedModels) == 0:
		w.warn(path+".allowedModels", "is empty, so this tier may call no model. Set it to null to allow what the project allows.")
	}
	w.list(path+".allowedModels", t.AllowedModels)
	for i, key := range t.AllowedModels {
		if w.AllowedModels != nil && !slices.ContainsFunc(w.AllowedModels, func(k string) bool { return overlap(limit.NormalizeModel(k), limit.NormalizeModel(key)) }) {
			w.warn(fmt.Sprintf("%s.allowedModels[%d]", path, i), "allows nothing: the project's allowedModels do not have %q, and a tier's only narrow them. Add it there.", key)
		}
	}
}

// overlap reports whether some model may be covered by both keys.
func overlap(a, b string) bool {
	example := func(key string) string { return strings.TrimSuffix(key, "*") }
	_, ab := limit.Match(a, example(b))
	_, ba := limit.Match(b, example(a))
	return ab || ba
}

// level checks the limits of the project or of a tier. Their paths begin with at.
func (w *warner) level(at string, f LevelFields, tier *LevelFields) {
	w.keys(at+"modelLimits", f.ModelLimits)
	others, ok := f.ModelLimits[limit.Others]
	if !ok {
		return
	}
	levels := limit.Levels{Project: w.snapshot.Level}
	if tier != nil {
		levels.Tier = new(tier.Level())
	}
	general, all := caps(f.RequestLimit, f.TokenLimit, f.CostLimitUSD), others.caps()
	for m, field := range capFields {
		if all[m] == nil {
			continue
		}
		hidden := true // the general limit, for every model
		for _, key := range slices.Sorted(maps.Keys(f.ModelLimits)) {
			if key == limit.Others || f.ModelLimits[key].caps()[m] != nil {
				continue
			}
			hidden = false
			rules := limit.Resolve(levels, limit.NormalizeModel(strings.TrimSuffix(key, "*")), w.snapshot.Period, false)
			if _, limited := rules.Limit(limit.Metric(m)); !limited && *all[m] != limit.Unlimited {
				w.warn(join(at+"modelLimits", key), `has no %s, and "*" is only for models without a key. Set it here too.`, field)
			}
		}
		if hidden && general[m] != nil {
			w.warn(at+field, `does nothing: modelLimits["*"] sets a %s for every model. Remove one of the two.`, field)
		}
	}
}

// capFields are the names of the caps, by limit.Metric.
var capFields = [limit.NumMetrics]string{"requestLimit", "tokenLimit", "costLimitUsd"}

func (m ModelLimit) caps() limit.Caps { return caps(m.RequestLimit, m.TokenLimit, m.CostLimitUSD) }

func (w *warner) keys(path string, limits map[string]ModelLimit) {
	names := make(map[string]string, len(limits)) // by model
	for _, key := range slices.Sorted(maps.Keys(limits)) {
		w.key(join(path, key), key)
		model := limit.CanonicalModel(key)
		if other, twice := names[model]; twice {
			w.warn(join(path, key), "%q and %q are names of one model, and what both set counts from the longer one. Remove one of them.", other, key)
		}
		names[model] = key
	}
}

// prices warns of token prices without the higher price for long requests that the price book has.
func (w *warner) prices() {
	for _, key := range slices.Sorted(maps.Keys(w.Prices)) {
		p, ok := listPrice(limit.NormalizeModel(key))
		if o := w.Prices[key]; ok && p.LongAbove > 0 && o.Input != nil && o.Above == nil {
			w.warn(join("prices", key), "The vendor bills requests above %d input tokens at a higher price, which this one leaves out. Set above.", p.LongAbove)
		}
	}
}

// list checks allowed models. GET /v1/models lists them by these names, so only a dated name gets a warning: it seems to
// exclude the model's other snapshots.
func (w *warner) list(path string, keys []string) {
	for i, key := range keys {
		at, key := fmt.Sprintf("%s[%d]", path, i), limit.NormalizeModel(key)
		if w.known(at, key) && limit.BaseModel(key) != key && !strings.HasSuffix(key, "-latest") {
			w.otherName(at, key, limit.BaseModel(key))
		}
	}
}

// key checks a key of modelLimits.
func (w *warner) key(path, key string) {
	key = limit.NormalizeModel(key)
	if w.known(path, key) && !strings.HasSuffix(key, "*") {
		w.otherName(path, key, limit.CanonicalModel(key))
	}
}

func (w *warner) known(path, key string) bool {
	if w.snapshot.knows(key) {
		return true
	}
	w.warn(path, "%q matches no model of the price book: check the spelling. For a model of your own set its price in prices.", key)
	return false
}

// otherName warns of a key if the price book has the model under another name.
func (w *warner) otherName(path, key, model string) {
	if _, priced := price.Lookup(model); priced && model != key {
		w.warn(path, "%q is a snapshot or another name of %s, and means every name of that model. Write %s to say so.", key, model, model)
	}
}

// knows reports whether a key covers a model that the price book, the project's prices or its own providers name.
func (s *Snapshot) knows(key string) bool {
	if key == limit.Others {
		return true
	}
	priced := func(p pricing) bool { return overlap(p.key, key) }
	if slices.ContainsFunc(s.prices, priced) || s.book != nil && slices.ContainsFunc(s.book.prices, priced) ||
		slices.ContainsFunc(s.patterns, func(p pattern) bool { return overlap(p.key, key) }) {
		return true
	}
	if !strings.HasSuffix(key, "*") {
		_, ok := s.Price(key)
		return ok
	}
	covered := limit.NewModelSet([]string{key})
	return slices.ContainsFunc(vendors, func(v Vendor) bool { return slices.ContainsFunc(price.Models(v.Name), covered.Has) })
}

// ResponseVariables are the variables of a limit response, written as {{name}}.
var ResponseVariables = []string{"usage", "limit", "remaining", "limitType", "period", "tier", "model", "identity", "resetsAt"}

var variable = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// variableWarnings warns of unknown variables in a limit response.
func variableWarnings(path string, v any) (all []Warning) {
	switch v := v.(type) {
	case string:
		for _, m := range variable.FindAllStringSubmatch(v, -1) {
			if !slices.Contains(ResponseVariables, m[1]) {
				all = append(all, Warning{path, fmt.Sprintf("%s is not filled in and stays as it is written. There are %s.", m[0], strings.Join(ResponseVariables, ", "))})
			}
		}
	case []any:
		for i, item := range v {
			all = append(all, variableWarnings(fmt.Sprintf("%s[%d]", path, i), item)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, variableWarnings(join(path, name), v[name])...)
		}
	}
	return all
}
