package limit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// caps makes Caps of ints; nil inherits.
func caps(requests, tokens, cost any) Caps {
	var c Caps
	for m, v := range []any{requests, tokens, cost} {
		if v != nil {
			c[m] = new(int64(v.(int)))
		}
	}
	return c
}

func requestCap(v any) Caps { return caps(v, nil, nil) }

func models(keysAndCaps ...any) []ModelCaps {
	var all []ModelCaps
	for i := 0; i < len(keysAndCaps); i += 2 {
		all = append(all, NewModelCaps(keysAndCaps[i].(string), keysAndCaps[i+1].(Caps)))
	}
	return all
}

// place is one of the six places where a cap can be set, in the order of precedence.
type place struct {
	name  string
	scope Scope
	set   func(*Levels, Metric, int64)
}

func levelsForTest() Levels {
	level := func() *Level { return &Level{Models: []ModelCaps{{Key: "gpt-4o"}}} }
	return Levels{Identity: level(), Tier: level(), Project: level()}
}

var places = []place{
	{"identity's model", ScopeModel, func(ls *Levels, m Metric, v int64) { ls.Identity.Models[0].Caps[m] = &v }},
	{"identity", ScopeIdentity, func(ls *Levels, m Metric, v int64) { ls.Identity.Caps[m] = &v }},
	{"tier's model", ScopeModel, func(ls *Levels, m Metric, v int64) { ls.Tier.Models[0].Caps[m] = &v }},
	{"project's model", ScopeModel, func(ls *Levels, m Metric, v int64) { ls.Project.Models[0].Caps[m] = &v }},
	{"tier", ScopeTier, func(ls *Levels, m Metric, v int64) { ls.Tier.Caps[m] = &v }},
	{"project", ScopeProject, func(ls *Levels, m Metric, v int64) { ls.Project.Caps[m] = &v }},
}

// TestPrecedence sets every pair of places, for every metric and every kind of value: the first
// place applies, whatever its value, and does not affect other metrics.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for m := range Metric(NumMetrics) {
		for i, first := range places {
			for j := i + 1; j <= len(places); j++ {
				for _, v := range []int64{Unlimited, 0, 7} {
					ls, name := levelsForTest(), fmt.Sprintf("%s %s %d alone", m, first.name, v)
					first.set(&ls, m, v)
					if j < len(places) {
						name = fmt.Sprintf("%s %s %d before %s", m, first.name, v, places[j].name)
						places[j].set(&ls, m, 99)
					}
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						checkInForce(t, ls, m, first.scope, v)
					})
				}
			}
		}
	}
}

func checkInForce(t *testing.T, ls Levels, m Metric, scope Scope, v int64) {
	t.Helper()
	r := Resolve(ls, "gpt-4o-2024-08-06", Daily, false)
	for other := range Metric(NumMetrics) {
		l, ok := r.Limit(other)
		switch {
		case other != m || v == Unlimited:
			if ok {
				t.Errorf("limit in force for %s: %s, want none", other, l)
			}
		case !ok || l.Max != v || l.Scope != scope || l.Metric != m:
			t.Errorf("limit in force = %s, %t; want %s %d of scope %s", l, ok, m, v, scope)
		}
	}
}

