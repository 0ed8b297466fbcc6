package wire

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	compact     = "/v1/responses/compact"
	inputTokens = "/v1/responses/input_tokens"
	count       = "/v1/messages/count_tokens"
	countGemini = "/v1beta/models/gemini-2.5-flash:countTokens"
)

// instruct returns the body with the text as its instruction, which must be accepted and readable again.
func instruct(t testing.TB, path, body, text string) string {
	t.Helper()
	got, err := accept(t, path, body).Instruct(text)
	if err != nil {
		t.Fatalf("Instruct(%s, %.200q) = %v", path, body, err)
	}
	e := accept(t, path, string(got))
	if e.PromptFields() {
		t.Errorf("fields of stored prompts are left in %s", got)
	}
	return string(got)
}

func TestInstruct_putsTheTextInTheDialectsPlace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, body, want string }{
		{"Chat", chat, `{"model":"a","systemPrompt":"p","messages":[{"role":"user","content":"hi"}]}`,
			`{"model":"a","messages":[{"role":"system","content":"T"},{"role":"user","content":"hi"}]}`},
		{"ChatSpaced", chat, "{ \"systemPrompt\" : \"p\" ,\n \"model\":\"a\", \"messages\" : [ {\"role\":\"user\",\"content\":\"\\u0041 1.0\"} ] }\n",
			"{ \"model\":\"a\", \"messages\" : [{\"role\":\"system\",\"content\":\"T\"}, {\"role\":\"user\",\"content\":\"\\u0041 1.0\"} ] }\n"},
		{"ChatLastMember", chat, `{"model":"a","messages":[],"systemPromptVariables":{"a":"b"} , "systemPrompt":"p" }`,
			`{"model":"a","messages":[{"role":"system","content":"T"}] }`},
		{"ChatOwnInstructions", chat, `{"model":"a","messages":[{"role":"system","content":"s"},{"role":"user","content":"1"},{"content":"d","role":"developer"},{"role":"assistant","content":"2"},{"role":"system"}]}`,
			`{"model":"a","messages":[{"role":"system","content":"T"},{"role":"user","content":"1"},{"role":"assistant","content":"2"}]}`},
		{"ChatOnlyInstructions", chat, `{"model":"a","messages":[ {"role":"system"} , {"role":"developer"} ]}`,
			`{"model":"a","messages":[{"role":"system","content":"T"}  ]}`},
		{"ChatOddRoles", chat, `{"model":"a","messages":[{"r\u006fle":"SYSTEM"},{"Role":" developer"},{"role":"user","role":"system"},{"role":"user"}]}`,
			`{"model":"a","messages":[{"role":"system","content":"T"},{"role":"user"}]}`},
		{"ChatFieldsOfOthers", chat, `{"instructions":"i","model":"a","system":"s","messages":[1],"prompt":"p","Chat_Template":"x"}`,
			`{"model":"a","messages":[{"role":"system","content":"T"},1]}`},
		{"ChatWithoutMessages", chat, `{"model":"a"}`, `{"messages":[{"role":"system","content":"T"}],"model":"a"}`},
		{"ChatNullMessages", chat, `{"model":"a","messages":null}`, `{"model":"a","messages":[{"role":"system","content":"T"}]}`},
		{"Responses", responses, `{"model":"a","input":"hi","instructions":"mine","prompt":{"id":"pmpt_1"},"systemPrompt":"p"}`,
			`{"instructions":"T","model":"a","input":"hi"}`},
		{"ResponsesItems", responses, `{"model":"a","input":[{"role":"developer","content":"d"},{"type":"message","role":"user","content":"u"},{"type":"function_call","name":"f","arguments":"{\"role\":\"system\"}"}]}`,
			`{"instructions":"T","model":"a","input":[{"type":"message","role":"user","content":"u"},{"type":"function_call","name":"f","arguments":"{\"role\":\"system\"}"}]}`},
		{"Compact", compact, `{"model":"a","input":"x","instructions":null}`, `{"instructions":"T","model":"a","input":"x"}`},
		{"InputTokens", inputTokens, `{"model":"a","input":"x"}`, `{"instructions":"T","model":"a","input":"x"}`},
		{"Anthropic", messages, `{"system":[{"type":"text","text":"mine"}],"model":"a","max_tokens":1,"messages":[{"role":"system","content":"x"},{"role":"user","content":"hi"}]}`,
			`{"system":"T","model":"a","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`},
		{"AnthropicCount", count, `{"model":"a","messages":[]}`, `{"system":"T","model":"a","messages":[]}`},
		{"Gemini", generate, `{"systemInstruction":{"parts":[{"text":"mine"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}],"system_instruction":null}`,
			`{"systemInstruction":{"parts":[{"text":"T"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`},
		{"GeminiEmptied", generate, `{ "systemPrompt":"p" }`, `{"systemInstruction":{"parts":[{"text":"T"}]}  }`},
		{"GeminiRoleSystem", generate, `{"contents":[{"role":"system","parts":[]},{"parts":[]}]}`, `{"systemInstruction":{"parts":[{"text":"T"}]},"contents":[{"parts":[]}]}`},
		{"GeminiCount", countGemini, `{"contents":[{"parts":[{"text":"hi"}]}],"systemPrompt":"p"}`,
			`{"generateContentRequest":{"model":"models/gemini-2.5-flash","systemInstruction":{"parts":[{"text":"T"}]},"contents":[{"parts":[{"text":"hi"}]}]}}`},
		{"GeminiCountModel", countGemini, `{"model":"models/gemini-2.5-flash"}`,
			`{"generateContentRequest":{"systemInstruction":{"parts":[{"text":"T"}]},"model":"models/gemini-2.5-flash"}}`},
		{"GeminiCountEmpty", countGemini, `{}`, `{"generateContentRequest":{"model":"models/gemini-2.5-flash","systemInstruction":{"parts":[{"text":"T"}]}}}`},
		{"GeminiCountNull", countGemini, `{"generateContentRequest":null}`, `{"generateContentRequest":{"model":"models/gemini-2.5-flash","systemInstruction":{"parts":[{"text":"T"}]}}}`},
		{"GeminiCountNested", countGemini, `{"generateContentRequest":{"model":"models/gemini-2.5-flash","systemInstruction":{"parts":[]},"contents":[]},"systemPrompt":"p"}`,
			`{"generateContentRequest":{"systemInstruction":{"parts":[{"text":"T"}]},"model":"models/gemini-2.5-flash","contents":[]}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, instruct(t, c.path, c.body, "T")); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestInstruct_quotesTheText(t *testing.T) {
	t.Parallel()
	const text = "You are \"Ada\".\n\\ <b> \u2028 {{name}} 🙂"
	var got struct{ Instructions string }
	body := instruct(t, responses, `{"model":"a","input":"x"}`, text)
	if err := json.Unmarshal([]byte(body), &got); err != nil || got.Instructions != text {
		t.Errorf("got %q, %v; want %q", got.Instructions, err, text)
	}
}

func TestInstruct_refusesBodiesWithTurnsInTwoPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, body, param string }{
		{chat, `{"model":"a","messages":[],"messages":[{"role":"system"}]}`, "messages"},
		{chat, `{"model":"a","Messages":[{"role":"system"}]}`, "messages"},
		{chat, `{"model":"a","messages":"hi"}`, "messages"},
		{chat, `{"model":"a","messages":[` + strings.Repeat(`{"role":"system"},`, maxInstructions) + `{"role":"system"}]}`, "messages"},
		{responses, `{"model":"a","input":"x","INPUT":"y"}`, "input"},
		{generate, `{"contents":[],"contents":[]}`, "contents"},
		{countGemini, `{"generateContentRequest":{},"generate_content_request":{}}`, "generateContentRequest"},
	} {
		_, err := accept(t, c.path, c.body).Instruct("T")
		wantRefusal(t, nil, err, c.param, "")
	}
}

func TestUninstruct_removesOnlyOurFields(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"model":"a","systemPrompt":null,"instructions":"i"}`:         `{"model":"a","instructions":"i"}`,
		`{"systemPromptVariables":{},"model":"a","systemPrompt":null}`: `{"model":"a"}`,
		`{"model":"a"}`: `{"model":"a"}`,
	} {
		got, err := accept(t, responses, body).Uninstruct()
		if err != nil || string(got) != want {
			t.Errorf("%s became %s, %v; want %s", body, got, err, want)
		}
	}
}

