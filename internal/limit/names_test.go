package limit

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// useOf is one request of a model with this usage, under levels.
func useOf(t testing.TB, s *State, ls Levels, model string, actual Amounts) Settlement {
	t.Helper()
	r := Resolve(ls, model, s.Period, false)
	s.Admit(Hold{Model: model, At: noon, Amounts: actual}, noon)
	done, ok := s.Settle(0, actual, &r)
	if !ok {
		t.Fatal("not settled")
	}
	return done
}

// However many models an account calls, it keeps MaxNames of them separately, and one more for
// all others under the same limits.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	ls := Levels{Project: &Level{Caps: requestCap(1_000_000), Models: models("gpt-*", requestCap(1_000_000), "claude-x", requestCap(5))}}
	s := &State{Start: Daily.Start(noon)}
	kept := map[string]bool{}
	for i := range 5000 {
		kept[useOf(t, s, ls, fmt.Sprint("gpt-", i), Amounts{1, 2, 3}).Model] = true
		kept[useOf(t, s, ls, fmt.Sprint("made-up-", i), Amounts{1, 2, 3}).Model] = true
	}
	kept[useOf(t, s, ls, "claude-x", Amounts{1, 2, 3}).Model] = true
	if len(s.Used) != MaxNames+3 || len(kept) != MaxNames+3 {
		t.Errorf("%d names in the state, %d written; want %d and one for each limit", len(s.Used), len(kept), MaxNames)
	}
	if got, want := s.Total(), (Amounts{10_001, 20_002, 30_003}); got != want {
		t.Errorf("used %v, want %v", got, want)
	}
	for _, st := range s.Standings(ls) {
		if want := map[string]int64{"": 5000, "gpt-*": 5000, "claude-x": 1}[st.Model]; st.Used != want {
			t.Errorf("%d of %s used, want %d", st.Used, st.Limit, want)
		}
	}
}

// A request without usage leaves no name.
func TestNothingUsedLeavesNoName(t *testing.T) {
	t.Parallel()
	s := &State{Start: Daily.Start(noon)}
	for i := range 100 {
		useOf(t, s, Levels{}, fmt.Sprint("made-up-", i), Amounts{})
	}
	if len(s.Used) != 0 {
		t.Errorf("%d names are kept of what used nothing, want none", len(s.Used))
	}
}

// TestKeptTogetherDecidesAsKeptApart: with any number of models, every limit is as exact as if
// each model were kept separately.
func TestKeptTogetherDecidesAsKeptApart(t *testing.T) {
	t.Parallel()
	names := append([]string(nil), testModels...)
	for i := range 3 * MaxNames {
		names = append(names, fmt.Sprint("gpt-4o-", i), fmt.Sprint("x-", i))
	}
	rapid.Check(t, func(t *rapid.T) {
		ls := genLevels(t)
		s, apart := &State{Start: Daily.Start(noon)}, Tally{}
		if rapid.Bool().Draw(t, "before there was a bound") {
			for _, name := range names {
				apart.Add(name, Amounts{1, 2, 3}, Amounts{})
			}
			s.Used = append(s.Used, apart.Used...)
		}
		for i, name := range rapid.Permutation(names).Draw(t, "calls") {
			if i%7 == 3 {
				name = names[0] // it may be merged with others by now
			}
			r := Resolve(ls, name, Daily, false)
			free := s.Credits
			s.Admit(Hold{Model: name, At: noon, Amounts: Amounts{1, 1, 1}}, noon)
			done, _ := s.Settle(0, Amounts{1, int64(i % 5), 1}, &r)
			apart.Add(name, done.Counted, done.Credited)
			reference := &State{Start: s.Start, Used: apart.Used, Credits: free}
			for m := range Metric(NumMetrics) {
				if !r.set[m] {
					continue
				}
				if got, want := s.Standing(&r, m), reference.Standing(&r, m); got.Used != want.Used || got.Allowance != want.Allowance {
					t.Fatalf("call %d, %s of %s: %d used, want %d", i, m, name, got.Used, want.Used)
				}
			}
			if i%50 == 0 {
				all, want := s.Standings(ls), reference.Standings(ls)
				if diff := cmp.Diff(want, all, cmp.AllowUnexported(Limit{}, source{})); diff != "" {
					t.Fatalf("standings (-want +got):\n%s", diff)
				}
			}
		}
		if most := 2*MaxNames + len(names)/4; len(s.Used) > most {
			t.Fatalf("%d names are kept, want at most %d", len(s.Used), most)
		}
	})
}

