package provider

import (
	"net/http"
	"strings"
	"testing"
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
	plain := "data: {\"error\":null,\"text\":\"your billing, your organization\"}\n\n: ping\n\ndata: {\"error\":{\"message\":\"Overloaded\"}}\r\n\r\ndata: [DONE]\n\n"
	for stream, want := range map[string]string{
		plain: plain, "": "",
		"data: " + strings.Repeat("x", 2*mostHeld) + "data: {\"error\":{\"code\":\"insufficient_quota\"}}":                                          "data: " + strings.Repeat("x", 2*mostHeld) + "data: {\"error\":{\"code\":\"insufficient_quota\"}}",
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
				t.Fatalf("in pieces of %d: got %q, want %q", size, got.String(), want)
			}
		}
	}
}
