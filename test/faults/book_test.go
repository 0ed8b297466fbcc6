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

	gate chan struct{} // opened for the held ones

	unchecked atomic.Int64 // answers that are marked so
}

// asked is a request.
type asked struct {
	identity, tier, kind string
	served               int // how often it reached the provider
	end                  outcome
	tokens               int64 // as the answer tells them; 0 where it does not
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

// begin notes a request and returns its id.
func (b *book) begin(identity, tier, kind string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := fmt.Sprintf("r%d", len(b.requests))
	b.requests[id] = &asked{identity: identity, tier: tier, kind: kind, end: running}
	return id
}

// note is how a request has ended. Who was refused must not have been served.
func (b *book) note(id string, end outcome, tokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.requests[id]
	if r.end != running && end == lost {
		return // within an answer, which counts
	}
	if r.end == running {
		b.ends[end]++
	}
	r.end, r.tokens = end, tokens
	if (end == refused || end == unavailable) && r.served > 0 {
		b.t.Errorf("%s of %s was served and is %s", id, r.identity, end)
	}
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
		select {
		case <-b.gate:
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

// kindHeader is only within the provider.
const kindHeader = "X-Kind"

// ask makes a request and notes what becomes of it.
func (f *fleet) ask(p *node.Process, identity, tier, kind string) outcome {
	id := f.begin(identity, tier, kind)
	streams := kind == streaming || kind == leaving || kind == midway
	body := fmt.Sprintf(`{"model":"gpt-4o","max_tokens":12,"stream":%t,%s"messages":[{"role":"user","content":"%s %s one two three"}]}`,
		streams, map[bool]string{true: `"stream_options":{"include_usage":true},`}[streams], id, kind)
	ctx, cancel := context.WithTimeout(context.Background(), node.Patience)
	defer cancel()
	resp, err := f.client.Do(f.request(ctx, p, http.MethodPost, "/v1/chat/completions", identity, body, "x-tier", tier))
	if err != nil {
		f.note(id, lost, 0)
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
		f.note(id, end, 0)
		return end
	}
	f.note(id, answered, 0)
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
	tokens := figure(text)
	if tokens == 0 {
		f.t.Errorf("%s of %s: an answer without figures: %q", id, identity, text)
	}
	f.note(id, answered, tokens)
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

// figure finds the tokens that an answer or the last event of a stream tells.
func figure(text []byte) int64 {
	var told struct {
		Usage struct {
			Total int64 `json:"total_tokens"`
		}
	}
	for line := range bytes.Lines(text) {
		line, _ = bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		if bytes.Contains(line, []byte(`"total_tokens"`)) && json.Unmarshal(line, &told) == nil {
			return told.Usage.Total
		}
	}
	_ = json.Unmarshal(text, &told) // 0 where there is nothing
	return told.Usage.Total
}

// tally is what the book says of an identity.
type tally struct {
	tier                      string
	refused, answered, costly int64
	unavailable               int64
	may                       int64 // that may count where a node has died
	tokens                    int64
	exactTokens               bool // every request that counts has told its tokens
}

func (b *book) tallies() map[string]*tally {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := map[string]*tally{}
	for _, r := range b.requests {
		y := all[r.identity]
		if y == nil {
			y = &tally{tier: r.tier, exactTokens: true}
			all[r.identity] = y
		}
		switch r.end {
		case refused:
			y.refused++
		case answered:
			y.answered++
			y.tokens += r.tokens
			y.exactTokens = y.exactTokens && r.tokens > 0
		case unavailable:
			y.unavailable++
		case costly:
			y.costly++
			y.exactTokens = false
		case running, lost:
			y.exactTokens = false
		}
		if r.end != refused {
			y.may++
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

// accounts is how exactly what is counted must be what was answered.
type accounts int

const (
	// No node has died: to the token.
	exact accounts = iota
	// Some have been taken for dead while they were paused or cut off. What they had running is settled at its hold, and
	// that stands: for a request that was answered, and for one that was refused because nobody knew whether it had been
	// admitted.
	paused
	// Some have died: of what they had begun and not answered some may be counted as well, at its hold.
	died
)

// reconcile waits until the system has come to rest and does the accounts. What has happened to an identity once stays
// with it.
func (f *fleet) reconcile(how accounts) {
	f.t.Helper()
	f.awaitReady()
	f.rest()
	all := f.db.read(f.keys.Project)
	f.db.consistent()
	book := f.tallies()
	for _, identity := range slices.Sorted(maps.Keys(book)) {
		k := all[identity]
		if k == nil {
			k = new(kept)
		}
		f.disturbed[identity] = max(f.disturbed[identity], how)
		f.compare(identity, book[identity], k, f.disturbed[identity])
	}
	for identity := range all {
		if book[identity] == nil {
			f.t.Errorf("%s is counted and nobody has asked for it", identity)
		}
	}
	f.compareNodes(book, all)
}

// rest returns when nothing is held, and the database has all that a node knows: a SQLite file gets it a moment later.
func (f *fleet) rest() {
	f.t.Helper()
	node.Await(f.t, node.Patience, "nothing is held", func() bool { return f.db.holds() == 0 })
	if f.db.cluster != nil {
		return
	}
	node.Await(f.t, node.Patience, "the file has what the node knows", func() bool {
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

func (f *fleet) compare(identity string, y *tally, k *kept, how accounts) {
	f.t.Helper()
	counts := y.answered
	if how < died {
		counts += y.costly
	}
	switch {
	case k.requests < counts:
		f.t.Errorf("%s: %d requests were answered and only %d are counted", identity, counts, k.requests)
	case how == exact && k.requests != counts, how == paused && k.requests > counts+y.unavailable:
		f.t.Errorf("%s: %d requests were answered and %d are counted", identity, counts, k.requests)
	case k.requests > y.may:
		f.t.Errorf("%s: %d requests are counted and %d may have been carried out", identity, k.requests, y.may)
	}
	if k.tokens < y.tokens || how == exact && y.exactTokens && k.tokens != y.tokens {
		f.t.Errorf("%s: %d tokens were answered and %d are counted", identity, y.tokens, k.tokens)
	}
	most := f.limits[y.tier]
	if k.requests > most.requests && most.requests > 0 || k.tokens > most.tokens && most.tokens > 0 {
		f.t.Errorf("%s: %+v is counted, more than the limit of the tier %s, %+v", identity, *k, y.tier, most)
	}
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