// Standings sums all limits at once, and returns for each what a decision would.
func TestStandingsSayWhatDecisionsDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ls := genLevels(t)
		s := &State{Start: Daily.Start(noon), Credits: genAmounts(t, "credits")}
		for i, model := range rapid.SliceOfN(rapid.SampledFrom(testModels), 0, 8).Draw(t, "models") {
			s.Used = append(s.Used, ModelUsage{Model: model, Counted: genAmounts(t, "used")})
			s.Holds = append(s.Holds, Hold{ID: uint64(i), Model: model, At: noon.Add(time.Duration(i-3) * 8 * time.Hour), Amounts: genAmounts(t, "held")})
		}
		standings := map[Limit]Standing{}
		for _, st := range s.Standings(ls) {
			standings[st.Limit] = st
		}
		for _, model := range testModels {
			r := Resolve(ls, model, Daily, false)
			for m := range Metric(NumMetrics) {
				if l, ok := r.Limit(m); ok && standings[l] != s.Standing(&r, m) {
					t.Fatalf("%s of %s: %+v in the list, %+v in the decision", m, model, standings[l], s.Standing(&r, m))
				}
			}
		}
	})
}

// Merged usage stays merged when settings change, and counts towards the limits of the model
// whose name it has. A new limit of a model that is kept separately starts from its usage.
func TestNamesWhenSettingsChange(t *testing.T) {
	t.Parallel()
	before := Levels{Project: &Level{Caps: requestCap(1000)}}
	s := &State{Start: Daily.Start(noon)}
	for i := range 2 * MaxNames {
		for range 3 {
			useOf(t, s, before, fmt.Sprint("m-", i), Amounts{1})
		}
	}
	first, last := "m-0", fmt.Sprint("m-", 2*MaxNames-1)
	after := Levels{Project: &Level{Caps: requestCap(1000), Models: models(first, requestCap(9), last, requestCap(9))}}
	for model, want := range map[string]int64{first: 3, last: 0, "m-1": 2*MaxNames*3 - 3} {
		r := Resolve(after, model, Daily, false)
		if st := s.Standing(&r, Requests); st.Used != want {
			t.Errorf("%s starts from %d, want %d", model, st.Used, want)
		}
	}
	// From then on its usage is separate.
	useOf(t, s, after, last, Amounts{1})
	r := Resolve(after, last, Daily, false)
	if st := s.Standing(&r, Requests); st.Used != 1 {
		t.Errorf("%s has used %d since, want 1", last, st.Used)
	}
	for i := range s.Used {
		if u := &s.Used[i]; u.isOthers() == (u.Model == strings.TrimSuffix(u.Model, others)) {
			t.Errorf("%q: kept together: %t", u.Model, u.isOthers())
		}
	}
}

func TestTally(t *testing.T) {
	t.Parallel()
	var tally Tally
	for i := range 300 {
		tally.Add(fmt.Sprint(i%100), Amounts{1}, Amounts{0, 1})
	}
	if len(tally.Used) != 100 {
		t.Errorf("%d models, want 100", len(tally.Used))
	}
	for _, u := range tally.Used {
		if u.Counted != (Amounts{3}) || u.Credited != (Amounts{0, 3}) {
			t.Errorf("%s: %v and %v, want 3 each", u.Model, u.Counted, u.Credited)
		}
	}
}
