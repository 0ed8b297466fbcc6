package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"

	"github.com/airatelimit/airatelimit/internal/guard"
)

// scored is a row and its scores under a model that did not learn from its source.
type scored struct {
	row   *row
	score guard.Score
}

// foldCount is how many models are trained to judge the benign sources: each leaves out a share of them.
const foldCount = 4

// leftOut trains models that each leave out some benign sources, and returns the scores of the texts that were left out.
func leftOut(rows []row) []scored {
	size := map[string]int{}
	for i := range rows {
		if r := &rows[i]; !r.attack() && !r.own() {
			size[r.Source]++
		}
	}
	// The largest sources go to different folds.
	names := slices.SortedFunc(maps.Keys(size), func(a, b string) int { return cmp.Or(cmp.Compare(size[b], size[a]), cmp.Compare(a, b)) })
	fold := map[string]int{}
	for i, name := range names {
		fold[name] = i % foldCount
	}
	var all [foldCount][]scored
	var working sync.WaitGroup
	turns := make(chan struct{}, 2) // models that are trained at once
	for n := range foldCount {
		working.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			learn, judge := withoutFold(rows, fold, n)
			all[n] = scores(guard.New(train(learn)), judge)
		})
	}
	working.Wait()
	return slices.Concat(all[:]...)
}

// withoutFold returns the rows to learn from without the benign sources of a fold, and the rows of those.
func withoutFold(rows []row, fold map[string]int, n int) (learn []row, judge []*row) {
	for i := range rows {
		r := &rows[i]
		if f, ok := fold[r.Source]; ok && !r.attack() && f == n {
			judge = append(judge, r)
		} else {
			learn = append(learn, *r)
		}
	}
	return learn, judge
}

func scores(g *guard.Guard, rows []*row) []scored {
	out := make([]scored, len(rows))
	for i, r := range rows {
		out[i] = scored{r, g.Score(r.Text)}
	}
	return out
}

// pointers returns the rows that keep accepts.
func pointers(rows []row, keep func(r *row) bool) []*row {
	var out []*row
	for i := range rows {
		if keep(&rows[i]) {
			out = append(out, &rows[i])
		}
	}
	return out
}

// target is the share of false alarms that thresholds may cause.
type target struct{ ordinary, hard float64 }

var (
	usual      = target{0.0005, 0.005}
	suspicious = target{0.005, 0.03}
)

// thresholds returns the lowest thresholds with which no more than a share of benign texts alarm. Half of the alarms may be
// due to each threshold.
func (t target) thresholds(benign []scored) (alone, withRule float32) {
	alone, withRule = float32(math.Inf(-1)), float32(math.Inf(-1))
	for _, ordinary := range []bool{true, false} {
		share := t.hard
		if ordinary {
			share = t.ordinary
		}
		var plain, ruled []float32
		for _, s := range benign {
			if s.row.ordinary() != ordinary {
				continue
			}
			plain = append(plain, s.score.Alone)
			ruled = append(ruled, s.score.WithRule)
		}
		allowed := int(share / 2 * float64(len(plain)))
		alone = max(alone, above(plain, allowed))
		withRule = max(withRule, above(ruled, allowed))
	}
	return alone, min(withRule, alone)
}

// above returns a threshold that exactly n of the values reach.
func above(values []float32, n int) float32 {
	slices.SortFunc(values, func(a, b float32) int { return cmp.Compare(b, a) })
	if n >= len(values) {
		return float32(math.Inf(-1))
	}
	return values[n] + 0.01
}

// alarms reports whether a text is a hit.
func alarms(m *guard.Model, s guard.Score) bool {
	return s.Alone >= m.Alone || s.WithRule >= m.WithRule
}

// suspects reports whether it is one with heuristics switched on.
func suspects(m *guard.Model, s guard.Score) bool {
	return s.Alone >= m.AloneSuspicious || s.WithRule >= m.WithRuleSuspicious
}

// share is a count among others, with its interval of 95 % (Wilson).
func share(hits, of int) string {
	if of == 0 {
		return "none"
	}
	const z = 1.96
	n, p := float64(of), float64(hits)/float64(of)
	mid, half := (p+z*z/(2*n))/(1+z*z/n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))/(1+z*z/n)
	return fmt.Sprintf("%.2f %% (%.2f–%.2f), %d of %d", 100*p, 100*max(0, mid-half), 100*(mid+half), hits, of)
}

