package provider

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// However a stream is cut into pieces, the message of an error event about the account is replaced, and every other byte is
// the provider's.
func TestErrorEventsAboutTheAccount(t *testing.T) {
	t.Parallel()
	target, err := Route(snapshot(t, storedKeys), endpoint(t, http.MethodPost, chatPath), "gpt-x", "")
	if err != nil {
		t.Fatal(err)
	}
	const own = `{"type":"error","code":"provider_auth_failed","message":` + accountMessage + `}`
	const account, overloaded = `{"message":"Rate limit in organization org-AbCdEf12","error":"{[\\\"" }`, `{"message":"Overloaded"}`
	long := `{"message":"` + strings.Repeat("x", maxHeld) + `insufficient_quota"}`
	plain := "data: {\"error\":null,\"text\":\"your billing, your organization\"}\n\n: ping\n\ndata: {\"error\":{\"message\":\"Overloaded\"}}\r\n\r\ndata: [DONE]\n\n"
	for stream, want := range map[string]string{
		plain: plain, "": "",
		"data: {\"error\":\"Your team has no available credits\"}\n\n":                    "data: {\"error\":" + accountMessage + "}\n\n",
		"data: {\"x\":\"org-AbCdEf12\",\"error\":\"org-AbCdEf12\"}\n":                     "data: {\"x\":\"org-AbCdEf12\",\"error\":" + accountMessage + "}\n",
		"data: {\"object\":\"error\",\"message\":\"insufficient_quota\",\"code\":1}\n\n":  "data: " + own + "\n\n",
		"data: {\"error\":{\"code\":\"invalid_api_key\"}}\n\n":                            "data: {\"error\":" + own + "}\n\n",
		"data: {\"error\":{\"code\":\"insufficient_quota\"}}\r\rdata: {\"error\":null}\r": "data: {\"error\":" + own + "}\r\rdata: {\"error\":null}\r",

		`{"error":` + account + `}`: `{"error":` + own + `}`,
		" \n{ \"id\" : \"error\",\n\"error\" :\n" + account + " , \"x\":[{\"error\":" + account + "}]}\n": " \n{ \"id\" : \"error\",\n\"error\" :\n" + own + " , \"x\":[{\"error\":" + account + "}]}\n",
		`{"error":"insufficient_quota"}`: `{"error":` + accountMessage + `}`,
		`{"error":null,"text":"your billing","x":{"error":` + account + `},"er\u0072or":"\\"}`:                                                      `{"error":null,"text":"your billing","x":{"error":` + account + `},"er\u0072or":"\\"}`,
		`{"error":` + overloaded + `,"errors":"insufficient_quota"}`:                                                                                `{"error":` + overloaded + `,"errors":"insufficient_quota"}`,
		`[{"candidates":["error",":",{"error":` + account + `}]},{"error":` + account + `},{"error":"x"}]`:                                          `[{"candidates":["error",":",{"error":` + account + `}]},{"error":` + own + `},{"error":"x"}]`,
		"[{\n  \"error\": " + account + "\n}\n]":                                                                                                    "[{\n  \"error\": " + own + "\n}\n]",
		"\uFEFF{\"error\":" + account + "}":                                                                                                         `{"error":` + own + `}`,
		"\uFEFFdata: {\"error\":" + account + "}\n":                                                                                                 "data: {\"error\":" + own + "}\n",
		`{"x":1}{"error":` + account + `}`:                                                                                                          `{"x":1}{"error":` + own + `}`,
		`{"error":` + account[:len(account)-1]:                                                                                                      `{"error":` + own,
		`{"error":` + long + `,"x":"` + strings.Repeat(`\"`, 40_000) + `"}`:                                                                         `{"error":` + long + `,"x":"` + strings.Repeat(`\"`, 40_000) + `"}`,
		"data: " + strings.Repeat("x", 2*maxHeld) + "data: {\"error\":{\"code\":\"insufficient_quota\"}}":                                           "data: " + strings.Repeat("x", 2*maxHeld) + "data: {\"error\":{\"code\":\"insufficient_quota\"}}",
		"data: {\"error\":{\"message\":\"Rate limit in organization org-AbCdEf12\"}}\n\n":                                                           "data: {\"error\":" + own + "}\n\n",
		"event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"insufficient_quota\"}}}\n\n" + plain:       "event: response.failed\ndata: {\"type\":\"response.failed\",\"response\":{\"error\":" + own + "}}\n\n" + plain,
		"data: {\"type\":\"error\",\"code\":\"insufficient_quota\",\"message\":\"You exceeded your current quota\",\"sequence_number\":2}\n":        "data: " + own + "\n",
		"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":\"Your credit balance is too low\"},\"request_id\":\"r\"}\n": "event: error\ndata: {\"type\":\"error\",\"error\":" + own + ",\"request_id\":\"r\"}\n",
	} {
		for size := 1; size <= len(stream)+1; size += 1 + size/64*size {
			found := 0
			c := Complaints{Provider: target.Provider, Found: func(Complaint) { found++ }}
			var got strings.Builder
			for rest := stream; rest != ""; {
				n := min(size, len(rest))
				got.Write(c.Next([]byte(rest[:n]), false))
				rest = rest[n:]
			}
			got.Write(c.Next(nil, true))
			if got.String() != want || found > 1 {
				t.Fatalf("in pieces of %d: got %.500q, want %.500q", size, got.String(), want)
			}
		}
		c := Complaints{Provider: target.Provider, Found: func(Complaint) {}}
		if got := string(c.Next([]byte(stream), true)); got != want {
			t.Errorf("at once: got %.500q, want %.500q", got, want)
		}
	}
	c := Complaints{Provider: target.Provider, DocsURL: "https://docs.example", Found: func(Complaint) {}}
	if got := string(c.Next([]byte(`{"error":`+account+`}`), true)); !strings.Contains(got, `"doc_url":"https://docs.example/errors.md#provider_auth_failed"`) {
		t.Errorf("no doc_url: %s", got)
	}
	c = Complaints{Provider: target.Provider, Dialect: wire.Gemini, Found: func(Complaint) {}}
	const google = `[{"error":{"message":` + accountMessage + `,"code":502,"status":"UNAVAILABLE","details":[` +
		`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"PROVIDER_AUTH_FAILED","domain":"airatelimit","metadata":{}}]}}]`
	if got := string(c.Next([]byte(`[{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"You exceeded your current quota"}}]`), true)); got != google {
		t.Errorf("Gemini's error: got %s, want %s", got, google)
	}
}