func TestPromptVariables(t *testing.T) {
	t.Parallel()
	got, err := accept(t, chat, `{"model":"a","systemPromptVariables":{"n\u0061me":"\u0041\n","b":""}}`).PromptVariables()
	if diff := cmp.Diff(map[string]string{"name": "A\n", "b": ""}, got); err != nil || diff != "" {
		t.Errorf("err %v, variables (-want +got):\n%s", err, diff)
	}
	for _, none := range []string{`{"model":"a"}`, `{"model":"a","systemPromptVariables":null}`} {
		if got, err := accept(t, chat, none).PromptVariables(); got != nil || err != nil {
			t.Errorf("%s: got %v, %v", none, got, err)
		}
	}
	many := `{"model":"a","systemPromptVariables":{`
	for i := range maxVariables + 1 {
		many += fmt.Sprintf(`"v%d":"",`, i)
	}
	for _, c := range []struct{ vars, param, says string }{
		{`{"a":1}`, "systemPromptVariables.a", "must be a string, got a number"},
		{`{"a":"1","\u0061":"2"}`, "systemPromptVariables.a", "more than once"},
		{`{"a":"` + strings.Repeat("x", maxVariable+1) + `"}`, "systemPromptVariables.a", "longer than 2048 bytes"},
		{`{"a":"\ud800"}`, "systemPromptVariables.a", "broken Unicode"},
	} {
		_, err := accept(t, chat, `{"model":"a","systemPromptVariables":`+c.vars+`}`).PromptVariables()
		wantRefusal(t, nil, err, c.param, c.says)
	}
	_, err = accept(t, chat, many[:len(many)-1]+`}}`).PromptVariables()
	wantRefusal(t, nil, err, "systemPromptVariables", "more than 100")
}

