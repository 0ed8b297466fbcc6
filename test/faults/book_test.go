package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/test/await"
	"github.com/airatelimit/airatelimit/test/node"
)

// book is what clients and the provider know of every request.
type book struct {
	t  *testing.T
	mu sync.Mutex

	requests map[string]*asked // by id
	ends     map[outcome]int
	changed  chan struct{} // closed, and replaced, at every end and every arrival
	arrived  int
	moments  int // counts what happens, so that it can be said what came first

	gate chan struct{} // opened for the held ones

	unchecked atomic.Int64 // answers that are marked so
}

// asked is a request.
type asked struct {
	identity, tier, kind string
	through              *node.Process
	size                 int64 // of its body
	served               int   // how often it reached the provider
	kept                 bool  // the provider waits with it, or with the rest of it, for the gate
	end                  outcome
	told                 price.Usage // by the answer; nothing where it tells nothing

	began, first, ended int // the moments of it, of its answer's first byte, and of its end
}

// outcome is how a request ended for its client.
type outcome string

const (
	running     outcome = "running"
	answered    outcome = "answered"    // the first byte of an answer that counts has come
	refused     outcome = "refused"     // by us, 429
	unavailable outcome = "unavailable" // by us, 503, and nothing was counted
	failed      outcome = "failed"      // by the provider, which costs nothing
	withheld    outcome = "withheld"    // by us: what was answered could not be counted, and was not
	costly      outcome = "costly"      // by us, and the answer says that it counts
	lost        outcome = "lost"        // no answer came
)

// The kinds of requests. The provider finds the kind in the message.
const (
	whole     = "whole"
	streaming = "streaming"
	slow      = "slow"    // answered after some milliseconds
	failing   = "failing" // the provider answers 500
	leaving   = "leaving" // a stream of which the client reads the beginning
	held      = "held"    // answered when the gate is opened
	midway    = "midway"  // a stream that pauses after its first event until the gate is opened
)

func newBook(t *testing.T) *book {
	return &book{t: t, requests: map[string]*asked{}, ends: map[outcome]int{}, changed: make(chan struct{}), gate: make(chan struct{})}
}

// open lets the held requests go on.
func (b *book) open() { close(b.gate) }

// wake tells those who wait that something has happened. The caller has the mutex.
func (b *book) wake() {
	close(b.changed)
	b.changed = make(chan struct{})
}

// await returns when a condition holds, which is looked at whenever something happens to a request.
func (b *book) await(what string, holds func() bool) {
	b.t.Helper()
	timeout := time.After(node.Patience)
	for {
		b.mu.Lock()
		done, changed := holds(), b.changed
		b.mu.Unlock()
		if done {
			return
		}
		select {
		case <-changed:
		case <-timeout:
			b.t.Fatalf("not within %s: %s; %v", node.Patience, what, b.ends)
		}
	}
}

// more returns when so many more requests have ended like that.
func (b *book) more(n int, end outcome) {
	b.t.Helper()
	b.mu.Lock()
	enough := b.ends[end] + n
	b.mu.Unlock()
	b.await(fmt.Sprintf("%d more requests %s", n, end), func() bool { return b.ends[end] >= enough })
}

// awaitArrived returns when so many requests have reached the provider.
func (b *book) awaitArrived(n int) {
	b.t.Helper()
	b.await(fmt.Sprintf("%d requests at the provider", n), func() bool { return b.arrived >= n })
}

// moment returns a moment that is later than every one before. The caller has the mutex.
func (b *book) moment() int {
	b.moments++
	return b.moments
}

// begin notes a request and returns its id, and its body, which has the id and the kind in it.
func (b *book) begin(p *node.Process, identity, tier, kind string) (id, body string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id = fmt.Sprintf("r%d", len(b.requests))
	body = bodyOf(id, kind)
	b.requests[id] = &asked{identity: identity, tier: tier, kind: kind, through: p, size: int64(len(body)), end: running, began: b.moment()}
	return id, body
}

// note is how a request has ended.
func (b *book) note(id string, end outcome, told price.Usage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.requests[id]
	if r.end != running && end == lost {
		return // within an answer, which counts
	}
	r.ended = b.moment()
	if r.end == running {
		b.ends[end]++
		r.first = r.ended
	}
	r.end, r.told = end, told
	b.wake()
}

// arrive notes that a request has reached the provider: never twice.
func (b *book) arrive(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.requests[id]
	if r == nil {
		b.t.Errorf("the provider got a request %q that nobody has sent", id)
		return
	}
	if r.served++; r.served > 1 {
		b.t.Errorf("%s of %s reached the provider %d times", id, r.identity, r.served)
	}
	b.arrived++
	b.wake()
}