func TestMetricsInheritOnTheirOwn(t *testing.T) {
	t.Parallel()
	ls := Levels{
		Identity: &Level{Caps: caps(nil, 10, nil)},
		Tier:     &Level{Caps: caps(nil, 20, nil), Models: models("gpt-4o", caps(3, nil, nil))},
		Project:  &Level{Caps: caps(30, 30, 30), Models: models("gpt-4o", caps(nil, 40, -1))},
	}
	r := Resolve(ls, "gpt-4o", Daily, false)
	var got []string
	for m := range Metric(NumMetrics) {
		if l, ok := r.Limit(m); ok {
			got = append(got, l.String())
		}
	}
	if diff := cmp.Diff([]string{"requests 3 (model gpt-4o)", "tokens 10 (identity)"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestNothingSetIsUnlimited(t *testing.T) {
	t.Parallel()
	for name, ls := range map[string]Levels{
		"no level":     {},
		"empty levels": levelsForTest(),
		// A new tier must not default to zero and refuse everything.
		"a new tier": {Tier: &Level{}},
	} {
		r := Resolve(ls, "gpt-4o", Daily, false)
		for m := range Metric(NumMetrics) {
			if l, ok := r.Limit(m); ok {
				t.Errorf("%s: %s is in force, want none", name, l)
			}
		}
		if r.perMinute != Unlimited || r.concurrent != Unlimited {
			t.Errorf("%s: burst %d, concurrency %d, want none", name, r.perMinute, r.concurrent)
		}
	}
}

func TestBurstAndConcurrencyInherit(t *testing.T) {
	t.Parallel()
	n := func(v int64) *int64 { return &v }
	for _, c := range []struct {
		identity, tier, project *int64
		want                    int64
	}{
		{nil, nil, nil, Unlimited},
		{nil, nil, n(3), 3},
		{nil, n(2), n(3), 2},
		{n(1), n(2), n(3), 1},
		{n(0), n(2), n(3), 0},
		{n(-1), n(2), n(3), Unlimited},
		{nil, n(-1), n(3), Unlimited},
	} {
		r := Resolve(Levels{
			Identity: &Level{RequestsPerMinute: c.identity, ConcurrentRequests: c.project},
			Tier:     &Level{RequestsPerMinute: c.tier, ConcurrentRequests: c.tier},
			Project:  &Level{RequestsPerMinute: c.project, ConcurrentRequests: c.identity},
		}, "gpt-4o", Daily, false)
		if r.perMinute != c.want {
			t.Errorf("%v: requests per minute = %d, want %d", c, r.perMinute, c.want)
		}
		if want := firstOf(c.project, c.tier, c.identity); r.concurrent != want {
			t.Errorf("%v: concurrent requests = %d, want %d", c, r.concurrent, want)
		}
	}
}

func firstOf(values ...*int64) int64 {
	for _, v := range values {
		if v != nil {
			return *v
		}
	}
	return Unlimited
}

func TestLongestModelKeyWins(t *testing.T) {
	t.Parallel()
	project := &Level{Models: models(
		"*", requestCap(1), "gpt*", requestCap(2), "gpt-4o*", requestCap(3), "gpt-4o", requestCap(4),
		"gpt-4o-mini", caps(nil, 50, nil), "gpt-4o-2024-05-13", requestCap(5))}
	for model, want := range map[string]int64{
		"claude": 1, "gpt-5": 2, "gpt-4o-audio": 3,
		"gpt-4o": 5, "gpt-4o-2024-08-06": 5, "gpt-4o-2024-05-13": 5, // two keys of one model: the longer one applies to all its names
		"gpt-4o-mini": 3, // its own key does not set requests, so the next longest applies
	} {
		r := Resolve(Levels{Project: project}, model, Daily, false)
		if l, ok := r.Limit(Requests); !ok || l.Max != want {
			t.Errorf("limit of %s = %s, %t; want %d", model, l, ok, want)
		}
	}
}

// TestOthers: * covers every model that no other key of its level matches, whatever that key
// sets.
func TestOthers(t *testing.T) {
	t.Parallel()
	listed := models("gpt-4o", caps(5, nil, nil), "gemini-2.0-flash", requestCap(-1), "*", caps(20, 1000, nil))
	blocked := models("gpt-4o", caps(5, nil, nil), "*", requestCap(0))
	for _, c := range []struct {
		name, model string
		ls          Levels
		want        string // of requests and tokens
	}{
		{"a listed model has its own", "gpt-4o-2024-08-06", Levels{Project: &Level{Models: listed}}, "5 (model gpt-4o), none"},
		{"which inherits what it does not set", "gpt-4o", Levels{Project: &Level{Caps: caps(1, 2, nil), Models: listed}}, "5 (model gpt-4o), 2 (project)"},
		{"an unlimited one too", "gemini-2.0-flash", Levels{Project: &Level{Models: listed}}, "none, none"},
		{"one that is not listed", "o1-pro", Levels{Project: &Level{Caps: caps(1, 2, nil), Models: listed}}, "20 (model *), 1000 (model *)"},
		{"in a tier it beats the project's model limits", "gpt-5", Levels{Tier: &Level{Models: listed}, Project: &Level{Models: models("gpt-5", caps(1, 1, 1))}}, "20 (model *), 1000 (model *)"},
		{"but not for models that the tier lists", "gpt-4o", Levels{Tier: &Level{Models: listed}, Project: &Level{Models: models("gpt-4o", caps(1, 1, nil))}}, "5 (model gpt-4o), 1 (model gpt-4o)"},
		{"the tier's listed models do not hide the project's", "gpt-4o", Levels{Tier: &Level{Models: models("gpt-4o", caps(5, nil, nil))}, Project: &Level{Models: models("*", caps(7, 7, nil))}}, "5 (model gpt-4o), 7 (model *)"},
		{"null inherits", "o1-pro", Levels{Tier: &Level{Models: models("*", Caps{})}, Project: &Level{Models: models("*", caps(7, nil, nil))}}, "7 (model *), none"},
		{"-1 lifts", "o1-pro", Levels{Tier: &Level{Models: models("*", requestCap(-1))}, Project: &Level{Caps: requestCap(7)}}, "none, none"},
		{"0 blocks", "o1-pro", Levels{Project: &Level{Models: blocked}}, "0 (model *), none"},
		{"0 blocks no listed one", "gpt-4o", Levels{Project: &Level{Models: blocked}}, "5 (model gpt-4o), none"},
		{"an identity's beats its own limit", "o1-pro", Levels{Identity: &Level{Caps: caps(99, 99, nil), Models: listed}}, "20 (model *), 1000 (model *)"},
		{"which a listed model inherits", "gpt-4o", Levels{Identity: &Level{Caps: caps(99, 99, nil), Models: listed}}, "5 (model gpt-4o), 99 (identity)"},
		{"a prefix lists too", "gpt-5", Levels{Project: &Level{Models: models("gpt*", caps(nil, 3, nil), "*", caps(20, 20, nil))}}, "none, 3 (model gpt*)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := Resolve(c.ls, c.model, Daily, false)
			var got []string
			for _, m := range []Metric{Requests, Tokens} {
				text := "none"
				if l, ok := r.Limit(m); ok {
					text = strings.TrimPrefix(l.String(), m.String()+" ")
				}
				got = append(got, text)
			}
			if got := strings.Join(got, ", "); got != c.want {
				t.Errorf("limits of %s: %s; want %s", c.model, got, c.want)
			}
		})
	}
}

// used builds a state with n requests, 10n tokens and 100n cost of each model.
func used(modelsAndRequests ...any) *State {
	s := &State{Start: Daily.Start(at("2026-11-22T12:00:00Z"))}
	for i := 0; i < len(modelsAndRequests); i += 2 {
		n := int64(modelsAndRequests[i+1].(int))
		s.Used = append(s.Used, ModelUsage{Model: modelsAndRequests[i].(string), Counted: Amounts{n, 10 * n, 100 * n}})
	}
	return s
}

func TestWhatCountsTowardsALimit(t *testing.T) {
	t.Parallel()
	everything := used("gpt-4o", 1, "gpt-4o-2024-08-06", 2, "gpt-4o-mini", 4, "gemini-2.0-flash", 8, "claude-x", 16)
	for _, c := range []struct {
		name  string
		ls    Levels
		model string
		want  int64
	}{
		{"a model limit counts the model and its snapshots",
			Levels{Project: &Level{Models: models("gpt-4o", requestCap(99))}}, "gpt-4o", 1 + 2},
		{"asked for by a dated name it is the same limit",
			Levels{Project: &Level{Models: models("gpt-4o", requestCap(99))}}, "gpt-4o-2024-08-06", 1 + 2},
		{"the project's limit counts every model without one",
			Levels{Project: &Level{Caps: requestCap(99), Models: models("gpt-4o", requestCap(5))}}, "claude-x", 4 + 8 + 16},
		{"an unlimited cheap model does not eat the allowance",
			Levels{Project: &Level{Caps: requestCap(99), Models: models("gemini-2.0-flash", requestCap(-1))}}, "gpt-4o", 1 + 2 + 4 + 16},
		{"a model limit for another metric takes nothing out",
			Levels{Project: &Level{Caps: requestCap(99), Models: models("gpt-4o", caps(nil, 5, nil))}}, "claude-x", 1 + 2 + 4 + 8 + 16},
		{"switching between models does not double the allowance",
			Levels{Project: &Level{Caps: requestCap(99)}}, "gpt-4o", 1 + 2 + 4 + 8 + 16},
		{"a tier's limit leaves out the project's model limits too",
			Levels{Tier: &Level{Caps: requestCap(99)}, Project: &Level{Models: models("gpt-4o", requestCap(5))}}, "claude-x", 4 + 8 + 16},
		{"an identity's own limit counts everything",
			Levels{Identity: &Level{Caps: requestCap(99)}, Project: &Level{Models: models("gpt-4o", requestCap(5), "claude-x", requestCap(-1))}},
			"claude-x", 1 + 2 + 4 + 8 + 16},
		{"an identity's own limit counts what its own model limit governs",
			Levels{Identity: &Level{Caps: requestCap(99), Models: models("gpt-4o", requestCap(5))}}, "claude-x", 1 + 2 + 4 + 8 + 16},
		{"an identity's own model limit counts that model",
			Levels{Identity: &Level{Caps: requestCap(5), Models: models("gpt-4o", requestCap(99))}}, "gpt-4o", 1 + 2},
		{"an identity's model limit takes the model out of the project's limit",
			Levels{Identity: &Level{Models: models("gpt-4o", requestCap(5))}, Project: &Level{Caps: requestCap(99)}}, "claude-x", 4 + 8 + 16},
		{"a prefix counts all its models together",
			Levels{Project: &Level{Models: models("gpt-4o*", requestCap(99))}}, "gpt-4o-mini", 1 + 2 + 4},
		{"a prefix leaves out what a longer key governs",
			Levels{Project: &Level{Models: models("gpt-4o*", requestCap(99), "gpt-4o-mini", requestCap(5))}}, "gpt-4o", 1 + 2},
		{"what has no key is counted together",
			Levels{Project: &Level{Models: models("gpt-4o", requestCap(5), "*", requestCap(99))}}, "o1-pro", 4 + 8 + 16},
		{"in a tier all of it, whatever keys the project has",
			Levels{Tier: &Level{Models: models("*", requestCap(99))}, Project: &Level{Models: models("gpt-4o", requestCap(5))}}, "gpt-4o", 1 + 2 + 4 + 8 + 16},
		{"a key without a limit of the metric is no part of it",
			Levels{Project: &Level{Models: models("gpt-4o", caps(nil, 5, nil), "*", requestCap(99))}}, "claude-x", 4 + 8 + 16},
		{"which then counts towards the general limit",
			Levels{Project: &Level{Caps: requestCap(99), Models: models("gpt-4o", caps(nil, 5, nil), "*", requestCap(9))}}, "gpt-4o", 1 + 2},
		{"the same key of another level is another limit",
			Levels{Tier: &Level{Models: models("gpt-4o-mini", requestCap(5))}, Project: &Level{Models: models("gpt*", requestCap(99))}}, "gpt-4o", 1 + 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := Resolve(c.ls, c.model, Daily, false)
			if got := everything.Standing(&r, Requests); got.Used != c.want || got.Remaining() != 99-c.want {
				t.Errorf("used %d, remaining %d of %s; want %d used", got.Used, got.Remaining(), got.Limit, c.want)
			}
		})
	}
}

// TestEveryLimitIsListed: an app shows its user exactly the limits that can be in force.
func TestEveryLimitIsListed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ls   Levels
		want []string
	}{
		{"none", Levels{}, nil},
		{"the first level's, by metric",
			Levels{Tier: &Level{Caps: caps(1, nil, nil)}, Project: &Level{Caps: caps(2, 3, -1)}},
			[]string{"requests 1 (tier)", "tokens 3 (project)"}},
		{"unlimited hides the next level",
			Levels{Tier: &Level{Caps: requestCap(-1)}, Project: &Level{Caps: requestCap(2)}}, nil},
		{"model limits after the general one",
			Levels{Project: &Level{Caps: requestCap(2), Models: models("a", requestCap(1), "b", requestCap(-1))}},
			[]string{"requests 2 (project)", "requests 1 (model a)"}},
		{"an identity's own limit overrides model limits of tier and project",
			Levels{Identity: &Level{Caps: requestCap(1), Models: models("b", requestCap(3))},
				Tier: &Level{Models: models("a", requestCap(2))}, Project: &Level{Models: models("b", requestCap(2))}},
			[]string{"requests 1 (identity)", "requests 3 (model b)"}},
		{"a tier's model limit overrides the project's",
			Levels{Tier: &Level{Models: models("a", requestCap(2))}, Project: &Level{Models: models("a", requestCap(1))}},
			[]string{"requests 2 (model a)"}},
		{"a prefix is in force beside the model of that very name",
			Levels{Project: &Level{Models: models("a*", requestCap(2), "a", requestCap(1))}},
			[]string{"requests 2 (model a*)", "requests 1 (model a)"}},
		{"a prefix is in force beside a tier's limit of the model of that very name",
			Levels{Tier: &Level{Models: models("a", requestCap(1))}, Project: &Level{Models: models("a*", requestCap(2))}},
			[]string{"requests 1 (model a)", "requests 2 (model a*)"}},
		{"a prefix of a higher level hides longer ones below",
			Levels{Tier: &Level{Models: models("a*", requestCap(1))}, Project: &Level{Models: models("ab*", requestCap(2), "*", requestCap(9))}},
			[]string{"requests 1 (model a*)", "requests 9 (model *)"}},
		{"a level's * hides every other key below",
			Levels{Tier: &Level{Models: models("*", requestCap(1))}, Project: &Level{Models: models("ab*", requestCap(2), "*", requestCap(9))}},
			[]string{"requests 1 (model *)"}},
		{"but not for models that it has keys for",
			Levels{Tier: &Level{Models: models("*", requestCap(1), "ab*", caps(nil, -1, nil), "c", caps(nil, -1, nil))},
				Project: &Level{Models: models("ab*", requestCap(2), "b", requestCap(3), "*", requestCap(9))}},
			[]string{"requests 1 (model *)", "requests 2 (model ab*)", "requests 9 (model *)"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, l := range c.ls.All() {
				got = append(got, l.String())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("limits listed (-want +got):\n%s", diff)
			}
		})
	}
}

