package admission

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// limited reports whether the answer has limit headers of the gateway.
func limited(d *limit.Decision) bool {
	return d.InForce[limit.Requests] || d.InForce[limit.Tokens] || d.InForce[limit.Cost] || d.Burst.Max >= 0
}

// metricHeaders are OpenAI's limit headers, which its SDKs and many apps read.
var metricHeaders = [...]struct{ limit, remaining, reset string }{
	limit.Requests: {"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests"},
	limit.Tokens:   {"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens"},
}

// LimitHeaders writes headers that say how far the limits in force are used, this request included.
//
// RateLimit and RateLimit-Policy follow draft-ietf-httpapi-ratelimit-headers-11. Their figures are integers: costs are in
// micro-USD, as the quota unit says. The remaining figure includes credits, so it can exceed the quota. If no reset lifts
// a limit, the header names no reset for it.
func LimitHeaders(h http.Header, d *limit.Decision, by limit.Period, now time.Time) {
	if !limited(d) {
		return
	}
	var (
		text   = headerTexts.Get().(*headerText)
		items  = &text.items
		period = by.String()
		window = int64(by.End(now).Sub(by.Start(now)) / time.Second)
	)
	defer headerTexts.Put(text)
	text.reset()
	for m := range limit.Metric(limit.NumMetrics) {
		if !d.InForce[m] {
			continue
		}
		st := &d.Standings[m]
		reset, left := int64(never), st.Remaining()
		if !st.ResetsAt.IsZero() {
			reset = wholeSeconds(untilReset(st.ResetsAt, now))
		}
		items.begin(m.String(), period)
		if st.Scope == limit.ScopeModel {
			items.name("-model")
		}
		items.end(st.Max, window, left, reset)
		if m == limit.Cost {
			items.policy = append(items.policy, `;qu="micro-usd"`...)
			continue
		}
		text.number(metricHeaders[m].limit, st.Max)
		text.number(metricHeaders[m].remaining, left)
		if reset != never {
			text.duration(metricHeaders[m].reset, reset)
		}
	}
	if d.Burst.Max >= 0 {
		full := int64(never)
		if d.Burst.Max > 0 {
			full = wholeSeconds(d.Burst.FullIn)
		}
		items.begin("requests", "minute")
		items.end(d.Burst.Max, 60, d.Burst.Remaining, full)
	}
	text.bytes("Ratelimit-Policy", items.policy)
	text.bytes("Ratelimit", items.state)
	text.set(h)
}

// headerText collects headers. Their values become parts of one string, to save allocations.
type headerText struct {
	items limitItems
	buf   []byte
	names [8]string
	ends  [8]int
	n     int
}

var headerTexts = sync.Pool{New: func() any { return new(headerText) }}

func (t *headerText) reset() {
	t.items.policy, t.items.state = t.items.policy[:0], t.items.state[:0]
	t.buf, t.n = t.buf[:0], 0
}

func (t *headerText) number(name string, n int64) {
	t.buf = strconv.AppendInt(t.buf, n, 10)
	t.end(name)
}

func (t *headerText) bytes(name string, value []byte) {
	t.buf = append(t.buf, value...)
	t.end(name)
}

// duration adds a duration in OpenAI's form, which is Go's: 1h2m3s.
func (t *headerText) duration(name string, seconds int64) {
	t.buf = append(t.buf, (time.Duration(seconds) * time.Second).String()...)
	t.end(name)
}

func (t *headerText) end(name string) {
	t.names[t.n], t.ends[t.n] = name, len(t.buf)
	t.n++
}

func (t *headerText) set(h http.Header) {
	all, from := string(t.buf), 0
	values := make([]string, t.n)
	for i := range t.n {
		values[i] = all[from:t.ends[i]]
		h[t.names[i]] = values[i : i+1 : i+1]
		from = t.ends[i]
	}
}

// limitItems are the two lists of structured field items, RateLimit-Policy and RateLimit.
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

// never stands for the seconds until a reset that changes nothing.
const never = -1

// maxItem is the largest integer of a structured field (RFC 9651, section 3.3.1).
const maxItem = 999_999_999_999_999

func (l *limitItems) end(quota, window, left, reset int64) {
	l.policy = strconv.AppendInt(append(l.policy, `";q=`...), min(quota, maxItem), 10)
	l.policy = strconv.AppendInt(append(l.policy, `;w=`...), window, 10)
	l.state = strconv.AppendInt(append(l.state, `";r=`...), min(left, maxItem), 10)
	if reset != never {
		l.state = strconv.AppendInt(append(l.state, `;t=`...), reset, 10)
	}
}