// without is what cut does, on a decoded document.
func without(v any, drop func(string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			if drop(name) {
				delete(v, name)
			}
		}
	case []any:
		return slices.DeleteFunc(v, func(e any) bool { return drop(fmt.Sprint(e)) })
	}
	return v
}

// checkCut removes the members or elements that drop names from a document and compares with the decoded document.
func checkCut(t *testing.T, body []byte, drop func(string) bool) {
	t.Helper()
	var before any
	if json.Unmarshal(body, &before) != nil {
		return
	}
	s := scanner{data: body}
	k, err := s.peek()
	if err != nil || k != object && k != array {
		return
	}
	closing := byte('}')
	if k == array {
		closing = ']'
	}
	p := patches{body: body}
	left, err := p.cut(s.pos, closing, func(name, value token) (bool, error) {
		if closing == '}' {
			return drop(string(p.word(name))), nil
		}
		var element any
		if err := json.Unmarshal(body[value.start:value.end], &element); err != nil {
			t.Fatal(err)
		}
		return drop(fmt.Sprint(element)), nil
	})
	if err != nil {
		t.Fatalf("cut(%s): %v", body, err)
	}
	var after any
	if err := json.Unmarshal(p.apply(), &after); err != nil {
		t.Fatalf("%s became %s: %v", body, p.apply(), err)
	}
	want := without(before, drop)
	if diff := cmp.Diff(want, after); diff != "" {
		t.Fatalf("%s became %s (-want +got):\n%s", body, p.apply(), diff)
	}
	n := 0
	switch v := after.(type) {
	case map[string]any:
		n = len(v)
	case []any:
		n = len(v)
	}
	if left != (n > 0) {
		t.Errorf("%s: left is %v, and %d are left", body, left, n)
	}
	if !subsequence(p.apply(), body) {
		t.Errorf("%s became %s, which has bytes of its own", body, p.apply())
	}
}

