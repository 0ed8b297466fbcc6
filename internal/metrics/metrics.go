// Package metrics exports the server's metrics to Prometheus.
//
// Invariants: labels have few values, which are known beforehand, and none is a project, an identity or text of a
// request. Counting a request allocates nothing and hashes no labels: counters are found by position.
package metrics

import (
	"net/http"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/guard"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
)

// The values of labels. An unknown value counts as the last one.
var (
	outcomes = []string{
		"answered", "provider_error", "provider_limited", "provider_refused", "provider_broke_off", "client_gone", "preflight",
		"invalid_request", "missing_identity", "invalid_identity", "unknown_model", "unknown_tier", "unknown_system_prompt",
		"key_provider_mismatch", "unpriced_model", "unbounded_cost", "unsupported_parameter",
		"missing_project_key", "invalid_project_key", "missing_provider_key", "secret_key_in_app", "identity_unverified",
		"identity_disabled", "model_not_allowed", "origin_not_allowed", "security_blocked", "unsupported_endpoint", "request_too_large",
		"limit_exceeded", "burst_exceeded", "concurrency_exceeded",
		"provider_unreachable", "provider_auth_failed", "unavailable", "provider_timeout", "internal_error", "other",
	}
	providers = builtIn()
	families  = append([]string{""}, provider.Families...)
	refusals  = []string{"requests", "tokens", "costUsd", "burst", "concurrency", "other"}
)

// failures are the outcomes that alerts use. A separate metric without the family counts them, so that every series can
// exist from the start with 0: Prometheus sees no increase in a series that begins with its first failure.
var failures = []string{"unavailable", "internal_error", "provider_error", "provider_limited", "provider_broke_off",
	"provider_unreachable", "provider_timeout", "provider_auth_failed"}

// builtIn are the names of the built-in providers, after "" for requests that reached no provider.
func builtIn() []string {
	names := []string{""}
	for _, v := range project.Vendors() {
		names = append(names, v.Name)
	}
	return append(names, project.Echo, "custom", "other")
}

// Outcomes are the values of the label outcome.
func Outcomes() []string { return slices.Clone(outcomes) }

// Time buckets are in seconds. The gateway normally adds less than a millisecond; a provider takes from a tenth of a
// second to minutes.
var (
	addedBuckets     = []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	firstByteBuckets = []float64{.05, .1, .25, .5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600}
	commitBuckets    = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 5}
	sizeBuckets      = []float64{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024}
)

// Metrics are one server's. Create them with New.
type Metrics struct {
	registry *prometheus.Registry

	requests  *prometheus.CounterVec
	children  []atomic.Pointer[prometheus.Counter] // of requests, by outcome, provider and family; created when first needed
	failed    [][]prometheus.Counter               // by outcome and provider; nil if the outcome is no failure
	refused   []prometheus.Counter                 // by kind
	unchecked prometheus.Counter
	tokens    [2][]prometheus.Counter // input and output, by provider
	cost      []prometheus.Counter    // by provider
	added     prometheus.Histogram
	first     []prometheus.Observer   // by provider
	alarms    [2][]prometheus.Counter // reported and blocked, by category

	batch, commit prometheus.Histogram
}

// New returns the metrics of a server; version is exported with them.
func New(version string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(),
		children: make([]atomic.Pointer[prometheus.Counter], len(outcomes)*len(providers)*len(families))}
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_requests_total",
		Help: "Data plane requests that have ended, by outcome (answered; an error code of the gateway; provider_error, provider_limited and provider_refused for the provider's 5xx, 429 and other errors; provider_broke_off; client_gone; preflight), provider (custom for a project's own) and model family."},
		[]string{"outcome", "provider", "family"})
	failed := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_failures_total",
		Help: "Failures of the gateway and of providers, by outcome and provider; also counted in airatelimit_requests_total. Every series exists from the start."},
		[]string{"outcome", "provider"})
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_refusals_total",
		Help: "Requests refused with 429, by kind of limit."}, []string{"kind"})
	m.unchecked = prometheus.NewCounter(prometheus.CounterOpts{Name: "airatelimit_unchecked_total",
		Help: "Requests forwarded while limits were unavailable, because their project has failOpen."})
	tokens := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_tokens_total",
		Help: "Tokens charged, by direction (input, output) and provider."}, []string{"direction", "provider"})
	cost := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_cost_usd_total",
		Help: "Cost charged in US dollars, by provider."}, []string{"provider"})
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "airatelimit_security_events_total",
		Help: "What the guard found, by category and by whether the request was refused."}, []string{"category", "blocked"})
	first := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "airatelimit_upstream_first_byte_seconds",
		Help: "Time from sending a request to the provider until the header of its answer, by provider.", Buckets: firstByteBuckets}, []string{"provider"})
	m.added = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airatelimit_added_seconds",
		Help:    "Time that the gateway adds to an answered request: from the request's header until it is sent to the provider, without the wait for the client's body, plus from the last byte of the provider's answer until the answer to the client is complete and settled.",
		Buckets: addedBuckets})
	m.batch = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airatelimit_ledger_batch_size",
		Help: "Entries in one transaction of the ledger: accounts and other records with SQLite, decisions and ends of requests with PostgreSQL.", Buckets: sizeBuckets})
	m.commit = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "airatelimit_ledger_commit_seconds",
		Help: "Time of a transaction of the ledger, from its beginning to the end of its commit.", Buckets: commitBuckets})
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "airatelimit_build_info",
		Help: "Always 1; the labels are the versions of AI Ratelimit and Go."}, []string{"version", "go"})
	info.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(m.requests, failed, refused, m.unchecked, tokens, cost, alarms, first, m.added, m.batch, m.commit, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	for i, outcome := range outcomes {
		var by []prometheus.Counter
		for p, name := range providers {
			if slices.Contains(failures, outcome) {
				by = append(by, failed.WithLabelValues(outcome, name))
			}
			if by != nil || outcome == "answered" {
				m.child(i, p, 0)
			}
		}
		m.failed = append(m.failed, by)
	}
	for _, category := range guard.Categories {
		for i, blocked := range []string{"false", "true"} {
			m.alarms[i] = append(m.alarms[i], alarms.WithLabelValues(string(category), blocked))
		}
	}
	for _, kind := range refusals {
		m.refused = append(m.refused, refused.WithLabelValues(kind))
	}
	for _, name := range providers {
		m.cost = append(m.cost, cost.WithLabelValues(name))
		m.first = append(m.first, first.WithLabelValues(name))
		for i, direction := range []string{"input", "output"} {
			m.tokens[i] = append(m.tokens[i], tokens.WithLabelValues(direction, name))
		}
	}
	return m
}

