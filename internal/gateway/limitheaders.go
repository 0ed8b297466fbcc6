package gateway

import (
	"strconv"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// limited reports whether limit headers of ours are on the answer.
func (c *call) limited() bool {
	d := c.decision
	return d != nil && (d.InForce[limit.Requests] || d.InForce[limit.Tokens] || d.InForce[limit.Cost] || d.Burst.Max >= 0)
}

// adjustStandings puts what was used, nothing where the request costs nothing, in the
// place of what was held. It is for when the reservation has ended.
func (c *call) adjustStandings() {
	d := c.decision
	if d == nil { // passed
		return
	}
	for m := range limit.Metric(limit.NumMetrics) {
		if st, h := &d.Standings[m], &d.Hold; h.Limited(m) {
			st.Remaining = max(0, st.Remaining+h.Amounts[m]-h.Credit[m]-c.charged.Amounts[m])
		}
	}
}

// The names of OpenAI's limit headers, which its SDKs and many apps read.
var metricHeaders = [...]struct{ limit, remaining, reset string }{
	limit.Requests: {"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	limit.Tokens:   {"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
}

// limitHeaders tells how far the limits in force are used, this request included.
//
// RateLimit and RateLimit-Policy follow draft-ietf-httpapi-ratelimit-headers-11. Their
// figures are integers: costs are in micro-USD, which the quota unit says.
func (c *call) limitHeaders() {
	if !c.limited() {
		return
	}
	var (
		d      = c.decision
		h      = c.w.Header()
		values = make([]string, 0, 8)
		set    = func(name, value string) {
			values = append(values, value)
			h[name] = values[len(values)-1 : len(values) : len(values)]
		}
		room   [2][192]byte // enough for most
		items  = limitItems{room[0][:0], room[1][:0]}
		period = c.rules.Period.String()
		start  = c.rules.Period.Start(c.now)
		window = int64(c.rules.Period.End(c.now).Sub(start) / time.Second)
	)
	for m := range limit.Metric(limit.NumMetrics) {
		if !d.InForce[m] {
			continue
		}
		st := &d.Standings[m]
		reset := wholeSeconds(untilReset(st.ResetsAt, c.now))
		items.begin(m.String(), period)
		if st.Scope == limit.ScopeModel {
			items.name("-model")
		}
		items.end(st.Max, window, st.Remaining, reset)
		if m == limit.Cost {
			items.policy = append(items.policy, `;qu="micro-usd"`...)
			continue
		}
		set(metricHeaders[m].limit, itoa(st.Max))
		set(metricHeaders[m].remaining, itoa(st.Remaining))
		set(metricHeaders[m].reset, (time.Duration(reset) * time.Second).String())
	}
	if d.Burst.Max >= 0 {
		items.begin("requests", "minute")
		items.end(d.Burst.Max, 60, d.Burst.Remaining, wholeSeconds(d.Burst.FullIn))
	}
	set("Ratelimit-Policy", string(items.policy))
	set("Ratelimit", string(items.state))
}

// limitItems are the two lists of structured field items, written side by side.
type limitItems struct{ policy, state []byte }

func (l *limitItems) begin(metric, period string) {
	if len(l.policy) > 0 {
		l.name(", ")
	}
	l.name(`"`)
	l.name(metric)
	l.name("-")
	l.name(period)
}

func (l *limitItems) name(part string) {
	l.policy, l.state = append(l.policy, part...), append(l.state, part...)
}

func (l *limitItems) end(quota, window, left, reset int64) {
	l.policy = strconv.AppendInt(append(l.policy, `";q=`...), quota, 10)
	l.policy = strconv.AppendInt(append(l.policy, `;w=`...), window, 10)
	l.state = strconv.AppendInt(append(l.state, `";r=`...), left, 10)
	l.state = strconv.AppendInt(append(l.state, `;t=`...), reset, 10)
}
