package wire

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

// at returns the endpoint of a path, which must exist.
func at(t testing.TB, path string) Endpoint {
	t.Helper()
	ep, err := Match(http.MethodPost, path)
	if err != nil {
		t.Fatalf("Match(POST, %q) = %v", path, err)
	}
	return ep
}

// accept parses a JSON body that must be accepted.
func accept(t testing.TB, path, body string) *Envelope {
	t.Helper()
	e, err := Parse(at(t, path), "application/json", []byte(body))
	if err != nil {
		t.Fatalf("Parse(%s, %.200q) = %v, want it accepted", path, body, err)
	}
	return e
}

// controlBytes are the bytes of a JSON body that are control fields which no model reads.
func controlBytes(t testing.TB, path, body string) (n int64) {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(body), &members); err != nil {
		t.Fatal(err)
	}
	if at(t, path).Dialect == Gemini {
		return 0
	}
	for _, name := range []string{"model", "stream", "max_tokens", "max_completion_tokens", "max_output_tokens", "n"} {
		if value := string(members[name]); value != "" && value != "null" {
			n += int64(len(`"":`) + len(name) + len(value))
		}
	}
	return n
}

// refuse parses a JSON body that must be refused with a 400 for param whose message contains says.
func refuse(t testing.TB, path, body, param, says string) {
	t.Helper()
	e, err := Parse(at(t, path), "application/json", []byte(body))
	wantRefusal(t, e, err, param, says)
}

func wantRefusal(t testing.TB, e *Envelope, err error, param, says string) {
	t.Helper()
	var refusal *Error
	if !errors.As(err, &refusal) {
		t.Fatalf("got %+v, %v; want an *Error", e, err)
	}
	if e != nil {
		t.Errorf("got an envelope beside the error %v", err)
	}
	if refusal.Status != http.StatusBadRequest || refusal.Code != "invalid_request" {
		t.Errorf("got status %d, code %q; want 400, invalid_request", refusal.Status, refusal.Code)
	}
	if refusal.Param != param {
		t.Errorf("got param %q, want %q (message %q)", refusal.Param, param, refusal.Message)
	}
	if !strings.Contains(refusal.Message, says) {
		t.Errorf("got message %q, want it to contain %q", refusal.Message, says)
	}
}

const (
	chat       = "/v1/chat/completions"
	legacy     = "/v1/completions"
	responses  = "/v1/responses"
	messages   = "/v1/messages"
	generate   = "/v1beta/models/gemini-2.5-flash:generateContent"
	batchEmbed = "/v1beta/models/gemini-embedding-001:batchEmbedContents"
	png        = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
