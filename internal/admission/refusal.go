package admission

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// LongestWait is the longest Retry-After of a refusal, because some clients sleep for any time that Retry-After says.
const LongestWait = time.Minute

// Refusal makes the answer to a decision that refuses a request for the model. It writes no header: the request may still be
// admitted.
func (s Subject) Refusal(d *limit.Decision, model string, now time.Time) *wire.Error {
	r := refused{s, d, model, now}
	e := &wire.Error{Status: http.StatusTooManyRequests}
	response := s.LimitResponse()
	switch d.Refusal {
	case limit.OverLimit:
		st := &d.Standings[d.Metric]
		e.Status = s.Project.RefusalStatus
		e.Code, e.Limit, e.Message = "limit_exceeded", r.detail(st), r.overLimit(st)
		if !st.ResetsAt.IsZero() {
			e.RetryAfter = untilReset(st.ResetsAt, now)
		}
		e.NoRetry = true
	case limit.OverBurst:
		e.Code, e.RetryAfter = "burst_exceeded", d.RetryIn
		e.Message = fmt.Sprintf("More than %s a minute. Try again in %s s.", count(d.Burst.Max, "request"), seconds(d.RetryIn))
		if d.Lasting {
			e.Message = "No requests are allowed: the limit of requests a minute is 0. Waiting does not change that."
		}
	case limit.OverConcurrency:
		e.Code, e.RetryAfter = "concurrency_exceeded", time.Second
		e.Message = fmt.Sprintf("More than %s at once. Try again when one has ended.", count(d.Concurrent, "request"))
		if d.Lasting {
			e.Message = "No requests are allowed: the limit of requests at once is 0. Waiting does not change that."
		}
	}
	if d.Lasting || e.RetryAfter > LongestWait {
		e.RetryAfter, e.NoRetry = 0, true
	}
	if d.Refusal != limit.OverLimit {
		if e.RetryAfter > 0 {
			e.RetryMs = retryMs(d)
		}
		// The developer's message is about limits of a period. The two other refusals end by themselves.
		delete(response, "message")
	}
	if len(response) > 0 {
		respond(e, response, r.vars(e.Limit))
	}
	return e
}

// refused is a request that the decision refuses.
type refused struct {
	Subject
	d     *limit.Decision
	model string
	now   time.Time
}

// retryMs is the wait in milliseconds until another try makes sense. Half a second is a guess, because the end of a
// running request is unknown.
func retryMs(d *limit.Decision) int64 {
	if d.Refusal == limit.OverConcurrency {
		return 500
	}
	return max(1, (d.RetryIn + time.Millisecond - 1).Milliseconds())
}

// overLimit is the message that names the limit that refused, and the remedy.
func (r *refused) overLimit(st *limit.Standing) string {
	d, model := r.d, r.model
	name, period := describe(st, r.Project.Period), st.ResetsAt.Format(time.RFC3339)
	switch {
	case d.Lasting && st.Max == 0 && st.Scope == limit.ScopeModel:
		return fmt.Sprintf("%s is not available here: its limit of %s is 0. Waiting does not change that. Use another model.", model, plural(st.Metric))
	case d.Lasting && st.Max == 0 && st.Remaining() > 0:
		return fmt.Sprintf("The request may need more than the credits that are left (%s). Waiting does not change that. Send a shorter request, or a lower output cap.", amount(st.Metric, st.Remaining()))
	case d.Lasting && st.Max == 0:
		return fmt.Sprintf("Nothing is free here: the limit of %s is 0, and no credits are left. Waiting does not change that.", plural(st.Metric))
	case d.Lasting:
		return fmt.Sprintf("The request may need more than the whole limit of %s. Waiting does not change that. Send a shorter request, or a lower output cap.", name)
	case st.Max == 0:
		return fmt.Sprintf("Running requests hold the credits for %s. Try again when one has ended.", plural(st.Metric))
	case st.Remaining() > 0: // a strict limit, of which too little is left
		return fmt.Sprintf("The request may need more than is left of the limit of %s (%s). Send a shorter one, or wait for the reset at %s.", name, amount(st.Metric, st.Remaining()), period)
	}
	return fmt.Sprintf("The limit of %s is used up (%s of %s). It resets at %s.", name,
		amount(st.Metric, st.Used), amount(st.Metric, st.Max), period)
}