// position returns the index of a value, or the last index. The lists are short and begin with frequent values, so this
// is as fast as hashing.
func position(values []string, v string) int {
	if i := slices.Index(values, v); i >= 0 {
		return i
	}
	return len(values) - 1
}

// outcomeOf splits provider_error by the provider's status, because the causes differ.
func outcomeOf(s *gateway.Seen) string {
	switch {
	case s.Outcome != "provider_error" || s.Status >= http.StatusInternalServerError:
		return s.Outcome
	case s.Status == http.StatusTooManyRequests:
		return "provider_limited"
	}
	return "provider_refused"
}

// Request counts a request that has ended.
func (m *Metrics) Request(s gateway.Seen) {
	outcome, by, family := position(outcomes, outcomeOf(&s)), position(providers, s.Provider), position(families, s.Family)
	m.child(outcome, by, family).Inc()
	if failed := m.failed[outcome]; failed != nil {
		failed[by].Inc()
	}
	if s.Refused != "" {
		m.refused[position(refusals, s.Refused)].Inc()
	}
	if s.Unchecked {
		m.unchecked.Inc()
	}
	if s.Charged.Amounts[limit.Requests] > 0 {
		m.tokens[0][by].Add(float64(max(0, s.Charged.InputTokens)))
		m.tokens[1][by].Add(float64(max(0, s.Charged.OutputTokens)))
		m.cost[by].Add(float64(max(0, s.Charged.Amounts[limit.Cost])) / 1e6)
	}
	for _, a := range s.Alarms {
		at := 0
		if a.Blocked {
			at = 1
		}
		if category := slices.Index(guard.Categories, guard.Category(a.Category)); category >= 0 {
			m.alarms[at][category].Inc()
		}
	}
	if added, ok := s.Times.Added(); ok {
		m.added.Observe(max(0, added.Seconds()))
	}
	if s.Times.Answered > 0 {
		m.first[by].Observe((s.Times.Answered - s.Times.Sent).Seconds())
	}
}

// child returns the counter of requests at a position. It is created when first needed, because most never are.
func (m *Metrics) child(outcome, by, family int) prometheus.Counter {
	at := &m.children[(outcome*len(providers)+by)*len(families)+family]
	if c := at.Load(); c != nil {
		return *c
	}
	c := m.requests.WithLabelValues(outcomes[outcome], providers[by], families[family])
	at.Store(&c)
	return c
}

// Ledger returns the observer that a ledger reports its batches to.
func (m *Metrics) Ledger() ledger.Observer {
	return ledger.Observer{Batch: func(size int, took time.Duration) {
		m.batch.Observe(float64(size))
		m.commit.Observe(took.Seconds())
	}}
}

// State is read at each scrape. No function may block.
type State struct {
	Running        func() int64 // running requests
	Holding        func() int64 // holds of this process
	Unreadable     func() int   // projects that this process cannot read
	RefreshFailure func() int64 // failed refreshes of the projects since the start
}

// WatchReady exports whether the server is ready, also while it starts. It is called once.
func (m *Metrics) WatchReady(ready func() bool) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "airatelimit_ready",
		Help: "1 while /readyz reports ready, else 0."}, func() float64 {
		if ready() {
			return 1
		}
		return 0
	}))
}

// Watch exports the state of a serving server. It is called once.
func (m *Metrics) Watch(s State) {
	gauge := func(name, help string, value func() float64) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	gauge("airatelimit_running_requests", "Data plane requests that run now.", func() float64 { return float64(s.Running()) })
	gauge("airatelimit_held_reservations", "Holds of this process's requests.", func() float64 { return float64(s.Holding()) })
	gauge("airatelimit_unreadable_projects", "Projects that this process cannot read, wholly or in part.", func() float64 { return float64(s.Unreadable()) })
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "airatelimit_project_refresh_failures_total",
		Help: "Failed refreshes of the projects; meanwhile the last known state is used."}, func() float64 { return float64(s.RefreshFailure()) }))
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
