// Package activity counts how requests end, for reports, and tells those who watch a project.
//
// A refused request writes nothing to the ledger. So refusals, outcomes, and limits that are nearly used up are counted in
// memory and kept every few seconds. A crash loses the last of them.
//
// Invariants: memory is bounded, whatever names clients make up. Nothing of a prompt or an answer is counted or shown.
package activity

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// FlushInterval is how often counts are kept.
const FlushInterval = 5 * time.Second

const (
	// mostCounts, mostNear and mostHours are how many different counts, limits and hours of refusals are in memory. What
	// exceeds them is counted without a model, or not at all.
	mostCounts, mostNear, mostHours = 10_000, 10_000, 1000
	// mostRefused is how many refused identities of a project are counted apart in an hour, once there were mostTurned.
	mostRefused, mostTurned = 100, 200
	// mostUnkept is how many flushes wait while they cannot be kept.
	mostUnkept = 60
	// nearFrom is the used part of a limit, in per cent, from which on it is noted.
	nearFrom = 50
)

// Keeper keeps counts.
type Keeper interface {
	// Append keeps encoded entries of package rollup.
	Append(ctx context.Context, entries []byte) error
	// AddAlarms keeps what the guard found.
	AddAlarms(ctx context.Context, alarms []rollup.Alarm) error
}

// Recorder counts requests. Create it with New.
type Recorder struct {
	hub  *live.Hub
	keep Keeper

	mu      sync.Mutex
	counts  map[countKey]*count
	refused map[hourKey]*rollup.Top
	near    map[nearKey]nearUse
	alarms  map[alarmKey]*rollup.Alarm

	unkept   [][]byte         // flushes that could not be kept; only Flush uses it
	unraised [][]rollup.Alarm // the same of alarms
}

type countKey struct {
	project, outcome, code, metric, model, tier string
	hour                                        int64
}

type count struct {
	rollup.Sums
	last int64 // Unix microseconds
}

type hourKey struct {
	project string
	hour    int64
}

type nearKey struct{ project, identity, metric, scope, model string }

type nearUse struct {
	tier            string
	used, max, till int64 // till is the reset, in Unix microseconds
}

// New returns a Recorder that tells a hub, and lets keep keep its counts.
func New(hub *live.Hub, keep Keeper) *Recorder {
	r := &Recorder{hub: hub, keep: keep}
	r.clear()
	return r
}

func (r *Recorder) clear() {
	r.counts, r.refused, r.near = map[countKey]*count{}, map[hourKey]*rollup.Top{}, map[nearKey]nearUse{}
	r.alarms = map[alarmKey]*rollup.Alarm{}
}

// Request counts a request that has ended, and tells those who watch its project.
func (r *Recorder) Request(e gateway.Ended) {
	if e.Project == nil || !e.Metered {
		return
	}
	outcome := outcomeOf(&e.Seen)
	r.count(&e, outcome)
	if r.hub.Watched() {
		r.hub.Publish(e.Project.Key, eventOf(&e, outcome))
	}
}

// count adds a request to the counts.
func (r *Recorder) count(e *gateway.Ended, outcome string) {
	began := e.Times.Began
	key := countKey{project: e.Project.Key, outcome: outcome, hour: ledger.HourOf(began)}
	if outcome != rollup.Answered {
		key.code = e.Outcome
	}
	if outcome == rollup.Refused {
		key.metric, key.model, key.tier = metricOf(e), governing(e), e.Tier
	}
	sums := rollup.Sums{1, e.Charged.Amounts[limit.Tokens], e.Charged.Amounts[limit.Cost]}
	r.mu.Lock()
	defer r.mu.Unlock()
	c := r.counts[key]
	if c == nil {
		if len(r.counts) >= mostCounts {
			key.model, key.tier = "", ""
		}
		if c = r.counts[key]; c == nil {
			c = &count{}
			r.counts[key] = c
		}
	}
	c.Sums, c.last = c.Sums.Plus(sums), max(c.last, began.UnixMicro())
	if outcome == rollup.Refused && e.Identity != "" {
		r.refuse(hourKey{e.Project.Key, key.hour}, e.Identity)
	}
	r.noteNear(e)
	r.noteAlarms(e)
}

// refuse counts a refused request of an identity. The caller holds the mutex.
func (r *Recorder) refuse(at hourKey, identity string) {
	top := r.refused[at]
	if top == nil {
		if len(r.refused) >= mostHours {
			return
		}
		top = rollup.NewTop()
		r.refused[at] = top
	}
	top.Add(identity, rollup.Sums{1}, rollup.Sums{})
	top.Trim(mostRefused, mostTurned)
}

// noteNear notes the limits of which the identity has used a large part. The caller holds the mutex.
func (r *Recorder) noteNear(e *gateway.Ended) {
	if e.Decision == nil || e.Identity == "" {
		return
	}
	for m := range limit.Metric(limit.NumMetrics) {
		st := &e.Decision.Standings[m]
		used := st.Max - st.Allowance
		if !e.Decision.InForce[m] || st.Max <= 0 || st.ResetsAt.IsZero() || used*100/st.Max < nearFrom {
			continue
		}
		key := nearKey{project: e.Project.Key, identity: e.Identity, metric: m.String(), scope: st.Scope.String()}
		if st.Scope == limit.ScopeModel {
			key.model = st.Model
		}
		if _, known := r.near[key]; known || len(r.near) < mostNear {
			r.near[key] = nearUse{e.Tier, used, st.Max, st.ResetsAt.UnixMicro()}
		}
	}
}

// Run keeps the counts every interval, and a last time when ctx ends.
func (r *Recorder) Run(ctx context.Context, every time.Duration, log *slog.Logger) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := false
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
		err := r.Flush(context.WithoutCancel(ctx))
		if err != nil && !failing {
			log.Warn("counts for reports not kept yet", "error", err)
		}
		failing = err != nil
	}
}

// Flush stores the counts since the last flush. Counts that cannot be stored are kept for the next one.
func (r *Recorder) Flush(ctx context.Context) error {
	if entries := r.take(); len(entries) > 0 {
		r.unkept = append(r.unkept, entries)
		r.unkept = r.unkept[max(0, len(r.unkept)-mostUnkept):]
	}
	if alarms := r.takeAlarms(); len(alarms) > 0 {
		r.unraised = append(r.unraised, alarms)
		r.unraised = r.unraised[max(0, len(r.unraised)-mostUnkept):]
	}
	for len(r.unkept) > 0 {
		if err := r.keep.Append(ctx, r.unkept[0]); err != nil {
			return err
		}
		r.unkept = r.unkept[1:]
	}
	for len(r.unraised) > 0 {
		if err := r.keep.AddAlarms(ctx, r.unraised[0]); err != nil {
			return err
		}
		r.unraised = r.unraised[1:]
	}
	return nil
}

// take returns the counts as entries, and begins anew.
func (r *Recorder) take() []byte {
	r.mu.Lock()
	counts, refused, near := r.counts, r.refused, r.near
	r.counts, r.refused, r.near = map[countKey]*count{}, map[hourKey]*rollup.Top{}, map[nearKey]nearUse{}
	r.mu.Unlock()
	var w rollup.Writer
	for k, n := range counts {
		w.Add(&rollup.Entry{Kind: rollup.Ended, Project: k.project, Outcome: k.outcome, Code: k.code, Metric: k.metric, Model: k.model,
			Tier: k.tier, Hour: k.hour, At: n.last, Requests: n.Sums[0], Tokens: n.Sums[1], Micros: n.Sums[2]})
	}
	for k, top := range refused {
		for name, item := range top.Items {
			w.Add(&rollup.Entry{Kind: rollup.Turned, Project: k.project, Identity: name, Hour: k.hour,
				Requests: item.Sums[0], Tokens: item.Missing[0]})
		}
	}
	for k, n := range near {
		w.Add(&rollup.Entry{Kind: rollup.Near, Project: k.project, Identity: k.identity, Tier: n.tier, Metric: k.metric, Scope: k.scope,
			Model: k.model, At: n.till, Requests: n.used, Tokens: n.max})
	}
	return w.Bytes()
}