// The reference implementation: the contract's words, in the simplest code.

type refLimit struct {
	max   int64
	level int    // 0 identity, 1 tier, 2 project
	key   string // "" for a general limit
}

func refModel(l *Level, level int, m Metric, model string) *refLimit {
	var keys, all []ModelCaps // keys that match, without *; keys with it
	for _, mc := range l.Models {
		switch _, ok := matches(mc.Key, model); {
		case mc.Key == "*":
			all = append(all, mc)
		case ok:
			keys = append(keys, mc)
		}
	}
	if len(keys) == 0 { // a model that no other key of its level matches
		keys = all
	}
	var best *refLimit
	rank := -1
	for _, mc := range keys {
		if r, _ := matches(mc.Key, model); r > rank && mc.Caps[m] != nil {
			best, rank = &refLimit{*mc.Caps[m], level, mc.Key}, r
		}
	}
	return best
}

func refOwn(l *Level, level int, m Metric) *refLimit {
	if l.Caps[m] == nil {
		return nil
	}
	return &refLimit{*l.Caps[m], level, ""}
}

func refGoverning(ls Levels, m Metric, model string) *refLimit {
	for _, l := range []*refLimit{
		refModel(ls.Identity, 0, m, model), refOwn(ls.Identity, 0, m), refModel(ls.Tier, 1, m, model),
		refModel(ls.Project, 2, m, model), refOwn(ls.Tier, 1, m), refOwn(ls.Project, 2, m),
	} {
		if l != nil {
			return l
		}
	}
	return nil
}

