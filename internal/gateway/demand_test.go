package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"pgregory.net/rapid"
)

// asking is a ledger that records requests and admits none.
type asking struct {
	account
	ask *limit.Ask
}

func (a *asking) Reserve(_ context.Context, req ledger.Request) (*ledger.Reservation, error) {
	a.ask = &req.Ask
	return nil, ledger.ErrUnavailable
}

// askFor returns the hold that a request asks for, nil if it is refused before.
func askFor(t *testing.T, document, path, contentType, body string) *limit.Ask {
	t.Helper()
	settings, err := project.ParseSettings([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := project.NewSnapshot(project.Record{Key: "pk_0123456789012345678901", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := new(asking)
	g := New(Options{Projects: oneProject{snapshot}, Ledger: a, Log: slog.New(slog.DiscardHandler),
		Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, errors.New("nothing is sent") }),
		MaxBody:   32 << 20, UpstreamTimeout: time.Minute, Now: time.Now, Draining: func() bool { return false }, Ending: context.Background()})
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("X-Project-Key", snapshot.Key)
	r.Header.Set("X-Identity", "u")
	r.Header.Set("Content-Type", contentType)
	r.Header.Set("Authorization", "Bearer client-provider-key")
	r.Header.Set("X-Api-Key", "sk-ant-client")
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	if a.ask == nil {
		t.Logf("%d %s", w.Code, w.Body)
	}
	return a.ask
}

// priced is a project under a strict or soft cost limit, whose models have round prices.
func priced(enforcement string) string {
	return `{"name":"t","enforcement":"` + enforcement + `","costLimitUsd":1000,"tokenLimit":900000000,"prices":{
		"cheap":{"inputUsdPerMillion":1,"outputUsdPerMillion":1},
		"gpt-cheap":{"inputUsdPerMillion":1,"outputUsdPerMillion":1,"feesUsdPerThousand":{"webSearch":10,"codeInterpreter":30}},
		"claude-cheap":{"inputUsdPerMillion":1,"outputUsdPerMillion":1,"feesUsdPerThousand":{"webSearch":10}},
		"claude-dear":{"inputUsdPerMillion":10,"outputUsdPerMillion":50},
		"gpt-image-1":{"inputUsdPerMillion":10,"outputUsdPerMillion":40}}}`
}

// costs is the held cost of a request with a body, in micro-USD.
func costs(t *testing.T, enforcement, path, body string) int64 {
	t.Helper()
	ask := askFor(t, priced(enforcement), path, "application/json", body)
	if ask == nil {
		t.Fatalf("%s is refused", body)
	}
	return ask.Estimate[limit.Cost]
}

func TestHoldsCoverWhatIsAskedForBesideAnAnswer(t *testing.T) {
	t.Parallel()
	const usd = 1_000_000
	messages := func(more string) string {
		return `{"model":"claude-cheap","max_tokens":1000,"messages":[{"role":"user","content":"hello"}]` + more + `}`
	}
	responses := func(more string) string {
		return `{"model":"gpt-cheap","max_output_tokens":1000,"input":"hello"` + more + `}`
	}
	chatBody := func(more string) string {
		return `{"model":"gpt-cheap","max_completion_tokens":1000,"messages":[]` + more + `}`
	}
	for _, c := range []struct {
		name, path, without, with string
		soft, strict              int64 // how much more is held at least, in micro-USD
	}{
		{"searches", "/v1/responses", responses(``), responses(`,"max_tool_calls":5,"tools":[{"type":"web_search"}]`), usd / 20, usd/20 + 5*100_000},
		{"a large container", "/v1/responses", responses(``), responses(`,"max_tool_calls":1,"tools":[{"type":"code_interpreter","container":{"type":"auto","memory_limit":"64g"}}]`), 64 * usd * 3 / 100, 64 * usd * 3 / 100},
		{"images", "/v1/responses", responses(``), responses(`,"max_tool_calls":2,"tools":[{"type":"image_generation","model":"gpt-image-1"}]`), 2 * 6240 * 40, 2 * 6240 * 40},
		{"Anthropic's searches", "/v1/messages", messages(``), messages(`,"tools":[{"type":"web_search_20260318","max_uses":3}]`), 3 * usd / 100, 3*usd/100 + 3*100_000},
		{"an adviser", "/v1/messages", messages(``), messages(`,"tools":[{"type":"advisor_20260301","model":"claude-dear","max_uses":2,"max_tokens":2000}]`), 2 * (2000*50 + 128_000*10), 2 * (2000*50 + 128_000*10)},
		{"a fallback", "/v1/messages", messages(``), messages(`,"fallbacks":[{"model":"claude-dear"}]`), 1000 * 50, 1000 * 50},
		{"two fallbacks", "/v1/messages", messages(``), messages(`,"fallbacks":[{"model":"claude-dear"},{"model":"claude-dear"}]`), 2 * 1000 * 50, 2 * 1000 * 50},
		{"the dearer of two models", "/v1/chat/completions", chatBody(``), chatBody(`,"models":["claude-dear"]`), 1000 * 49, 1000 * 49},
		{"compaction", "/v1/messages", messages(``), messages(`,"context_management":{"edits":[{"type":"compact_20260112"}]}`), 1000, 1000},
		{"a prediction", "/v1/chat/completions", chatBody(``), chatBody(`,"prediction":{"type":"content","content":"` + strings.Repeat("x", 5000) + `"}`), 10_000, 10_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for enforcement, more := range map[string]int64{"soft": c.soft, "strict": c.strict} {
				got := costs(t, enforcement, c.path, c.with) - costs(t, enforcement, c.path, c.without)
				if got < more {
					t.Errorf("%s: %d micro-USD more are held, want at least %d", enforcement, got, more)
				}
			}
		})
	}
}

// max_tool_calls bounds the uses of all tools together, and a container is paid for once: each use holds one fee, however
// many tools have it, and the input is read once more for each.
func TestToolsShareTheirBoundOfUses(t *testing.T) {
	t.Parallel()
	const (
		plain       = `{"model":"gpt-cheap","input":"hello","max_output_tokens":1000`
		interpreter = `{"type":"code_interpreter","container":{"type":"auto","memory_limit":"64g"}}`
		shell       = `{"type":"shell","environment":{"type":"container_auto","memory_limit":"64g"}}`
		search      = `{"type":"web_search"}`
	)
	hold := func(enforcement, bound, tools string) int64 {
		return costs(t, enforcement, "/v1/responses", plain+bound+`,"tools":[`+tools+`]}`)
	}
	// The bodies are of one length, because their text is part of the hold.
	pad := func(tools string) string { return tools + strings.Repeat(" ", 400-len(tools)) }
	for _, enforcement := range []string{"soft", "strict"} {
		for _, bound := range []string{`,"max_tool_calls":1`, `,"max_tool_calls":3`} {
			one := hold(enforcement, bound, pad(interpreter))
			for name, tools := range map[string]string{"two tools": interpreter + "," + shell, "one tool twice": interpreter + "," + interpreter} {
				if got := hold(enforcement, bound, pad(tools)) - one; got < 0 || got > 20_000 { // hidden text of a second tool
					t.Errorf("%s, %s, %s: %d micro-USD more are held than for one, want no fee more", enforcement, bound, name, got)
				}
			}
			one = hold(enforcement, bound, pad(search))
			if got := hold(enforcement, bound, pad(search+","+search)) - one; got < 0 || got > 20_000 {
				t.Errorf("%s, %s, two searches: %d micro-USD more are held than for one, want no turn more", enforcement, bound, got)
			}
		}
		both := hold(enforcement, `,"max_tool_calls":2`, pad(search+","+interpreter)) - hold(enforcement, `,"max_tool_calls":2`, pad(interpreter))
		if both < 20_000 || both > 60_000 {
			t.Errorf("%s: a search beside a container holds %d micro-USD more, want its two fees of 10000", enforcement, both)
		}
	}
	// Without a bound, a soft limit holds one fee for each tool.
	fees := hold("soft", "", pad(interpreter+","+shell)) - hold("soft", "", pad(search))
	if want := int64(2*64*30_000 - 10_000); fees < want || fees > want+20_000 {
		t.Errorf("two tools without a bound hold %d micro-USD more than a search, want %d", fees, want)
	}
}

// Under a soft limit, the fee of one use is held for a tool without a bound.
func TestASoftLimitHoldsOneUseOfAnUnboundedTool(t *testing.T) {
	t.Parallel()
	const plain = `{"model":"gpt-cheap","input":"hello","max_output_tokens":100`
	if got := costs(t, "soft", "/v1/responses", plain+`,"tools":[{"type":"web_search"}]}`) - costs(t, "soft", "/v1/responses", plain+`}`); got < 10_000 {
		t.Errorf("%d micro-USD more are held, want at least the fee of 10000", got)
	}
	if ask := askFor(t, priced("strict"), "/v1/responses", "application/json", plain+`,"tools":[{"type":"web_search"}]}`); ask != nil {
		t.Errorf("a strict limit holds %v for an unbounded tool, want a refusal", ask.Estimate)
	}
}

// Under a cost limit, a second model without a known price is refused, as the first is.
func TestASecondModelNeedsAPrice(t *testing.T) {
	t.Parallel()
	const body = `{"model":"claude-cheap","max_tokens":10,"messages":[],"fallbacks":[{"model":"of-no-price"}]}`
	if ask := askFor(t, priced("soft"), "/v1/messages", "application/json", body); ask != nil {
		t.Errorf("%v is held for a model without a price, want a refusal", ask.Estimate)
	}
	if ask := askFor(t, `{"name":"t","tokenLimit":1000000}`, "/v1/messages", "application/json", body); ask == nil {
		t.Error("a model without a price is refused though no limit on costs applies")
	}
}

// upload is a form with a recording, and its type.
func upload(model, file string) (contentType, body string) {
	part := func(head, value string) string {
		return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n"
	}
	return "multipart/form-data; boundary=b", part(`name="model"`, model) + part(`name="file"; filename="a"`, file) + "--b--\r\n"
}

// silence is an Ogg file of Opus packets of two bytes and 120 ms each, a hundred to a page.
func silence(pages int) string {
	page := func(flags string, granule string, packets ...string) string {
		lacing := ""
		for _, p := range packets {
			lacing += string(rune(len(p)))
		}
		return "OggS\x00" + flags + granule + "\x07\x00\x00\x00" + strings.Repeat("\x00", 8) + string(rune(len(packets))) + lacing + strings.Join(packets, "")
	}
	none := strings.Repeat("\x00", 8)
	packets := strings.Split(strings.TrimSuffix(strings.Repeat("\x1b\x02 ", 100), " "), " ")
	return page("\x02", none, "OpusHead\x01\x01\x00\x00\x80\x3b\x00\x00\x00\x00\x00") + strings.Repeat(page("\x00", none, packets...), pages)
}

// The hold of a recording is for its longest possible length, not for the usual length of its size.
func TestTranscriptionsHoldTheLongestSound(t *testing.T) {
	t.Parallel()
	const settings = `{"name":"t","enforcement":"strict","costLimitUsd":1000,"prices":{"whisper-1":{"audioUsdPerMinute":0.006},"by-token":{"inputUsdPerMillion":6,"outputUsdPerMillion":10}}}`
	hold := func(model, file string) *limit.Ask {
		contentType, body := upload(model, file)
		return askFor(t, settings, "/v1/audio/transcriptions", contentType, body)
	}
	hour := silence(300) // 300 pages of 12 s
	if len(hour) > 100_000 {
		t.Fatalf("an hour of silence is %d bytes", len(hour))
	}
	switch ask := hold("openai/whisper-1", hour); {
	case ask == nil:
		t.Error("a recording of Opus is refused")
	case ask.Estimate[limit.Cost] < 360_000 || ask.Estimate[limit.Cost] > 370_000:
		t.Errorf("an hour of sound holds %d micro-USD, want about 360000", ask.Estimate[limit.Cost])
	}
	if ask := hold("openai/by-token", hour); ask == nil || ask.Estimate[limit.Cost] < 3600*17*6 {
		t.Errorf("an hour of sound that is billed by tokens holds %v, want its tokens at least", ask)
	}
	if ask := hold("openai/whisper-1", "#!AMR\n of no known length"); ask != nil {
		t.Errorf("sound of no known length holds %v under a strict limit, want a refusal", ask.Estimate)
	}
	contentType, body := upload("openai/whisper-1", "#!AMR\n of no known length")
	if ask := askFor(t, strings.Replace(settings, "strict", "soft", 1), "/v1/audio/transcriptions", contentType, body); ask == nil || ask.Estimate[limit.Cost] == 0 {
		t.Errorf("sound of no known length holds %v under a soft limit, want something", ask)
	}
}

// bill is a request and the most that its vendor can charge for it: every byte of text is a token, every tool is used as
// often as allowed, with results of a hundred thousand tokens each, every model answers and every cap is used up.
type bill struct {
	path, body     string
	tokens, micros int64
}

const toolResults = 100_000

// dearestBill draws a request to one of two models: 1 USD a million tokens, or 10 for input and 50 for output.
func dearestBill(t *rapid.T) bill {
	num := func(name string, most int) int64 { return int64(rapid.IntRange(0, most).Draw(t, name)) }
	prompt := strings.Repeat("word", int(num("words", 2000)))
	cap, images := 16+num("cap", 5000), num("images", 3)
	input, fields := int64(len(prompt))+images*4_784, ""
	var b bill
	run := func(passes, in, out, inRate, outRate int64) {
		b.tokens += passes * (in + out)
		b.micros += passes * (in*inRate + out*outRate)
	}
	switch rapid.SampledFrom([]string{"messages", "responses", "chat"}).Draw(t, "endpoint") {
	case "messages":
		searches, asked, advice, second := num("searches", 3), num("asked", 3), 1024+num("advice", 4000), num("fallbacks", 2)
		if searches > 0 {
			fields += fmt.Sprintf(`{"type":"web_search_20260318","name":"web_search","max_uses":%d},`, searches)
		}
		if asked > 0 {
			fields += fmt.Sprintf(`{"type":"advisor_20260301","name":"advisor","model":"claude-dear","max_uses":%d,"max_tokens":%d},`, asked, advice)
		}
		read := (1 + searches + asked) * input
		if searches > 0 {
			read += (1 + searches + asked) * toolResults
		}
		run(1, read, cap, 1, 1)
		run(second, read, cap, 10, 50)
		run(asked, input, advice, 10, 50)
		b.micros += searches * 10_000
		fields = `,"tools":[` + strings.TrimSuffix(fields, ",") + `],"fallbacks":[` + strings.TrimSuffix(strings.Repeat(`{"model":"claude-dear"},`, int(second)), ",") + `]`
		image := strings.Repeat(`{"type":"image","source":{"type":"url","url":"u"}},`, int(images))
		b.path = "/v1/messages"
		b.body = fmt.Sprintf(`{"model":"claude-cheap","max_tokens":%d,"messages":[{"role":"user","content":[%s{"type":"text","text":%q}]}]%s}`, cap, image, prompt, fields)
	case "responses":
		calls := num("calls", 4)
		read := input
		if calls > 0 {
			fields = fmt.Sprintf(`,"max_tool_calls":%d,"tools":[{"type":"web_search"}]`, calls)
			read = (1 + calls) * (input + toolResults)
			b.micros += calls * 10_000
		}
		if rapid.Bool().Draw(t, "draws") {
			fields = strings.Replace(fields, `{"type":"web_search"}`, `{"type":"web_search"},{"type":"image_generation","model":"gpt-image-1"}`, 1)
			run(calls, 1000, 6_240, 10, 40)
		}
		run(1, read, cap, 1, 1)
		image := strings.Repeat(`{"type":"input_image","image_url":"u"},`, int(images))
		b.path = "/v1/responses"
		b.body = fmt.Sprintf(`{"model":"gpt-cheap","max_output_tokens":%d,"input":[{"role":"user","content":[%s{"type":"input_text","text":%q}]}]%s}`, cap, image, prompt, fields)
	default:
		n, predicted := 1+num("n", 3), strings.Repeat("x", int(num("predicted", 5000)))
		if predicted != "" {
			fields = `,"prediction":{"type":"content","content":"` + predicted + `"}`
		}
		inRate, outRate := int64(1), int64(1)
		if rapid.Bool().Draw(t, "routed") {
			fields, inRate, outRate = fields+`,"models":["claude-dear"]`, 10, 50
		}
		run(1, input+int64(len(predicted)), n*(cap+int64(len(predicted))), inRate, outRate)
		image := strings.Repeat(`{"type":"image_url","image_url":{"url":"u"}},`, int(images))
		b.path = "/v1/chat/completions"
		b.body = fmt.Sprintf(`{"model":"gpt-cheap","n":%d,"max_completion_tokens":%d,"messages":[{"role":"user","content":[%s{"type":"text","text":%q}]}]%s}`, n, cap, image, prompt, fields)
	}
	return b
}

// Under strict enforcement no request can be charged more than it holds.
func TestStrictHoldsCoverTheDearestBill(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		b := dearestBill(r)
		ask := askFor(t, priced("strict"), b.path, "application/json", b.body)
		if ask == nil {
			r.Fatalf("%s is refused", b.body)
		}
		if ask.Estimate[limit.Tokens] < b.tokens || ask.Estimate[limit.Cost] < b.micros {
			r.Fatalf("%d tokens and %d micro-USD are held, %d and %d can be charged for %s",
				ask.Estimate[limit.Tokens], ask.Estimate[limit.Cost], b.tokens, b.micros, b.body)
		}
	})
}

// An image counts as much as for the requested model that charges most for it, under any of the model's names.
func TestAnImageIsBoundedByTheModelThatSeesMost(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]int64{
		"gpt-4o": 5_000, "gpt-4o-2024-08-06": 5_000, "gpt-4o-mini": 48_169, "gpt-5": 5_000, "gpt-5-mini": 5_000, "gpt-5.5": 25_000, "gpt-5.4-nano": 25_000,
		"openai/gpt-5.5": 25_000, "GPT-6-astra": 40_000, "claude-opus-5": 5_000, "google/gemini-3-pro": 20_000, "grok-4": 5_000, "qwen/qwen3-vl-235b": 20_000, "anything": 20_000,
	} {
		if got := imageBoundOf(model); got != want {
			t.Errorf("an image for %s is bounded by %d tokens, want %d", model, got, want)
		}
	}
	body := func(models string) string {
		return `{"model":"claude-cheap","max_tokens":10,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"u"}}]}]` + models + `}`
	}
	alone, routed := costs(t, "strict", "/v1/chat/completions", body(``)), costs(t, "strict", "/v1/chat/completions", body(`,"models":["gpt-cheap"]`))
	if routed-alone < 30_000 {
		t.Errorf("an image that another model may read holds %d micro-USD more, want at least 30000", routed-alone)
	}
}
