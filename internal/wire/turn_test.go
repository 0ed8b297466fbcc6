package wire

import (
	"strings"
	"testing"
)

// turnsOf returns the texts of a body with the speaker before each.
func turnsOf(t testing.TB, path, body string) string {
	t.Helper()
	e, err := ParseTurns(at(t, path), "application/json", []byte(body))
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var all []string
	e.Turns(func(turn Turn) bool {
		all = append(all, string("uast"[turn.Speaker])+":"+turn.Text())
		return true
	})
	if e.Tokenised {
		all = append(all, "tokens")
	}
	return strings.Join(all, "|")
}

func TestTurns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ path, body, want string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"system","content":"s"},{"role":"user","content":"a\u0062"},{"role":"assistant","content":"c","refusal":"r"},{"role":"tool","content":"t"}]}`, "u:ab|a:c|a:r|t:t"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x"}}],"role":"user"}]}`, "u:a"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"developer","content":[{"type":"text","text":"d"}]},{"content":"no role"}]}`, "u:no role"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"system","role":"user","content":"a"},{"role":"System","content":"b"}]}`, "u:a|u:b"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","Content":"a","content":"b"}],"Messages":[{"role":"user","content":"c"}]}`, "u:a|u:b|u:c"},
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","description":"d"}}],"metadata":{"content":"x"}}`, "u:a"},
		{"/v1/completions", `{"model":"m","prompt":"a"}`, "u:a"},
		{"/v1/completions", `{"model":"m","prompt":["a","b"]}`, "u:a|u:b"},
		{"/v1/completions", `{"model":"m","prompt":[1,2]}`, "tokens"},
		{"/v1/completions", `{"model":"m","prompt":[[1],[2]]}`, "tokens"},
		{"/v1/responses", `{"model":"m","instructions":"i","input":"a"}`, "u:a"},
		{"/v1/responses", `{"model":"m","input":[{"role":"user","content":"a"},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},{"type":"function_call_output","call_id":"c","output":"o"},{"role":"system","content":"s"}]}`, "u:a|a:b|t:o"},
		{"/v1/messages", `{"model":"m","system":"s","messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]}]}`, "u:a|a:b"},
		{"/v1/messages", `{"model":"m","system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"text","text":"o"}]},{"type":"text","text":"a"}]}]}`, "t:o|u:a"},
		{"/v1/messages", `{"model":"m","messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"d"}}]}]}`, "u:d"},
		{"/v1beta/models/g:generateContent", `{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"a"}]},{"role":"model","parts":[{"text":"b"}]},{"parts":[{"functionResponse":{"name":"f","response":{"x":"o"}}}]}]}`, `u:a|a:b|t:{"name":"f","response":{"x":"o"}}`},
	} {
		if got := turnsOf(t, c.path, c.body); got != c.want {
			t.Errorf("%s %s\ngot  %s\nwant %s", c.path, c.body, got, c.want)
		}
		if e := accept(t, c.path, c.body); e.turns != nil || e.Tokenised {
			t.Errorf("%s: Parse collects turns", c.body)
		}
	}
}

func TestTurnEnds(t *testing.T) {
	t.Parallel()
	e, err := ParseTurns(at(t, "/v1/completions"), "", []byte(`{"model":"m","prompt":"äöü\u00e4\ud83d\ude00 end"}`))
	if err != nil {
		t.Fatal(err)
	}
	e.Turns(func(turn Turn) bool {
		for n := range len(turn.Raw) / 2 {
			head, tail := turn.Ends(n)
			if whole := turn.Text(); !strings.HasPrefix(whole, head) || !strings.HasSuffix(whole, tail) {
				t.Errorf("%d: %q and %q of %q", n, head, tail, whole)
			}
		}
		return true
	})
}
