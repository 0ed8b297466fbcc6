package project

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

// Warning describes a setting that is valid but probably a mistake.
type Warning struct {
	Path string `json:"path" doc:"The field, such as modelLimits.gpt-4o."` // as FieldError's
	Text string `json:"text" doc:"What it does, and what to do about it."`
}

// Warnings returns warnings about the settings, sorted by path: unknown models, similar tiers, unknown variables and,
// above all, unlimited cost. book is the operator's price book, nil for none. If the check would take long because of many
// mistakes, keys or tiers, it ends early, and the last warning says so.
func (s Settings) Warnings(book *PriceBook) []Warning {
	w, ok := s.warner(book)
	if !ok {
		return nil // invalid settings are an error elsewhere
	}
	w.spending() // first, because it matters most if the check ends early
	w.unused()
	w.leftover()
	w.level("", s.LevelFields, nil)
	w.list("allowedModels", s.AllowedModels)
	w.variables("limitResponse", s.LimitResponse)
	w.tiers()
	w.prices()
	return w.result()
}

// warner returns a warner of the settings. It reports false if they are invalid.
func (s Settings) warner(book *PriceBook) (*warner, bool) {
	snapshot, err := NewSnapshot(Record{Settings: s.withoutKeys()}, nil)
	if err != nil {
		return nil, false
	}
	return &warner{Settings: s, snapshot: snapshot.WithBook(book), steps: maxSteps}, true
}

// IdentityWarnings returns warnings about one identity's settings, as Settings.Warnings does.
func (s *Snapshot) IdentityWarnings(f LevelFields, response map[string]any) []Warning {
	w := warner{snapshot: s, steps: maxIdentitySteps}
	w.keys("modelLimits", f.ModelLimits)
	w.variables("limitResponse", response)
	return w.result()
}

// PromptWarnings returns a warning if requests cannot get the default prompt. newest reads the newest version of a stored
// prompt, which is the only one of its result, or returns prompt.ErrNotFound. Its other errors are returned.
func (s Settings) PromptWarnings(newest func(name string) ([]prompt.Version, error)) ([]Warning, error) {
	if s.DefaultPrompt == nil {
		return nil, nil
	}
	const refused = ", so every request that names no prompt gets 400 unknown_system_prompt. "
	versions, err := newest(*s.DefaultPrompt)
	switch {
	case errors.Is(err, prompt.ErrNotFound):
		return []Warning{{"defaultPrompt", fmt.Sprintf("%q is no stored prompt%sStore one of this name, or set defaultPrompt to null.", *s.DefaultPrompt, refused)}}, nil
	case err != nil:
		return nil, err
	case len(versions) > 0 && !versions[0].Enabled:
		return []Warning{{"defaultPrompt", fmt.Sprintf("The stored prompt %q is disabled%sEnable it, or set defaultPrompt to null.", *s.DefaultPrompt, refused)}}, nil
	}
	return nil, nil
}

// NoPrompts is the argument of PromptWarnings for a project that is new.
func NoPrompts(string) ([]prompt.Version, error) { return nil, prompt.ErrNotFound }

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
	return Warning{document.Join("tiers", tier), fmt.Sprintf("was removed, and %s it: %s. Set another tier for them, or put this one back.", carry, what)}
}

// A document of a megabyte may have 100,000 keys and tiers, and checking each against each would take minutes.
const (
	// maxWarnings is how many warnings a check may give. Nobody would read more.
	maxWarnings = 100
	// maxSteps is how many steps of 1 to 20 ns a check of settings may take. A project with hundreds of keys and prices and
	// dozens of tiers needs a fraction of them.
	maxSteps = 20_000_000
	// maxIdentitySteps is the same for one identity. One call may set a thousand identities.
	maxIdentitySteps = 400_000

	resolveSteps = 50   // to find the limits of a model, in addition to one step for each key
	keySteps     = 300  // to look a model up in the price book
	prefixSteps  = 2000 // to prepare a prefix, for which the price book is looked through
)

type warner struct {
	Settings
	snapshot *Snapshot
	all      []Warning
	steps    int    // that are left
	ended    string // the path at which the check ended early; "" if it did not

	allowed *limit.KeySet    // AllowedModels, made by the first use
	offered []string         // see offers
	costs   map[string]int64 // of one request, by model
}

func (w *warner) warn(path, format string, args ...any) {
	w.all = append(w.all, Warning{path, fmt.Sprintf(format, args...)})
}

// may reports whether the check may go on, at a path, with something that takes a number of steps.
func (w *warner) may(path string, steps int) bool {
	switch {
	case w.ended != "":
		return false
	case len(w.all) >= maxWarnings || w.steps < steps:
		w.ended = path
		return false
	}
	w.steps -= steps
	return true
}