func (l *refLimit) counts(ls Levels, m Metric, model string) bool {
	g := refGoverning(ls, m, model)
	switch {
	case l.level == 0 && l.key == "":
		return true
	case l.key != "":
		return g != nil && *g == *l
	default:
		return g == nil || g.key == ""
	}
}

var testModels = []string{"gpt-4o", "gpt-4o-2024-08-06", "gpt-4o-mini", "gemini-2.0-flash", "claude-x"}

func genLevel(t *rapid.T, name string) *Level {
	value := rapid.OneOf(rapid.Just((*int64)(nil)), rapid.Just((*int64)(nil)),
		rapid.Ptr(rapid.OneOf(rapid.Just(int64(Unlimited)), rapid.Int64Range(0, 30)), false))
	genCaps := rapid.Custom(func(t *rapid.T) (c Caps) {
		for m := range c {
			c[m] = value.Draw(t, "cap")
		}
		return c
	})
	l := &Level{Caps: genCaps.Draw(t, name)}
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"*", "gpt*", "gpt-4o", "gpt-4o*", "gpt-4o-2024-08-06", "gemini-2.0-flash"}),
		0, 3, rapid.ID).Draw(t, name+"'s models") {
		l.Models = append(l.Models, NewModelCaps(key, genCaps.Draw(t, key)))
	}
	limit := rapid.Ptr(rapid.Int64Range(-1, 6), true)
	l.RequestsPerMinute, l.ConcurrentRequests = limit.Draw(t, name+"'s burst"), limit.Draw(t, name+"'s concurrency")
	return l
}