// serveProvider serves an echo provider that keeps the book.
func (b *book) serveProvider() (url string) {
	hold := func(r *http.Request) {
		b.keep(r.Header.Get(idHeader), true)
		select {
		case <-b.gate:
			b.keep(r.Header.Get(idHeader), false)
		case <-r.Context().Done():
		}
	}
	provider := echo.New(echo.Options{Between: func(r *http.Request) {
		if r.Header.Get(kindHeader) == midway {
			hold(r)
		}
	}})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // broken off by a kill
		}
		var chat struct{ Messages []struct{ Content string } }
		if err := json.Unmarshal(body, &chat); err != nil || len(chat.Messages) != 1 {
			b.t.Errorf("the provider got %q", body)
			return
		}
		words := strings.Fields(chat.Messages[0].Content)
		b.arrive(words[0])
		r.Header.Set(idHeader, words[0])
		r.Header.Set(kindHeader, words[1])
		switch words[1] {
		case slow:
			late := time.NewTimer(time.Duration(len(words[0])) * 4 * time.Millisecond)
			defer late.Stop()
			select {
			case <-late.C:
			case <-r.Context().Done():
			}
		case held:
			hold(r)
		case failing:
			r.Header.Set(echo.FaultHeader, echo.ServerError.String())
		case leaving:
			r.Header.Set(echo.FaultHeader, echo.HangMidway.String())
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		provider.ServeHTTP(w, r)
	}))
	b.t.Cleanup(srv.Close)
	b.t.Cleanup(provider.Close)
	return srv.URL
}

// These are only within the provider.
const (
	idHeader   = "X-Id"
	kindHeader = "X-Kind"
)

// keep notes that the provider waits with a request for the gate, or waits no more.
func (b *book) keep(id string, kept bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.requests[id]; r != nil {
		r.kept = kept
	}
}

// The facts of every request.
const (
	model     = "gpt-4o"
	outputCap = 12
	controls  = `"model":"gpt-4o"` + `"max_tokens":12` + `"stream":` // which no model reads
	said      = "one two three"

	wordsIn, wordsOut = 5, 6 // the id, the kind and what is said; the answer has a prefix
)

func streams(kind string) bool { return kind == streaming || kind == leaving || kind == midway }

func bodyOf(id, kind string) string {
	return fmt.Sprintf(`{"model":"%s","max_tokens":%d,"stream":%t,%s"messages":[{"role":"user","content":"%s %s %s"}]}`,
		model, outputCap, streams(kind), map[bool]string{true: `"stream_options":{"include_usage":true},`}[streams(kind)], id, kind, said)
}

// ask makes a request and notes what becomes of it.
func (f *fleet) ask(p *node.Process, identity, tier, kind string) outcome {
	id, body := f.begin(p, identity, tier, kind)
	nothing := price.Usage{}
	ctx, cancel := context.WithTimeout(context.Background(), node.Patience)
	defer cancel()
	resp, err := f.client.Do(f.request(ctx, p, http.MethodPost, "/v1/chat/completions", identity, body, "x-tier", tier))
	if err != nil {
		f.note(id, lost, nothing)
		return lost
	}
	defer resp.Body.Close() //nolint:errcheck // its connection may be gone
	end := answered
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(resp.Body)
		end = f.errorOf(resp, string(text), kind)
		if err != nil {
			end = lost
		}
		f.note(id, end, nothing)
		return end
	}
	f.note(id, answered, nothing)
	if resp.Header.Get("X-Ratelimit-Unchecked") == "true" {
		f.unchecked.Add(1)
	}
	if kind == leaving {
		_, _ = resp.Body.Read(make([]byte, 64))
		return answered
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return answered // and broken off
	}
	told := figures(text)
	if told == nothing {
		f.t.Errorf("%s of %s: an answer without figures: %q", id, identity, text)
	}
	f.note(id, answered, told)
	return answered
}

// errorOf says what an error means, and that it is one which may come.
func (f *fleet) errorOf(resp *http.Response, text, kind string) outcome {
	ours := strings.HasPrefix(resp.Header.Get("X-Request-Id"), "req_")
	switch {
	case resp.StatusCode == http.StatusTooManyRequests && ours:
		return refused
	case resp.StatusCode == http.StatusInternalServerError && kind == failing:
		return failed
	case strings.Contains(text, "The request counts"):
		return costly
	case strings.Contains(text, "withheld. Nothing was counted."):
		return withheld
	case resp.StatusCode == http.StatusServiceUnavailable && strings.Contains(text, `"unavailable"`):
		if resp.Header.Get("Retry-After") == "" {
			f.t.Errorf("503 without Retry-After: %s", text)
		}
		return unavailable
	}
	f.t.Errorf("status %d for a %s request: %s", resp.StatusCode, kind, text)
	return lost
}

// figures finds the tokens that an answer or the last event of a stream tells.
func figures(text []byte) price.Usage {
	var told struct {
		Usage struct {
			Prompt     int64 `json:"prompt_tokens"`
			Completion int64 `json:"completion_tokens"`
		}
	}
	_ = json.Unmarshal(text, &told) // nothing of a stream
	for line := range bytes.Lines(text) {
		line, _ = bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if bytes.Contains(line, []byte(`"total_tokens"`)) && json.Unmarshal(line, &told) == nil {
			break
		}
	}
	return price.Usage{Input: told.Usage.Prompt, Output: told.Usage.Completion}
}

