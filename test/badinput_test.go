package test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// badBody is a body that is refused in each dialect, by what is wrong with it. %s is what a good body goes on with.
type badBody struct {
	name                      string
	openAI, anthropic, gemini string
}

func badBodies() []badBody {
	all := func(name, body string) badBody { return badBody{name, body, body, body} }
	const (
		openAIRest    = `"messages":[{"role":"user","content":"hi"}]}`
		anthropicRest = `"max_tokens":5,` + openAIRest
		geminiRest    = `"contents":[{"parts":[{"text":"hi"}]}]}`
	)
	member := func(name, openAI, anthropic, gemini string) badBody {
		return badBody{name, "{" + openAI + "," + openAIRest, "{" + anthropic + "," + anthropicRest, "{" + gemini + "," + geminiRest}
	}
	same := func(name, m string) badBody { return member(name, m, m, m) }
	return []badBody{
		all("Empty", ""),
		all("Blank", " \n"),
		all("NotJSON", "hello"),
		all("Array", "[]"),
		all("Null", "null"),
		all("Number", "1"),
		all("TwoDocuments", "{}{}"),
		all("DeeplyNested", `{"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+"}"),
		all("DeeplyNestedUnclosed", strings.Repeat(`{"x":`, 1_000_000)),
		all("ByteOrderMark", "\ufeff{}"),
		all("UTF16", "{\x00\"\x00"),
		member("Truncated", `"model":"gpt-4o","messages":[{"role`, `"model":"claude-sonnet-4-5","messages":[{"role`, `"contents":[{"par`),
		same("NotUTF8", "\"model\":\"gpt-4o\",\"x\":\"\xff\""),
		same("NUL", "\"x\":\"\x00\",\"model\":\"gpt-4o\""),
		same("RawControl", "\"x\":\"a\nb\",\"model\":\"gpt-4o\""),
		same("SingleQuotes", `'model':'gpt-4o'`),
		same("TrailingComma", `"model":"gpt-4o",`),
		same("Comment", `"model":"gpt-4o"/*x*/`),
		member("DuplicateKey", `"model":"gpt-4o","model":"gpt-4o-mini"`, `"model":"claude-sonnet-4-5","model":"claude-opus-4-1"`,
			`"generationConfig":{"maxOutputTokens":5},"generationConfig":{}`),
		member("DuplicateEscapedKey", `"model":"gpt-4o","mo\u0064el":"gpt-4o-mini"`, `"model":"claude-sonnet-4-5","mo\u0064el":"x"`,
			`"generationConfig":{"maxOutputTokens":5,"maxOutput\u0054okens":9}`),
		member("CaseVariantKey", `"model":"gpt-4o","MODEL":"gpt-4o-mini"`, `"model":"claude-sonnet-4-5","Max_Tokens":9`, `"generationConfig":{"maxoutputtokens":5}`),
		member("CaseVariantOnly", `"model":"gpt-4o","Stream":true`, `"model":"claude-sonnet-4-5","Stream":true`, `"GenerationConfig":{}`),
		member("DuplicateInOptions", `"model":"gpt-4o","stream":true,"stream_options":{"include_usage":true,"include_usage":false}`,
			`"model":"claude-sonnet-4-5","stream":true,"stream":false`, `"generationConfig":{"candidateCount":1,"candidate_count":8}`),
		member("WrongTypeModel", `"model":5`, `"model":["claude-sonnet-4-5"]`, `"model":5`),
		member("WrongTypeCap", `"model":"gpt-4o","max_tokens":"5"`, `"model":"claude-sonnet-4-5","max_output_tokens":"5"`, `"generationConfig":{"maxOutputTokens":"5"}`),
		member("NegativeCap", `"model":"gpt-4o","max_tokens":-5`, `"model":"claude-sonnet-4-5","max_completion_tokens":-5`, `"generationConfig":{"maxOutputTokens":-5}`),
		member("HugeCap", `"model":"gpt-4o","max_tokens":9223372036854775808`, `"model":"claude-sonnet-4-5","max_completion_tokens":1e400`, `"generationConfig":{"maxOutputTokens":99999999999999999999}`),
		member("FractionalCap", `"model":"gpt-4o","max_tokens":1.5`, `"model":"claude-sonnet-4-5","max_completion_tokens":1e2`, `"generationConfig":{"maxOutputTokens":1.0}`),
		member("WrongTypeN", `"model":"gpt-4o","n":"2"`, `"model":"claude-sonnet-4-5","n":0`, `"generationConfig":{"candidateCount":[]}`),
		member("TooManyAnswers", `"model":"gpt-4o","n":1000000`, `"model":"claude-sonnet-4-5","n":129`, `"generationConfig":{"candidateCount":999}`),
		member("WrongTypeStream", `"model":"gpt-4o","stream":1`, `"model":"claude-sonnet-4-5","stream":"true"`, `"generationConfig":[]`),
		member("WrongTypeOptions", `"model":"gpt-4o","stream_options":[]`, `"model":"claude-sonnet-4-5","stream":{}`, `"generationConfig":"x"`),
		member("WrongTypePrompt", `"model":"gpt-4o","systemPrompt":5`, `"model":"claude-sonnet-4-5","systemPrompt":{}`, `"systemPrompt":[]`),
		member("LongModel", `"model":"`+strings.Repeat("m", 10<<10)+`"`, `"model":"`+strings.Repeat("m", 10<<10)+`"`, `"model":"`+strings.Repeat("m", 10<<10)+`"`),
		member("EmptyModel", `"model":""`, `"model":" "`, `"model":""`),
		member("ModelWithNUL", `"model":"gpt-4o\u0000"`, `"model":"claude\u0000"`, `"model":"gemini\u0000"`),
		member("ModelWithLoneSurrogate", `"model":"gpt-4o\ud800"`, `"model":"claude\udfff"`, `"model":"gemini\ud800"`),
		member("AnotherModel", `"model":"gpt-4o","models":"o3"`, `"model":"claude-sonnet-4-5","fallbacks":{}`, `"model":"models/gemini-2.5-pro"`),
		member("KeyWithNUL", `"x":{"a\u0000":1}`, `"x":{"a\u0000":1}`, `"x":{"a\u0000":1}`),
		member("KeyWithHalfAPair", `"x\ud800":1`, `"x\ud800":1`, `"x\ud800":1`),
	}
}

// A bad body gets a clear error in its dialect; nothing of it is counted and nothing reaches the provider.
func TestBadInput_Bodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"tokenLimit":1000000}`})
	for _, bad := range badBodies() {
		for i, d := range dialects {
			body := []string{bad.openAI, bad.anthropic, bad.gemini}[i]
			a := s.Post(d.path(d.model, false), "u", body)
			if a.Status != 400 {
				t.Errorf("%s, %s: status %d: %.300s", bad.name, d.name, a.Status, a.Body)
				continue
			}
			wantErrorShape(t, a, i, 400, "invalid_request")
			if len(a.Body) > 2000 {
				t.Errorf("%s, %s: the error has %d bytes", bad.name, d.name, len(a.Body))
			}
		}
	}
	wantCharge(t, s, "u", 0, 0)
	if n := s.Seen.Total(); n != 0 {
		t.Errorf("%d requests reached the provider", n)
	}
}

// A model in a path is refused as one in a body is.
func TestBadInput_LongModelInAPath(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, action := range []string{"generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"} {
		a := s.Post("/v1beta/models/"+strings.Repeat("m", 10<<10)+":"+action, "u", gemini.body("", false))
		wantErrorShape(t, a, 2, 400, "invalid_request")
		if e, _ := stack.ErrorOf(t, a); e["details"].([]any)[0].(map[string]any)["metadata"].(map[string]any)["param"] != "model" || len(a.Body) > 2000 {
			t.Errorf("%s: error is %.500s, want one of the model", action, a.Body)
		}
	}
}

// Fields that nobody knows are the provider's business.
func TestBadInput_UnknownFieldsPass(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	body := `{"model":"gpt-4o", "x":{"model":1,"model":2,"Stream":[]}, "y":1e400, "x":null,"messages":[{"role":"user","content":"hi","Model":"m"}]}`
	stack.WantStatus(t, s.Post("/v1/chat/completions", "u", body), 200)
	if seen, _ := s.Seen.Last(); string(seen.Body) != body {
		t.Errorf("the body became %s", seen.Body)
	}
}

// Floods of headers are refused, in the dialect where they can still be read.
func TestBadInput_HeaderFloods(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for i, d := range dialects {
		many := d.request(s, "u", false)
		for n := range 101 {
			many.Header.Set(fmt.Sprintf("X-Flood-%d", n), "1")
		}
		wantErrorShape(t, s.Do(many), i, 400, "invalid_request")
		same := d.request(s, "u", false)
		same.Header["X-Flood"] = strings.Split(strings.Repeat("1,", 200), ",")
		wantErrorShape(t, s.Do(same), i, 400, "invalid_request")
		wantErrorShape(t, s.Do(d.request(s, "u", false, "X-Flood", strings.Repeat("x", 65<<10))), i, 400, "invalid_request")
		wantErrorShape(t, s.Do(d.request(s, "u", false, "X-Flood", strings.Repeat("x", 70<<10))), i, 431, "invalid_request")
	}
	// A refusal of net/http itself reaches a client that has sent everything; one that still sends may find the
	// connection closed.
	for i, d := range dialects {
		c := dial(t, s)
		path := d.request(s, "u", false).URL.Path
		c.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nX-Flood: " + strings.Repeat("x", 68<<10))
		wantErrorShape(t, c.answer(), i, 431, "invalid_request")
	}
	wantCharge(t, s, "u", 0, 0)
}

// A compressed body could not be read, and so not be checked.
func TestBadInput_CompressedBodies(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for _, values := range [][]string{{"gzip"}, {"br"}, {"GZIP"}, {"identity", "gzip"}, {"identity, gzip"}, {"deflate"}} {
		for i, d := range dialects {
			r := d.request(s, "u", false)
			r.Header["Content-Encoding"] = values
			wantErrorShape(t, s.Do(r), i, 400, "invalid_request")
		}
	}
	stack.WantStatus(t, s.Do(openAI.request(s, "v", false, "Content-Encoding", "identity")), 200)
	wantCharge(t, s, "u", 0, 0)
}

func TestBadInput_ContentTypes(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	for kind, status := range map[string]int{
		"application/json": 200, "application/json; charset=utf-8": 200, "text/plain": 200, "": 200,
		"application/json; charset=utf-16": 400, "multipart/form-data; boundary=x": 400, "application/x-www-form-urlencoded": 400, "a/b/c;;": 400,
	} {
		if a := s.Do(openAI.request(s, "u", false, "Content-Type", kind)); a.Status != status {
			t.Errorf("%q: status %d, want %d: %s", kind, a.Status, status, a.Body)
		}
	}
}

// Requests that are no HTTP, or that two servers could read differently, are refused before they are ours.
func TestBadInput_RawRequests(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	ours := "Host: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: u\r\n"
	for name, request := range map[string]string{
		"TwoLengths":            "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"NegativeLength":        "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Content-Length: -1\r\n\r\n",
		"UnknownTransfer":       "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"BadChunk":              "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"TruncatedChunk":        "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
		"NULInHeader":           "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "X: a\x00b\r\n\r\n",
		"ControlInIdentity":     "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: a\x01b\r\nContent-Length: 2\r\n\r\n{}",
		"FoldedIdentity":        "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: a\r\n b\r\nContent-Length: 2\r\n\r\n{}",
		"SpaceBeforeColon":      "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Content-Length : 2\r\n\r\n{}",
		"NoHost":                "POST /v1/chat/completions HTTP/1.1\r\nX-Identity: u\r\n\r\n",
		"UnknownMethodLine":     "POST /v1/chat/completions\r\n\r\n",
		"NotHTTP":               "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"LengthAndTransferBoth": "POST /v1/chat/completions HTTP/1.1\r\n" + ours + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	} {
		c := dial(t, s)
		c.send(request)
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Errorf("%s: no answer: %v", name, err)
			continue
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if resp.StatusCode < 400 || resp.StatusCode > 501 || !strings.HasPrefix(string(body), `{"error":{"message":"`) || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: status %d, %v: %s; want one of our errors", name, resp.StatusCode, resp.Header, body)
		}
	}
	for i, d := range dialects {
		path := d.request(s, "u", false).URL.Path
		c := dial(t, s)
		c.send("POST " + path + " HTTP/1.1\r\nHost: x\r\nX-Project-Key: " + s.ProjectKey + "\r\nX-Identity: a\x01b\r\nContent-Length: 2\r\n\r\n{}")
		wantErrorShape(t, c.answer(), i, 400, "invalid_identity")
	}
	wantCharge(t, s, "u", 0, 0)
	if s.Seen.Total() != 0 {
		t.Error("one of them reached the provider")
	}
}
