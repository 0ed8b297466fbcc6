package gateway

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/tidwall/gjson"
)

// telling is a provider that streams several answers, one after the other, and says in each event what it has billed so
// far, as Google, xAI and vLLM do. Each event is ten tokens.
type telling struct {
	api     string // "gemini", "chat" or "images"
	answers int64
	each    int64         // tokens of one answer
	stay    time.Duration // until the client goes away; 0: it does not
	breaks  int64         // tokens after which the provider breaks off; 0: it does not

	billed int64
}

func (p *telling) String() string {
	return fmt.Sprintf("%s: %d answers of %d tokens, stays %s, breaks off after %d", p.api, p.answers, p.each, p.stay, p.breaks)
}

func randomTelling(r *rand.Rand) *telling {
	p := &telling{api: []string{"gemini", "chat", "images"}[r.IntN(3)], answers: 1 + r.Int64N(4), each: 10 * (1 + r.Int64N(40))}
	switch r.IntN(4) {
	case 0:
		p.breaks = 10 * (1 + r.Int64N(p.answers*p.each/10))
	case 1, 2:
		p.stay = time.Duration(1+r.Int64N(p.answers*p.each*12)) * time.Millisecond
	}
	return p
}

func (p *telling) request() (path, body string) {
	switch p.api {
	case "gemini":
		return "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
			fmt.Sprintf(`{"contents":[{"parts":[{"text":"hello"}]}],"generationConfig":{"candidateCount":%d}}`, p.answers)
	case "images":
		return "/v1/images/generations", fmt.Sprintf(`{"model":"gpt-image-1","prompt":"a hat","stream":true,"n":%d}`, p.answers)
	}
	return "/v1/chat/completions", fmt.Sprintf(`{"model":"gpt-4o","stream":true,"n":%d,"messages":[{"role":"user","content":"hello"}]}`, p.answers)
}

// RoundTrip implements http.RoundTripper.
func (p *telling) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	beganSending(r)
	each := p.each
	for _, name := range []string{"max_tokens", "max_completion_tokens", "generationConfig.maxOutputTokens"} {
		if n := gjson.GetBytes(body, name); n.Exists() {
			each = min(each, n.Int())
		}
	}
	read, write := io.Pipe()
	go p.work(r.Context(), write, each)
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, ContentLength: -1, Body: read}, nil
}

const toldInput = 7

// work writes the answers and bills the part that it has made.
func (p *telling) work(ctx context.Context, to *io.PipeWriter, each int64) {
	p.billed = toldInput
	for made := int64(0); made < p.answers*each; {
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			_ = to.CloseWithError(ctx.Err())
			return
		}
		index, before := made/each, made%each
		n := min(10, each-before)
		made += n
		p.billed = toldInput + made
		_, _ = io.WriteString(to, p.event(index, made, each, before+n == each))
		if p.breaks > 0 && made >= p.breaks {
			_ = to.CloseWithError(io.ErrUnexpectedEOF)
			return
		}
	}
	if p.api == "chat" {
		_, _ = io.WriteString(to, "data: [DONE]\n\n")
	}
	_ = to.Close()
}

func (p *telling) event(index, made, each int64, ended bool) string {
	text, why := strings.Repeat("word ", 2), "null"
	if ended {
		why = `"stop"`
	}
	switch p.api {
	case "gemini":
		return fmt.Sprintf("data: {\"candidates\":[{\"index\":%d,\"content\":{\"parts\":[{\"text\":%q}]},\"finishReason\":%s}],\"usageMetadata\":{\"promptTokenCount\":%d,\"candidatesTokenCount\":%d}}\n\n",
			index, text, why, toldInput, made)
	case "images":
		if !ended {
			return ": drawing\n\n"
		}
		input := int64(0)
		if index == 0 {
			input = toldInput
		}
		return fmt.Sprintf("data: {\"type\":\"image_generation.completed\",\"usage\":{\"input_tokens\":%d,\"output_tokens\":%d}}\n\n", input, each)
	}
	return fmt.Sprintf("data: {\"choices\":[{\"index\":%d,\"delta\":{\"content\":%q},\"finish_reason\":%s}],\"usage\":{\"prompt_tokens\":%d,\"completion_tokens\":%d}}\n\n",
		index, text, why, toldInput, made)
}