// vars are the variables that a limit response can use. over is the limit that refused, nil for a burst or
// concurrency limit. A variable without a value is "".
func (r *refused) vars(over *wire.LimitDetail) map[string]string {
	d := r.d
	vars := map[string]string{"identity": r.Identity, "model": r.model, "tier": r.TierName(),
		"period": r.Project.Period.String(), "resetsAt": ""}
	switch {
	case over != nil:
		maps.Copy(vars, map[string]string{
			"usage": over.Used.String(), "limit": over.Limit.String(), "remaining": over.Remaining.String(), "limitType": over.Metric})
		if !over.ResetsAt.IsZero() {
			vars["resetsAt"] = over.ResetsAt.Format(time.RFC3339)
		}
	case d.Refusal == limit.OverBurst:
		maps.Copy(vars, map[string]string{"usage": itoa(d.Burst.Max), "limit": itoa(d.Burst.Max), "remaining": "0",
			"limitType": limit.Requests.String(), "period": "minute"})
		if !d.Lasting {
			vars["resetsAt"] = r.now.Add(d.RetryIn).UTC().Format(time.RFC3339)
		}
	default: // too many requests at once, until one of them ends
		maps.Copy(vars, map[string]string{"usage": itoa(d.Concurrent), "limit": itoa(d.Concurrent), "remaining": "0",
			"limitType": limit.Requests.String()})
		if !d.Lasting {
			vars["resetsAt"] = r.now.UTC().Format(time.RFC3339)
		}
	}
	return vars
}

// LimitResponse is the developer's answer to a refusal. Each field is the identity's, else the tier's, else the project's.
func (s Subject) LimitResponse() map[string]any {
	var own, tier map[string]any
	if s.Settings != nil {
		own = s.Settings.LimitResponse
	}
	if s.Tier != nil {
		tier = s.Tier.LimitResponse
	}
	return project.MergeLimitResponse(own, tier, s.Project.LimitResponse)
}

// respond puts a limit response into an error, its message and its other fields.
func respond(e *wire.Error, response map[string]any, vars map[string]string) {
	filled, _ := project.Fill(response, vars).(map[string]any)
	if message, ok := filled["message"].(string); ok && message != "" {
		e.Message = message
	}
	delete(filled, "message")
	e.Fields = filled
}

// detail describes the limit that refused.
func (r *refused) detail(st *limit.Standing) *wire.LimitDetail {
	d := &wire.LimitDetail{
		Metric: st.Metric.String(), Scope: st.Scope.String(), Period: r.Project.Period.String(), ResetsAt: st.ResetsAt,
		Limit: ledger.Figure(st.Metric, st.Max), Used: ledger.Figure(st.Metric, st.Used), Remaining: ledger.Figure(st.Metric, st.Remaining()),
	}
	if st.Scope == limit.ScopeModel {
		d.Model = &st.Model
	}
	if r.Tier != nil {
		d.Tier = &r.Tier.Name
	}
	return d
}

// describe names a limit in a sentence: "5 requests daily for gpt-4o".
func describe(st *limit.Standing, p limit.Period) string {
	what := amount(st.Metric, st.Max)
	if st.Metric != limit.Cost {
		what = count(st.Max, strings.TrimSuffix(st.Metric.String(), "s"))
	}
	text := what + " " + p.String()
	switch {
	case st.Scope != limit.ScopeModel:
		return text
	case st.Model == limit.Others:
		return text + " for models without a limit of their own"
	}
	return text + " for " + st.Model
}

// count is a number of things in a sentence: "1 request", "5 requests".
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return itoa(n) + " " + thing + "s"
}

// amount is a figure in a sentence: "5", "$0.1".
func amount(m limit.Metric, n int64) string {
	if m == limit.Cost {
		return "$" + ledger.Figure(m, n).String()
	}
	return itoa(n)
}

// plural names a metric in a sentence.
func plural(m limit.Metric) string {
	if m == limit.Cost {
		return "cost"
	}
	return m.String()
}

func untilReset(at, now time.Time) time.Duration { return max(time.Second, at.Sub(now)) }

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func seconds(d time.Duration) string { return itoa(wholeSeconds(d)) }

func wholeSeconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }
