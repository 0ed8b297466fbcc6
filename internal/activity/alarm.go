package activity

import (
	"cmp"
	"slices"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// mostAlarms is how many different alarms are in memory. Further ones are noted without an identity.
const mostAlarms = 10_000

type alarmKey struct {
	project, identity, category, rule string
	blocked                           bool
	hour                              int64
}

// noteAlarms notes what the guard found. The caller holds the mutex.
func (r *Recorder) noteAlarms(e *gateway.Ended) {
	at := e.Times.Began
	for _, found := range e.Alarms {
		key := alarmKey{e.Project.Key, e.Identity, found.Category, found.Rule, found.Blocked, ledger.HourOf(at)}
		if r.alarms[key] == nil && len(r.alarms) >= mostAlarms {
			key.identity = ""
		}
		a := r.alarms[key]
		if a == nil {
			a = &rollup.Alarm{Project: key.project, Identity: key.identity, Category: key.category, Rule: key.rule, Blocked: key.blocked,
				Hour: key.hour, First: at.UnixMicro()}
			r.alarms[key] = a
		}
		a.Severity, a.Last = found.Severity, max(a.Last, at.UnixMicro())
		a.First = min(a.First, at.UnixMicro())
		a.Count++
	}
}

// takeAlarms returns the alarms in the order of their first, and begins anew.
func (r *Recorder) takeAlarms() []rollup.Alarm {
	r.mu.Lock()
	taken := r.alarms
	r.alarms = map[alarmKey]*rollup.Alarm{}
	r.mu.Unlock()
	alarms := make([]rollup.Alarm, 0, len(taken))
	for _, a := range taken {
		alarms = append(alarms, *a)
	}
	slices.SortFunc(alarms, func(a, b rollup.Alarm) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Identity, b.Identity), cmp.Compare(a.Rule, b.Rule))
	})
	return alarms
}