// tally is what clients were told, of an identity.
type tally struct {
	tier                      string
	refused, answered, costly int64
	whole                     bool // every answer has come to its end
}

func (b *book) tallies() map[string]*tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]*tally{}
	for _, r := range b.requests {
		y := all[r.identity]
		if y == nil {
			y = &tally{tier: r.tier, whole: true}
			all[r.identity] = y
		}
		switch r.end {
		case refused:
			y.refused++
		case answered:
			y.answered++
			y.whole = y.whole && r.told != price.Usage{}
		case costly:
			y.costly++
			y.whole = false
		case running, lost:
			y.whole = false
		}
	}
	return all
}

// limits are those of the tiers that the fleets' projects have.
var limits = map[string]kept{"requests": {requests: 40}, "tokens": {tokens: 900}}

// tiers are the settings with these limits. Enforcement is strict, so that none may ever be exceeded, the hold of a
// request that died included.
const tiers = `"limitPeriod": "monthly", "enforcement": "strict", "tiers": {
	"requests": {"requestLimit": 40}, "tokens": {"tokenLimit": 900}, "open": {}}`

// reconcile waits until the system has come to rest and does the accounts.
func (f *fleet) reconcile() {
	f.t.Helper()
	f.awaitReady()
	f.rest()
	all := f.agree()
	book := f.tallies()
	for identity, k := range all {
		if y := book[identity]; y != nil {
			f.within(identity, y.tier, k)
		}
	}
	f.compareNodes(book, all)
}

// agree checks that what is counted is what the provider served and what clients were told, with nothing running. It
// returns what is counted.
func (f *fleet) agree() map[string]*kept {
	f.t.Helper()
	all := f.db.read(f.keys.Project)
	f.db.consistent()
	due := f.due()
	for _, identity := range slices.Sorted(maps.Keys(due)) {
		if all[identity] == nil {
			all[identity] = new(kept)
		}
		if wrong := due[identity].disagrees(all[identity]); wrong != "" {
			f.t.Errorf("%s: %s", identity, wrong)
		}
	}
	for identity := range all {
		if due[identity] == nil {
			f.t.Errorf("%s is counted and nobody has asked for it", identity)
		}
	}
	return all
}

// within checks that no limit is exceeded.
func (f *fleet) within(identity, tier string, k *kept) {
	f.t.Helper()
	limit := f.limits[tier]
	if k.requests > limit.requests && limit.requests > 0 || k.tokens > limit.tokens && limit.tokens > 0 {
		f.t.Errorf("%s: %+v is counted, more than the limit of the tier %s, %+v", identity, *k, tier, limit)
	}
}

// rest returns when nothing is held, and the database has all that a node knows: a SQLite file gets it a moment later.
func (f *fleet) rest() {
	f.t.Helper()
	await.Within(f.t, node.Patience, "nothing is held", func() bool { return f.db.holds() == 0 })
	if f.db.cluster != nil {
		return
	}
	await.Within(f.t, node.Patience, "the file has what the node knows", func() bool {
		all := f.db.read(f.keys.Project)
		for identity, used := range f.list(f.nodes[0]) {
			var k kept
			if all[identity] != nil {
				k = *all[identity]
			}
			if used.Requests != k.requests || used.Tokens != k.tokens {
				return false
			}
		}
		return f.db.holds() == 0
	})
}

// list asks a node what every identity has used.
func (f *fleet) list(p *node.Process) map[string]totals {
	f.t.Helper()
	all := map[string]totals{}
	for total := 1; len(all) < total; {
		a := f.control(p, http.MethodGet, fmt.Sprintf("?limit=200&offset=%d", len(all)), "")
		var page struct {
			Items []struct {
				Identity string
				Usage    totals
			}
			Total int
		}
		if err := json.Unmarshal([]byte(a.body), &page); err != nil || a.status != http.StatusOK {
			f.t.Fatalf("list identities: %d %v %s", a.status, a.err, a.body)
		}
		total = page.Total
		for _, item := range page.Items {
			all[item.Identity] = item.Usage
		}
	}
	return all
}

// compareNodes asks the nodes about some identities that the database has.
func (f *fleet) compareNodes(book map[string]*tally, all map[string]*kept) {
	f.t.Helper()
	asked := 0
	for identity, k := range all {
		if asked++; asked > 6 {
			return
		}
		for i, p := range f.nodes {
			u := f.usageOf(p, identity, book[identity].tier)
			if u.Usage.Requests != k.requests || u.Usage.Tokens != k.tokens {
				f.t.Errorf("usage of %s: node %d says %+v, the database %+v", identity, i, u.Usage, *k)
			}
			for _, l := range u.Limits {
				if most, used, left := integer(f.t, l.Limit), integer(f.t, l.Used), integer(f.t, l.Remaining); most-used != left {
					f.t.Errorf("usage of %s: node %d says %d of %d %s used and %d left with nothing running", identity, i, used, most, l.Metric, left)
				}
			}
		}
	}
}

func integer(t *testing.T, n json.Number) int64 {
	t.Helper()
	i, err := n.Int64()
	if err != nil {
		t.Fatal(err)
	}
	return i
}