// result returns the warnings, sorted by path.
func (w *warner) result() []Warning {
	if len(w.all) > maxWarnings {
		if w.ended == "" {
			w.ended = w.all[maxWarnings].Path
		}
		w.all = w.all[:maxWarnings]
	}
	slices.SortStableFunc(w.all, func(a, b Warning) int { return strings.Compare(a.Path, b.Path) })
	switch {
	case w.ended == "":
	case len(w.all) == maxWarnings:
		w.warn(w.ended, "The check ended here, after %d warnings. Mend those, and check again.", maxWarnings)
	default:
		w.warn(w.ended, "The check ended here, because there are too many model keys, prices or tiers to check them all. Keys, prices and tiers that are not named here may have mistakes too.")
	}
	return w.all
}

// unused warns of settings without an effect in this version, so that nobody relies on them.
func (w *warner) unused() {
	if w.Security.Enabled {
		w.warn("security", "is kept, but does nothing in this version")
	}
}

// leftover warns of the echo beside other providers: it was for trying things out.
func (w *warner) leftover() {
	if _, listed := w.Providers[Echo]; listed && len(w.Providers) > 1 {
		w.warn("providers."+Echo, "repeats what it is asked, instead of a model's answer. Remove it before users call your app.")
	}
}

func (w *warner) tiers() {
	seen := make(map[string]string, len(w.Tiers)) // by the name in one letter case
	for _, name := range slices.Sorted(maps.Keys(w.Tiers)) {
		path, folded := document.Join("tiers", name), strings.ToLower(strings.ToUpper(name))
		if !w.may(path, resolveSteps) {
			return
		}
		if other, twice := seen[folded]; twice {
			w.warn(path, "differs from the tier %q only in letter case, which counts in x-tier. Rename one of them.", other)
		}
		seen[folded] = name
		w.tier(path, w.Tiers[name])
	}
}

func (w *warner) tier(path string, t TierFields) {
	w.level(path+".", t.LevelFields, &t.LevelFields)
	w.variables(path+".limitResponse", t.LimitResponse)
	switch {
	case t.AllowedModels == nil:
		return
	case len(t.AllowedModels) == 0:
		w.warn(path+".allowedModels", "is empty, so this tier may call no model. Set it to null to allow what the project allows.")
	}
	w.list(path+".allowedModels", t.AllowedModels)
	for i, key := range t.AllowedModels {
		at := fmt.Sprintf("%s.allowedModels[%d]", path, i)
		if w.AllowedModels == nil || !w.may(at, overlapSteps(w.allowedKeys(), key)) {
			return
		}
		if !w.allowedKeys().Overlaps(limit.NormalizeModel(key)) {
			w.warn(at, "allows nothing: the project's allowedModels do not have %q, and a tier's only narrow them. Add it there.", key)
		}
	}
}

// allowedKeys are the project's allowedModels.
func (w *warner) allowedKeys() *limit.KeySet {
	if w.allowed == nil {
		w.allowed = keySet(w.AllowedModels)
	}
	return w.allowed
}

func keySet(keys []string) *limit.KeySet {
	return limit.NewKeySet(func(yield func(string) bool) {
		for _, key := range keys {
			if !yield(limit.NormalizeModel(key)) {
				return
			}
		}
	})
}

// overlapSteps is how many steps it takes at most to compare a key with those of a set.
func overlapSteps(set *limit.KeySet, key string) int {
	return newKeySteps(key) + 4*set.Prefixes()
}

// newKeySteps is how many steps it takes at most to prepare a key for comparisons.
func newKeySteps(key string) int {
	if strings.HasSuffix(key, "*") {
		return prefixSteps
	}
	return resolveSteps
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
			if !w.may(document.Join(at+"modelLimits", key), resolveSteps+keysOf(levels)) {
				return
			}
			rules := limit.Resolve(levels, limit.NormalizeModel(strings.TrimSuffix(key, "*")), w.snapshot.Period, false)
			if _, limited := rules.Limit(limit.Metric(m)); !limited && *all[m] != limit.Unlimited {
				w.warn(document.Join(at+"modelLimits", key), `has no %s, and "*" is only for models without a key. Set it here too.`, field)
			}
		}
		if hidden && general[m] != nil {
			w.warn(at+field, `does nothing: modelLimits["*"] sets a %s for every model. Remove one of the two.`, field)
		}
	}
}

// keysOf is how many model keys levels have.
func keysOf(levels limit.Levels) int {
	n := 0
	for _, l := range []*limit.Level{levels.Identity, levels.Tier, levels.Project} {
		if l != nil {
			n += len(l.Models)
		}
	}
	return n
}

// capFields are the names of the caps, by limit.Metric.
var capFields = [limit.NumMetrics]string{"requestLimit", "tokenLimit", "costLimitUsd"}

func (m ModelLimit) caps() limit.Caps { return caps(m.RequestLimit, m.TokenLimit, m.CostLimitUSD) }