// Under a strict limit, figures within a stream are not its last: if it ends before all its answers have, its hold counts.
// No provider bills more than is counted, and a stream that came to its end is charged what it said.
func TestStrict_FiguresWithinAStreamAreNotItsLast(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 5))
	for range 400 {
		p := randomTelling(r)
		synctest.Test(t, func(t *testing.T) {
			e := newExchangeTest(t, `{"name":"test","enforcement":"strict","tokenLimit":1000000}`, p.RoundTrip)
			path, body := p.request()
			e.send(path, body, p.stay)
			synctest.Wait()
			time.Sleep(time.Hour) // the provider ends
			switch got := e.charged(t); {
			case got < p.billed:
				t.Errorf("%v: counted %d, billed %d: %s", p, got, p.billed, e.log)
			case p.stay == 0 && p.breaks == 0 && got != p.billed:
				t.Errorf("%v: counted %d at its end, billed %d", p, got, p.billed)
			}
			if n := len(e.account.state.Holds); n != 0 {
				t.Errorf("%v: %d holds are left", p, n)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// Under a soft limit, a stream that is left is charged what its figures have covered.
func TestLeavingAfterFiguresIsChargedByThem(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &telling{api: "gemini", answers: 1, each: 400, stay: 1050 * time.Millisecond}
		e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, p.RoundTrip)
		path, body := p.request()
		e.send(path, body, p.stay)
		synctest.Wait()
		if got := e.charged(t); got != toldInput+100 {
			t.Errorf("charged %d tokens, want %d", got, toldInput+100)
		}
	})
}

// The model that answered is found by any of its names, with or without a directory. Under a strict limit, a model that the
// request does not name costs as much as the dearest that it names.
func TestModelThatAnsweredHasManyNames(t *testing.T) {
	t.Parallel()
	const document = `{"name":"test","costLimitUsd":1,"enforcement":"%s","prices":{"anthropic/claude-opus-4":{"inputUsdPerMillion":10,"outputUsdPerMillion":10},
		"cheap":{"inputUsdPerMillion":1,"outputUsdPerMillion":1}},"providers":{"own":{"baseUrl":"https://own.example/v1","dialect":"openai"}}}`
	for answered, want := range map[string][2]int64{ // micro-USD under a soft limit and under a strict one
		"cheap":                              {100, 100},
		"cheap:free":                         {100, 100},
		"anthropic/claude-opus-4":            {1000, 1000},
		"anthropic/claude-4-opus-20250522":   {1000, 1000},
		"claude-opus-4-20250514":             {1000, 1000},
		"somebody/model-of-another-name-v17": {100, 1000},
	} {
		for i, enforcement := range []string{"soft", "strict"} {
			e := newExchangeTest(t, fmt.Sprintf(document, enforcement), answering(`{"model":"`+answered+`","usage":{"prompt_tokens":90,"completion_tokens":10}}`))
			e.send("/v1/chat/completions", `{"model":"own/cheap","models":["anthropic/claude-opus-4"],"max_tokens":100,"messages":[]}`, 0)
			if len(e.account.settled) != 1 || e.account.settled[0].Amounts[limit.Cost] != want[i] {
				t.Errorf("%s, %s: charged %+v, want %d micro-USD", answered, enforcement, e.account.settled, want[i])
			}
		}
	}
}

// As many passes of an advisor are charged as the request allows.
func TestEveryPassOfAnAdvisorIsCharged(t *testing.T) {
	t.Parallel()
	const uses = 3 * maxOthers
	pass := `{"type":"advisor_message","model":"claude-opus-4-5","input_tokens":5,"output_tokens":5},`
	e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000000}`, answering(`{"content":[{"type":"text","text":"x"}],"usage":{"input_tokens":10,"output_tokens":10,"iterations":[`+
		strings.Repeat(pass, uses)+`{"type":"message","input_tokens":10,"output_tokens":10}]}}`))
	body := `{"model":"claude-haiku-4-5","max_tokens":100,"messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-5"%s}]}`
	e.send("/v1/messages", fmt.Sprintf(body, fmt.Sprintf(`,"max_uses":%d`, uses)), 0)
	if got := e.charged(t); got != 20+10*uses {
		t.Errorf("charged %d tokens, want those of all %d passes", got, uses)
	}
}
