package process

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/test/node"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// tiers are three ways to be limited, small enough that a round reaches them. Enforcement is strict, so
// that none may ever be exceeded, the hold of a request that was killed included.
const tiers = `"limitPeriod": "monthly", "enforcement": "strict", "tiers": {
	"requests": {"requestLimit": 6}, "tokens": {"tokenLimit": 900}, "cost": {"costLimitUsd": 0.003}}`

// limits are those of the tiers.
var limits = map[string]kept{"requests": {requests: 6}, "tokens": {tokens: 900}, "cost": {micros: 3000}}

var tierNames = []string{"requests", "tokens", "cost"}

// The kinds of requests that the load is made of. The provider finds the kind in the message.
const (
	whole     = "whole"
	streaming = "streaming"
	slow      = "slow"    // answered after some milliseconds
	failing   = "failing" // the provider answers 500
	leaving   = "leaving" // a stream of which the client reads the beginning
)

// kinds are in the proportion in which they are asked for.
var kinds = []string{whole, whole, whole, whole, streaming, streaming, streaming, slow, failing, leaving}

// The process killed with SIGKILL under load: no answered request uncounted, no limit exceeded, held
// back to zero. A hundred times with LONG=1.
func TestKilledUnderLoadNothingAnsweredIsUncounted(t *testing.T) {
	t.Parallel()
	rounds := 20
	if os.Getenv("LONG") != "" {
		rounds = 100
	}
	l := newLoad(t)
	for l.round = range rounds {
		if l.rng.IntN(8) == 0 {
			// Killed while it starts, and perhaps settles what the one before had left running.
			early := l.in.Start(exec.Command(binary, "serve"))
			time.AfterFunc(time.Duration(l.rng.Int64N(int64(40*time.Millisecond))), early.Kill)
			<-early.Exited()
		}
		p := l.in.Serve()
		if l.check(p); t.Failed() {
			return
		}
		l.run(p, l.rng.IntN(400), p.Kill)
	}
	p := l.in.Serve()
	if l.check(p); t.Failed() {
		return
	}
	l.round = rounds
	l.exactly(p)
}

// load asks one server after another for what several identities want, and keeps book.
type load struct {
	t   *testing.T
	in  *installation
	k   node.Keys
	rng *rand.Rand

	round int
	mu    sync.Mutex
	book  map[string]*tally // by identity
	seen  map[string]bool   // requests that reached the provider
	event func()            // called at whatever happens to a request
}

// tally is what clients know of one identity's requests.
type tally struct {
	tier     string
	begun    int64 // sent
	answered int64 // of which the first byte of an answer that counts has come
	refused  int64 // answered by us with a 429
	tokens   int64 // of the whole answers, as the provider told them
	figured  int64 // answered with such figures
}

func newLoad(t *testing.T) *load {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("SEED: %v", err)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("SEED=%d repeats what was random here, though not the machine's timing", seed)
		}
	})
	l := &load{t: t, in: newInstallation(t), rng: rand.New(rand.NewPCG(seed, 0)),
		book: map[string]*tally{}, seen: map[string]bool{}, event: func() {}}
	url := upstream(t, l.provider)
	l.k = l.in.Create(node.OpenAI(url, tiers))
	return l
}