func subsequence(of, body []byte) bool {
	i := 0
	for _, b := range body {
		if i < len(of) && of[i] == b {
			i++
		}
	}
	return i == len(of)
}

func dropping(bits uint64) func(string) bool {
	return func(name string) bool {
		h := uint64(14695981039346656037)
		for _, b := range []byte(name) {
			h = (h ^ uint64(b)) * 1099511628211
		}
		return bits>>(h%64)&1 == 1
	}
}

// Removing and parsing equals removing from the decoded document.
func TestCutEqualsRemovingFromTheDecodedDocument(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	space := func() string { return []string{"", "", " ", "\n", "\t ", "\r\n  "}[r.IntN(6)] }
	values := []string{`1`, `"a"`, `"\"],}\\"`, `[1, {"x":[]}]`, `{"y" : "}" ,"z":[{}]}`, `null`, `-1.5e3`, `"\u0041"`}
	for range 20000 {
		n := r.IntN(6)
		var b strings.Builder
		isObject := r.IntN(2) == 0
		open, closing := "[", "]"
		if isObject {
			open, closing = "{", "}"
		}
		b.WriteString(space() + open + space())
		for i := range n {
			if i > 0 {
				b.WriteString(space() + "," + space())
			}
			if isObject {
				b.WriteString(fmt.Sprintf(`"k%d"`, i) + space() + ":" + space())
			}
			b.WriteString(values[r.IntN(len(values))])
		}
		b.WriteString(space() + closing + space())
		checkCut(t, []byte(b.String()), dropping(r.Uint64()&r.Uint64()))
	}
}

func FuzzCut(f *testing.F) {
	for _, body := range []string{`{"a":1,"b":2 , "c":3}`, `[1,2,3]`, `{}`, `[ ]`, `{"a":{"b":[1,2]}}`, `["a","a"]`} {
		f.Add([]byte(body), uint64(0x5555555555555555))
	}
	f.Fuzz(func(t *testing.T, body []byte, bits uint64) {
		e := Envelope{body: body, Endpoint: at(t, chat)}
		if e.readJSON() != nil { // the strict reader refuses names that decoders disagree about
			return
		}
		if strings.Contains(string(body), `\u`) || duplicates(body) {
			return
		}
		checkCut(t, body, dropping(bits))
	})
}

// duplicates reports whether a member's name occurs twice, of which decoders keep one.
func duplicates(body []byte) bool {
	names := map[string]bool{}
	s := scanner{data: body}
	err := s.each('}', func(name, _ token) error {
		if n, _ := s.decode(name); names[n] {
			return fmt.Errorf("twice")
		} else {
			names[n] = true
		}
		return nil
	})
	return err != nil
}

// FuzzInstruct: an instructed body is read again without the client's instructions, and has the text once.
func FuzzInstruct(f *testing.F) {
	seeds := []string{`{"model":"a","messages":[{"role":"system"},{"role":"user"}],"systemPrompt":"p"}`, `{"model":"a","input":[{"role":"developer"}],"prompt":{}}`,
		`{"contents":[],"systemInstruction":{}}`, `{"generateContentRequest":{"contents":[]}}`}
	paths := []string{chat, responses, messages, generate, countGemini, compact}
	for i := range paths {
		for _, s := range seeds {
			f.Add(uint8(i), []byte(s), "You are \"Ada\"")
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte, text string) {
		path := paths[int(which)%len(paths)]
		e, err := Parse(at(t, path), "", body)
		if err != nil {
			return
		}
		got, err := e.Instruct(text)
		if err != nil {
			return
		}
		again, err := Parse(at(t, path), "", got)
		if err != nil {
			t.Fatalf("%q became %q, which is refused: %v", body, got, err)
		}
		if again.PromptFields() || again.Model != e.Model || again.Stream != e.Stream || again.MaxOutput != e.MaxOutput {
			t.Fatalf("%q became %q, another request", body, got)
		}
		once, err := again.Instruct(text)
		if err != nil || string(once) != string(got) && len(once) != len(got) {
			t.Fatalf("instructing %q again makes %q, %v", got, once, err)
		}
	})
}