func (w *warner) keys(path string, limits map[string]ModelLimit) {
	names := make(map[string]string, len(limits)) // by model
	for _, key := range slices.Sorted(maps.Keys(limits)) {
		if !w.may(document.Join(path, key), w.snapshot.knowsSteps(key)) {
			return
		}
		w.key(document.Join(path, key), key)
		model := limit.CanonicalModel(key)
		if other, twice := names[model]; twice {
			w.warn(document.Join(path, key), "%q and %q are names of one model, and what both set counts from the longer one. Remove one of them.", other, key)
		}
		names[model] = key
	}
}

// prices warns of token prices without the higher price for long requests that the price book has.
func (w *warner) prices() {
	for _, key := range slices.Sorted(maps.Keys(w.Prices)) {
		if !w.may(document.Join("prices", key), keySteps) {
			return
		}
		p, ok := listPrice(limit.NormalizeModel(key))
		if o := w.Prices[key]; ok && p.LongAbove > 0 && o.Input != nil && o.Above == nil {
			w.warn(document.Join("prices", key), "The vendor bills requests above %d input tokens at a higher price, which this one leaves out. Set above.", p.LongAbove)
		}
	}
}

// list checks allowed models. GET /v1/models lists them by these names, so only a dated name gets a warning: it seems to
// exclude the model's other snapshots.
func (w *warner) list(path string, keys []string) {
	for i, key := range keys {
		at, key := document.Index(path, i), limit.NormalizeModel(key)
		if !w.may(at, w.snapshot.knowsSteps(key)) {
			return
		}
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
	switch {
	case key == limit.Others || s.named().Overlaps(key):
		return true
	case strings.HasSuffix(key, "*"):
		return bookKeys().Overlaps(key)
	}
	if _, ok := listPrice(key); ok {
		return true
	}
	_, ok := s.Price(key)
	return ok
}

// knowsSteps is how many steps it takes at most to check a key. It leaves out the project's prices, whose index finds one in
// a few steps.
func (s *Snapshot) knowsSteps(key string) int { return keySteps + overlapSteps(s.named(), key) }

// named returns the model keys of prices, of the operator's book, and of providers.
func (s *Snapshot) named() *limit.KeySet {
	if s.keys == nil { // the zero Snapshot
		return s.namedKeys()
	}
	s.keys.once.Do(func() { s.keys.set = s.namedKeys() })
	return s.keys.set
}

func (s *Snapshot) namedKeys() *limit.KeySet {
	var keys []string
	for _, p := range s.patterns {
		keys = append(keys, p.key)
	}
	lists := []priceList{s.prices}
	if s.book != nil {
		lists = append(lists, s.book.prices)
	}
	for _, list := range lists {
		for _, p := range list.all {
			keys = append(keys, p.key)
		}
	}
	return limit.NewKeySet(slices.Values(keys))
}

// lazyKeys are made by the first check for warnings, because requests do not need them.
type lazyKeys struct {
	once sync.Once
	set  *limit.KeySet
}

// bookKeys are the models of the price book that vendors offer today.
var bookKeys = sync.OnceValue(func() *limit.KeySet {
	var models []string
	for _, v := range vendors {
		models = append(models, price.Models(v.Name)...)
	}
	return limit.NewKeySet(slices.Values(models))
})

// ResponseVariables are the variables of a limit response, written as {{name}}.
var ResponseVariables = []string{"usage", "limit", "remaining", "limitType", "period", "tier", "model", "identity", "resetsAt"}

var variable = regexp.MustCompile(`\{\{([^{}]*)\}\}`)

// variables warns of unknown variables in a limit response.
func (w *warner) variables(path string, response map[string]any) {
	if w.may(path, 1) {
		_, warnings := CheckVariables(path, response)
		w.all = append(w.all, warnings...)
	}
}

// CheckVariables returns the names of unknown variables in a limit response, sorted, and a warning for each place.
func CheckVariables(path string, response map[string]any) (unknown []string, warnings []Warning) {
	unknown, warnings = []string{}, []Warning{}
	unknownVariables(path, response, func(at, name string) {
		unknown = append(unknown, name)
		warnings = append(warnings, Warning{at, fmt.Sprintf("{{%s}} is not filled in and stays as it is written. There are %s.", name, strings.Join(ResponseVariables, ", "))})
	})
	slices.Sort(unknown)
	return slices.Compact(unknown), warnings
}

// unknownVariables calls each for every unknown variable in a limit response.
func unknownVariables(path string, v any, each func(path, name string)) {
	switch v := v.(type) {
	case string:
		for _, m := range variable.FindAllStringSubmatch(v, -1) {
			if !slices.Contains(ResponseVariables, m[1]) {
				each(path, m[1])
			}
		}
	case []any:
		for i, item := range v {
			unknownVariables(document.Index(path, i), item, each)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			unknownVariables(document.Join(path, name), v[name], each)
		}
	}
}