// provider notes the requests that reach it, and has the echo provider treat them by their kind.
func (l *load) provider(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // broken off by the kill
		}
		var chat struct{ Messages []struct{ Content string } }
		if err := json.Unmarshal(body, &chat); err != nil || len(chat.Messages) != 1 {
			l.t.Errorf("the provider got %q", body)
			return
		}
		id, rest, _ := strings.Cut(chat.Messages[0].Content, " ")
		l.arrive(id)
		switch kind, _, _ := strings.Cut(rest, " "); kind {
		case slow:
			late := time.NewTimer(time.Duration(len(id)%7+1) * 3 * time.Millisecond)
			defer late.Stop()
			select {
			case <-late.C:
			case <-r.Context().Done():
			}
		case failing:
			r.Header.Set(echo.FaultHeader, echo.ServerError.String())
		case leaving:
			r.Header.Set(echo.FaultHeader, echo.HangMidway.String())
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// arrive notes that a request has reached the provider: never twice.
func (l *load) arrive(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen[id] {
		l.t.Errorf("request %s reached the provider twice", id)
	}
	l.seen[id] = true
	l.event()
}

// note changes an identity's tally.
func (l *load) note(identity, tier string, change func(*tally)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	y := l.book[identity]
	if y == nil {
		y = &tally{tier: tier}
		l.book[identity] = y
	}
	change(y)
	l.event()
}

// run keeps sixteen clients asking until as many things have happened, then ends the process, and
// returns when every client has seen the end.
func (l *load) run(p *node.Process, events int, end func()) {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	enough := make(chan struct{})
	l.mu.Lock()
	l.event = func() {
		if events--; events == 0 {
			close(enough)
		}
	}
	l.mu.Unlock()
	if events == 0 {
		close(enough)
	}
	c := newClient(l.t)
	var clients sync.WaitGroup
	for range 16 {
		rng := rand.New(rand.NewPCG(l.rng.Uint64(), 0))
		clients.Go(func() {
			for n := 0; ctx.Err() == nil && !l.t.Failed(); n++ {
				l.ask(c, p, rng)
			}
		})
	}
	select {
	case <-enough:
	case <-time.After(patience):
		l.t.Errorf("round %d: the load stands still", l.round)
	}
	stop()
	end()
	clients.Wait()
}

// ask makes one request, of an identity of this round or of one that lasts, and notes what came of it.
func (l *load) ask(c *http.Client, p *node.Process, rng *rand.Rand) {
	n := rng.IntN(15)
	identity, tier := fmt.Sprintf("round-%d-%d", l.round, n), tierNames[n%3]
	if n < 3 {
		identity = fmt.Sprintf("lasting-%d-%d", l.round/10, n)
	}
	kind := kinds[rng.IntN(len(kinds))]
	body := fmt.Sprintf(`{"model":"gpt-4o","max_tokens":%d,"stream":%t,"messages":[{"role":"user","content":"%x %s one two three"}]}`,
		4+rng.IntN(12), kind == streaming || kind == leaving, rng.Uint64(), kind)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()

	l.note(identity, tier, func(y *tally) { y.begun++ })
	resp, err := c.Do(request(ctx, http.MethodPost, p.URL+"/v1/chat/completions", l.k.Project, identity, body, "x-tier", tier))
	if err != nil {
		return
	}
	defer resp.Body.Close() //nolint:errcheck // its connection may be gone
	switch {
	case resp.StatusCode == http.StatusOK:
		l.note(identity, tier, func(y *tally) { y.answered++ })
	case resp.StatusCode == http.StatusTooManyRequests:
		l.note(identity, tier, func(y *tally) { y.refused++ })
		return
	case resp.StatusCode == http.StatusInternalServerError && kind == failing:
		return
	default:
		text, _ := io.ReadAll(resp.Body)
		l.t.Errorf("round %d: status %d for a %s request: %s", l.round, resp.StatusCode, kind, text)
		return
	}
	if kind == leaving {
		_, _ = resp.Body.Read(make([]byte, 64))
		return
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil || kind == streaming {
		return
	}
	var figures struct {
		Usage struct {
			Total int64 `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal(text, &figures); err != nil {
		l.t.Errorf("round %d: an answer that is whole and no JSON: %q", l.round, text)
	}
	l.note(identity, tier, func(y *tally) {
		y.tokens += figures.Usage.Total
		y.figured++
	})
}

// check compares the clients' books with the file, after a restart and before anything runs.
func (l *load) check(p *node.Process) {
	l.t.Helper()
	usage, holds := l.in.file(l.k.Project)
	// In PostgreSQL those of a node that is gone count until others have missed it for a while, and settle them.
	if holds != 0 && !pgtest.Chosen() {
		l.t.Errorf("round %d: %d holds with nothing running, want 0", l.round, holds)
	}
	for identity, y := range l.book {
		got, most := usage[identity], limits[y.tier]
		if got.requests < y.answered {
			l.t.Errorf("round %d, %s: %d requests were answered and %d are counted", l.round, identity, y.answered, got.requests)
		}
		if sent := y.begun - y.refused; got.requests > sent {
			l.t.Errorf("round %d, %s: %d requests are counted and %d were sent and not refused", l.round, identity, got.requests, sent)
		}
		if got.tokens < y.tokens {
			l.t.Errorf("round %d, %s: %d tokens were answered and %d are counted", l.round, identity, y.tokens, got.tokens)
		}
		if got.requests > most.requests && most.requests > 0 || got.tokens > most.tokens && most.tokens > 0 || got.micros > most.micros && most.micros > 0 {
			l.t.Errorf("round %d, %s: counted %+v, more than the limit of the tier %s, %+v", l.round, identity, got, y.tier, most)
		}
	}
	l.compare(p, usage)
}

// compare asks the server what it says of some identities that the file has.
func (l *load) compare(p *node.Process, usage map[string]kept) {
	l.t.Helper()
	c, asked := newClient(l.t), 0
	for identity, want := range usage {
		if want.held != 0 {
			continue
		}
		if asked++; asked > 5 {
			return
		}
		a := do(c, request(context.Background(), http.MethodGet, p.URL+"/v1/usage", l.k.Project, identity, ""))
		var got struct {
			Usage struct{ Requests, Tokens int64 }
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != http.StatusOK {
			l.t.Fatalf("usage of %s: %d %v %s", identity, a.status, a.err, a.body)
		}
		if got.Usage.Requests != want.requests || got.Usage.Tokens != want.tokens {
			l.t.Errorf("usage of %s: the server says %+v, the file %+v", identity, got.Usage, want)
		}
	}
}

// exactly lets a round end in good order: then what is counted is what was answered, no more.
func (l *load) exactly(p *node.Process) {
	l.t.Helper()
	l.run(p, 400, func() {})
	p.Stop()
	usage, holds := l.in.file(l.k.Project)
	if holds != 0 && !pgtest.Chosen() {
		l.t.Errorf("%d holds after a stop, want 0", holds)
	}
	checked := 0
	for identity, y := range l.book {
		if !strings.HasPrefix(identity, fmt.Sprintf("round-%d-", l.round)) {
			continue
		}
		checked++
		got := usage[identity]
		if got.held != 0 {
			l.t.Errorf("%s: %d holds after a stop, want 0", identity, got.held)
		}
		if got.requests != y.answered {
			l.t.Errorf("%s: %d requests were answered and %d are counted", identity, y.answered, got.requests)
		}
		if y.figured == y.answered && got.tokens != y.tokens {
			l.t.Errorf("%s: %d tokens were answered and %d are counted", identity, y.tokens, got.tokens)
		}
	}
	if checked == 0 {
		l.t.Error("no identity was checked")
	}
}