// An error that quotes the developer's text is replaced, with the app's own key too, and however long the quotation is.
// Errors about the app's own key are shown.
func TestErrorsThatQuoteAreReplaced(t *testing.T) {
	t.Parallel()
	const own = `{"type":"error","code":"provider_refused","message":` + quotingMessage + `}`
	request := `{\"messages\":[\"` + strings.Repeat("x", 4*maxHeld) + ` hush\"]}`
	for answer, want := range map[string]string{
		"data: {\"error\":{\"message\":\"" + request + "\"}}\n\ndata: {\"text\":\"hush\"}\n\n": "data: {\"error\":" + own + "}\n\ndata: {\"text\":\"hush\"}\n\n",
		`[{"text":"hush"},{"error":{"message":"` + request + `"}}]`:                            `[{"text":"hush"},{"error":` + own + `}]`,
		`{"error":"` + request + `"}`:                                                          `{"error":` + quotingMessage + `}`,
		"data: {\"error\":{\"code\":\"invalid_api_key\"}}\n\n":                                 "data: {\"error\":{\"code\":\"invalid_api_key\"}}\n\n",
	} {
		for _, size := range []int{1, 100, 1 << 20} {
			c := Complaints{Quotes: func(failure []byte) bool { return bytes.Contains(failure, []byte("hush")) }}
			var got []byte
			for rest := []byte(answer); len(rest) > 0; {
				n := min(size, len(rest))
				got = append(got, c.Next(bytes.Clone(rest[:n]), n == len(rest))...)
				rest = rest[n:]
			}
			if string(got) != want {
				t.Errorf("in pieces of %d: got %.300q, want %.300q", size, got, want)
			}
		}
	}
}

// Only errors are held back: every other byte of JSON passes at once, and so does every other line of a stream.
func TestComplaintsHoldNothingElseBack(t *testing.T) {
	t.Parallel()
	target, err := Route(snapshot(t, storedKeys), endpoint(t, http.MethodPost, chatPath), "gpt-x", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{`[{"candidates":[{"text":"the \"error\": {"}]},` + "\n" + `{"error":null}]`, "data: {\"a\":1}\r", ": ping\n", "event: error\r\n", "  "} {
		c := Complaints{Provider: target.Provider, Found: func(Complaint) {}}
		for i := range len(answer) {
			if got := string(c.Next([]byte{answer[i]}, false)); answer[0] == '[' && got != answer[i:i+1] {
				t.Errorf("%q: byte %d came as %q", answer, i, got)
			} else if i == len(answer)-1 && got == "" {
				t.Errorf("%q: its end is held back", answer)
			}
		}
	}
}

// For any answer in any pieces, what does not complain passes as it is.
func FuzzComplaints(f *testing.F) {
	for _, seed := range []string{"data: {\"error\":{}}\n\n", `[{"error":{"x":"\\"}},{}]`, `{"error":"x","a":{"error":[1,{}]}}`, "{}[]}]{\"error\":{", "\r\n: x\rdata:"} {
		f.Add([]byte(seed), uint8(3))
	}
	target := &project.Provider{Key: "sk-stored-0123456789abcdef"}
	f.Fuzz(func(t *testing.T, answer []byte, size uint8) {
		if Complain(0, answer, target).Kind != NoComplaint {
			return
		}
		c := Complaints{Provider: target, Found: func(Complaint) { t.Fatal("complained") }}
		var got []byte
		for rest := answer; len(rest) > 0; {
			n := min(int(size)+1, len(rest))
			got = append(got, c.Next(bytes.Clone(rest[:n]), n == len(rest))...)
			rest = rest[n:]
		}
		if !bytes.Equal(got, answer) {
			t.Fatalf("got %q, want %q", got, answer)
		}
	})
}