func genLevels(t *rapid.T) Levels {
	return Levels{genLevel(t, "identity"), genLevel(t, "tier"), genLevel(t, "project")}
}

func TestResolveSaysWhatTheContractSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ls := genLevels(t)
		model := rapid.SampledFrom(testModels).Draw(t, "model")
		r := Resolve(ls, model, Daily, false)
		for m := range Metric(NumMetrics) {
			l, ok := r.Limit(m)
			want := refGoverning(ls, m, model)
			if want == nil || want.max == Unlimited {
				if ok {
					t.Fatalf("%s of %s: %s is in force, want none", m, model, l)
				}
				continue
			}
			if !ok || l.Max != want.max || l.Model != want.key {
				t.Fatalf("%s of %s: %s in force, want %+v", m, model, l, *want)
			}
			for _, other := range testModels {
				if got, want := ls.counts(l, other), want.counts(ls, m, other); got != want {
					t.Fatalf("usage of %s counts towards %s: %t, want %t", other, l, got, want)
				}
			}
			if !listed(ls, l) {
				t.Fatalf("%s is in force for %s but not listed in %v", l, model, ls.All())
			}
		}
	})
}

func listed(ls Levels, l Limit) bool {
	for _, o := range ls.All() {
		if o == l {
			return true
		}
	}
	return false
}

// GET /v1/usage lists every limit, and anybody may ask for it: what it costs must not grow with the product of two levels'
// keys. (AllocsPerRun does not run beside others.)
func TestAll_LooksAtEachKeyOnce(t *testing.T) {
	const n = 200
	level := func(name string) *Level {
		l := &Level{Models: models(Others, requestCap(1))}
		for i := range n {
			l.Models = append(l.Models, NewModelCaps(fmt.Sprintf("%s-a%da*", name, i), requestCap(1)))
		}
		return l
	}
	levels := Levels{Tier: level("tier"), Project: level("project")}
	if got := len(levels.All()); got != 1+n {
		t.Errorf("%d limits, want the tier's", got)
	}
	if allocs := testing.AllocsPerRun(1, func() { levels.All() }); allocs > 10*n {
		t.Errorf("%v allocations for %d keys", allocs, 2*n)
	}
}

// counts reports whether usage of a model counts towards l.
func (ls *Levels) counts(l Limit, model string) bool {
	return l.takes(ls.governedBy(canonical(model))[l.Metric])
}