// report writes one line for each group of texts, by a property of their rows.
func report(w io.Writer, title string, set []scored, group func(r *row) string, hit func(s guard.Score) bool) {
	hits, of := map[string]int{}, map[string]int{}
	for _, s := range set {
		name := group(s.row)
		of[name]++
		if hit(s.score) {
			hits[name]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(w, "%s | %s | %s\n", title, name, share(hits[name], of[name]))
	}
}

// figures writes how a model fares on texts from which it did not learn.
func figures(w io.Writer, m *guard.Model, trainRows, val, extra []row, benign []scored) {
	g := guard.New(m)
	known := map[string]bool{}
	for i := range trainRows {
		if trainRows[i].attack() {
			known[trainRows[i].Source] = true
		}
	}
	fmt.Fprintf(w, "thresholds | alone %.3f, with a rule %.3f; suspicious: alone %.3f, with a rule %.3f\n", m.Alone, m.WithRule, m.AloneSuspicious, m.WithRuleSuspicious)
	hit := func(s guard.Score) bool { return alarms(m, s) }
	suspect := func(s guard.Score) bool { return suspects(m, s) }
	all := func(*row) string { return "all" }

	foreign := scores(g, pointers(val, func(r *row) bool { return r.attack() && !known[r.Source] }))
	report(w, "recall, attack sources not in training", foreign, all, hit)
	report(w, "recall, attack sources not in training, heuristics", foreign, all, suspect)
	report(w, "recall by kind", foreign, func(r *row) string { return r.Kind }, hit)
	report(w, "recall by source", foreign, func(r *row) string { return r.Source }, hit)
	report(w, "recall by rules alone", foreign, all, func(s guard.Score) bool { return !math.IsInf(float64(s.WithRule), -1) })
	category(w, "sources not in training", foreign, m)
	other := scores(g, pointers(val, func(r *row) bool { return r.attack() && known[r.Source] }))
	report(w, "recall by language, sources in training", other, func(r *row) string { return r.Lang }, hit)

	category(w, "sources in training", other, m)

	rest := scores(g, pointers(extra, func(r *row) bool { return !r.attack() }))
	report(w, "false alarms, threshold.jsonl.gz", rest, all, hit)
	report(w, "false alarms, benign of val", scores(g, pointers(val, func(r *row) bool { return !r.attack() })), func(r *row) string { return r.Kind }, hit)
	if len(benign) > 0 {
		report(w, "false alarms, sources left out", benign, func(r *row) string { return r.Kind }, hit)
		report(w, "false alarms, sources left out, heuristics", benign, func(r *row) string { return r.Kind }, suspect)
		report(w, "false alarms by source left out", benign, func(r *row) string { return r.Source }, hit)
		report(w, "false alarms by language left out", benign, func(r *row) string { return r.Lang }, hit)
	}
	underDisguise(w, g, m, foreign)
}

// category writes how often the model's class is that of the collection.
func category(w io.Writer, name string, set []scored, m *guard.Model) {
	right, of := 0, 0
	for _, s := range set {
		if alarms(m, s.score) {
			of++
			if k, ok := kinds[s.row.Kind]; ok && guard.Kinds[k] == s.score.Kind {
				right++
			}
		}
	}
	fmt.Fprintf(w, "the model's class is that of the collection | %s | %s\n", name, share(right, of))
}

// underDisguise writes which share of the attacks that are found as they stand are found under each disguise.
func underDisguise(w io.Writer, g *guard.Guard, m *guard.Model, set []scored) {
	rnd := rand.New(rand.NewPCG(seed, 4))
	kept, total := 0, 0
	for _, d := range disguises {
		hits, of := 0, 0
		for _, s := range set {
			if !alarms(m, s.score) || s.row.Lang != "en" || len(s.row.Text) > 2000 {
				continue
			}
			of++
			if alarms(m, g.Score(d.apply(rnd, s.row.Text))) {
				hits++
			}
		}
		kept, total = kept+hits, total+of
		fmt.Fprintf(w, "kept under disguise | %s | %s\n", d.name, share(hits, of))
	}
	fmt.Fprintf(w, "kept under disguise | all | %s\n", share(kept, total))
}

// worst writes the benign texts with the highest scores.
func worst(w io.Writer, m *guard.Model, benign []scored, n int) {
	slices.SortFunc(benign, func(a, b scored) int {
		return cmp.Compare(max(b.score.Alone-m.Alone, b.score.WithRule-m.WithRule), max(a.score.Alone-m.Alone, a.score.WithRule-m.WithRule))
	})
	for _, s := range benign[:min(n, len(benign))] {
		line := strings.ReplaceAll(s.row.Text, "\n", " ")
		fmt.Fprintf(w, "%.2f %.2f | %s | %s | %.140s\n", s.score.Alone, s.score.WithRule, s.row.Kind, s.row.Source, line)
	}
}

// missed writes attacks that are not found.
func missed(w io.Writer, m *guard.Model, g *guard.Guard, rows []*row) {
	for _, s := range scores(g, rows) {
		if !alarms(m, s.score) {
			line := strings.ReplaceAll(s.row.Text, "\n", " ")
			fmt.Fprintf(w, "%.2f %.2f | %s | %s | %.140s\n", s.score.Alone, s.score.WithRule, s.row.Kind, s.row.Source, line)
		}
	}
}
