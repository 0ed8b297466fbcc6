package rollup

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// Entries come back as they were, whatever their order.
func TestEntriesComeBack(t *testing.T) {
	t.Parallel()
	texts := rapid.SampledFrom([]string{"", "a", "b", "gpt-4o", "\x00\xff", "🙂"})
	figures := rapid.Int64()
	entry := rapid.Custom(func(t *rapid.T) Entry {
		e := Entry{Kind: Kind(rapid.IntRange(int(Used), int(Near)).Draw(t, "kind")), Project: texts.Draw(t, "project")}
		at, n, _ := e.fields()
		for i := range at {
			if at[i] != nil {
				*at[i] = texts.Draw(t, "text")
			}
		}
		for i := range n {
			if n[i] != nil {
				*n[i] = figures.Draw(t, "figure")
			}
		}
		return e
	})
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(entry).Draw(t, "entries")
		var w Writer
		for i := range want {
			w.Add(&want[i])
		}
		got := []Entry{}
		if err := Read(w.Bytes(), func(e *Entry) { got = append(got, *e) }); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(append([]Entry{}, want...), got); diff != "" {
			t.Fatalf("entries (-want +got):\n%s", diff)
		}
	})
}

func FuzzRead(f *testing.F) {
	var w Writer
	w.Add(&Entry{Kind: Used, Project: "p", Identity: "i", Model: "m", Hour: 7, Requests: 1})
	w.Add(&Entry{Kind: Ended, Project: "p", Outcome: Refused, Code: "burst_exceeded", At: 1})
	f.Add(w.Bytes())
	f.Add([]byte{99})
	f.Fuzz(func(t *testing.T, data []byte) {
		_ = Read(data, func(*Entry) {})
		_, _ = decodeTop(data)
	})
}

func BenchmarkEntries(b *testing.B) {
	var w Writer
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		for hour := range int64(100) {
			e := Entry{Kind: Used, Project: "pk_1", Identity: "alice", Model: "gpt-4o", Hour: hour, Requests: 1}
			w.Add(&e)
		}
		if err := Read(w.Bytes(), func(*Entry) {}); err != nil {
			b.Fatal(err)
		}
	}
}

// After any omission a name that is not held has had no more than the floor, and an item lacks no more than it says.
func TestTopIsAsExactAsItSays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all, tops := map[string]Sums{}, []*Top{NewTop(), NewTop()}
		for range rapid.IntRange(1, 200).Draw(t, "requests") {
			name := fmt.Sprint(rapid.IntRange(0, 40).Draw(t, "name"))
			sums := Sums{1, rapid.Int64Range(0, 100).Draw(t, "tokens"), rapid.Int64Range(0, 9).Draw(t, "micros")}
			top := tops[rapid.IntRange(0, 1).Draw(t, "top")]
			top.Add(name, sums, Sums{})
			all[name] = all[name].Plus(sums)
			top.Trim(3, 12)
		}
		whole := NewTop()
		for _, top := range tops {
			if err := whole.AddAll(top.Append(nil)); err != nil {
				t.Fatal(err)
			}
		}
		for m := range NumMetrics {
			first := whole.First(m, 5)
			for name, want := range all {
				checkItem(t, whole, name, want, m)
				checkItem(t, first, name, want, m)
			}
			list := whole.List(m, 5)
			if !slices.IsSortedFunc(list, func(a, b Named) int { return cmp.Compare(b.Sums[m], a.Sums[m]) }) {
				t.Fatalf("by metric %d: %v", m, list)
			}
		}
	})
}

// A ranking is what the whole Tops are, however they are encoded, as long as it takes all of their names.
func TestRankingAddsTopsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const most = 12
		metric, of := rapid.IntRange(0, NumMetrics-1).Draw(t, "metric"), rapid.IntRange(1, most).Draw(t, "names")
		whole, ranking, complete := NewTop(), NewRanking(metric, of), true
		for range rapid.IntRange(1, 4).Draw(t, "tops") {
			top := NewTop()
			for range rapid.IntRange(0, most).Draw(t, "items") {
				top.Add(fmt.Sprint(rapid.IntRange(0, 20).Draw(t, "name")), Sums{1, rapid.Int64Range(0, 100).Draw(t, "tokens"), 7}, Sums{})
			}
			encoded := top.Append(nil)
			if rapid.Bool().Draw(t, "in order") {
				encoded = top.AppendFirst(nil, metric, most)
			}
			if err := ranking.Add(encoded); err != nil {
				t.Fatal(err)
			}
			complete = complete && len(top.order(metric, most)) <= of
			if err := whole.AddAll(encoded); err != nil {
				t.Fatal(err)
			}
		}
		if ranking.Complete() != complete {
			t.Errorf("complete %t, want %t", ranking.Complete(), complete)
		}
		if got, want := ranking.List(3), whole.List(metric, 3); complete && !slices.Equal(got, want) {
			t.Errorf("by metric %d: %v, want %v", metric, got, want)
		}
		if err := ranking.Add([]byte{1}); err == nil {
			t.Error("a damaged top was added")
		}
	})
}

func checkItem(t *rapid.T, top *Top, name string, want Sums, m int) {
	item := top.Items[name]
	switch {
	case item == nil && want[m] > top.Floor[m]:
		t.Fatalf("%s with %d is left out, the floor is %d", name, want[m], top.Floor[m])
	case item != nil && (want[m] < item.Sums[m] || want[m] > item.Sums[m]+item.Missing[m]):
		t.Fatalf("%s has %d, want from %d to %d", name, want[m], item.Sums[m], item.Sums[m]+item.Missing[m])
	}
}

func TestTopIsExactWhileItHoldsAll(t *testing.T) {
	t.Parallel()
	top := NewTop()
	for i := range 10 {
		for range i + 1 {
			top.Add(fmt.Sprint(i), Sums{1, 2, 3}, Sums{})
		}
	}
	top.Trim(3, 10)
	want := []Named{{"9", Sums{10, 20, 30}}, {"8", Sums{9, 18, 27}}}
	if got := top.List(1, 2); top.Floor != (Sums{}) || !slices.Equal(got, want) {
		t.Errorf("%v with the floor %v, want %v and none", got, top.Floor, want)
	}
}
