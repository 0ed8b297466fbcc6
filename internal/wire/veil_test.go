package wire

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVeil(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"Whole", `{"id":"resp_1", "instructions" : "be \"brief\" {[", "output":[{"instructions":"kept"}],"n":1}`, `{"id":"resp_1", "instructions" : null, "output":[{"instructions":"kept"}],"n":1}`},
		{"List", "\n {\"instructions\":[{\"role\":\"developer\",\"content\":\"]}\\\"\"}],\"a\":{}}\n", "\n {\"instructions\":null,\"a\":{}}\n"},
		{"Null", `{"instructions":null}`, `{"instructions":null}`},
		{"Number", `{"prompt_token_ids": 12 ,"a":1}`, `{"prompt_token_ids": null ,"a":1}`},
		{"Escaped", `{"instr\u0075ctions":"x","instructions ":"y"}`, `{"instr\u0075ctions":null,"instructions ":"y"}`},
		{"InText", `{"a":"\"instructions\":\"x\"","b":["instructions","x"]}`, `{"a":"\"instructions\":\"x\"","b":["instructions","x"]}`},
		{"Deep", `{"tools":[{"parameters":{"instructions":"x"}}],"response":[{"instructions":"y"}],"metadata":{"instructions":"z"}}`, `{"tools":[{"parameters":{"instructions":"x"}}],"response":[{"instructions":"y"}],"metadata":{"instructions":"z"}}`},
		{"Events", "event: response.created\r\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"instructions\":\"secret\",\"a\":[1]},\"n\":0}\r\n\r\ndata: {\"delta\":\"instructions\"}\n\ndata: [DONE]\n\n",
			"event: response.created\r\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"instructions\":null,\"a\":[1]},\"n\":0}\r\n\r\ndata: {\"delta\":\"instructions\"}\n\ndata: [DONE]\n\n"},
		{"EventInLines", "data: {\"instructions\":\ndata:  \"secret\",\ndata: \"a\":1}\n\n", "data: {\"instructions\":\ndata:  null,\ndata: \"a\":1}\n\n"},
		{"EventInLinesOfWindows", "data: {\"instructions\":\r\ndata: \"a\r\ndata: b\"}\r\n\r\n", "data: {\"instructions\":\r\ndata: null\r\ndata:}\r\n\r\n"},
		{"BrokenEvent", ": hi\ndata: {\"instructions\":\"cut off\n\ndata: {\"instructions\":\"x\"}\n\n", ": hi\ndata: {\"instructions\":null\n\ndata: {\"instructions\":null}\n\n"},
		{"ByteOrderMark", "\uFEFF{\"instructions\":\"x\"}", "\uFEFF{\"instructions\":null}"},
		{"Array", `[{"instructions":"x"}]`, `[{"instructions":"x"}]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= len(c.in); size++ {
				v := Veil{On: true}
				var got []byte
				for rest := []byte(c.in); len(rest) > 0; {
					n := min(size, len(rest))
					got = append(got, v.Next(rest[:n])...)
					rest = rest[n:]
				}
				if diff := cmp.Diff(c.want, string(got)); diff != "" {
					t.Fatalf("in pieces of %d (-want +got):\n%s", size, diff)
				}
			}
			var off Veil
			if got := off.Next([]byte(c.in)); string(got) != c.in {
				t.Errorf("without a prompt: %s", got)
			}
		})
	}
}

// FuzzVeil: a document is the same but for the members that are replaced.
func FuzzVeil(f *testing.F) {
	f.Add([]byte(`{"instructions":{"a":[1,"x"]},"response":{"instructions":"y","b":null}}`))
	f.Add([]byte(`{"response":{"response":{"instructions":1}},"instructions":2e5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var before any
		e := Envelope{body: body, Endpoint: at(t, chat)}
		if e.readJSON() != nil || duplicates(body) || json.Unmarshal(body, &before) != nil {
			return
		}
		v := Veil{On: true}
		got := v.Next(body)
		var after any
		if err := json.Unmarshal(got, &after); err != nil {
			t.Fatalf("%s became %s: %v", body, got, err)
		}
		root, _ := before.(map[string]any)
		inner, _ := root["response"].(map[string]any)
		for _, of := range []map[string]any{root, inner} {
			for _, name := range veiled {
				if _, ok := of[name]; ok {
					of[name] = nil
				}
			}
		}
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("%s became %s (-want +got):\n%s", body, got, diff)
		}
	})
}
