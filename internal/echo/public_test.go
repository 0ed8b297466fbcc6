package echo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
)

// Clients of a public provider need no key, cannot choose a fault, and get answers of a bounded size.
func TestAPublicProviderIsBounded(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{Public: true})
	long, _ := json.Marshal(strings.Repeat("word ", 100_000))
	chat := func(text string) string {
		return `{"model":"m","messages":[{"role":"user","content":` + text + `}]}`
	}
	many := `"a"` + strings.Repeat(`,"a"`, 200)
	for name, tc := range map[string]struct {
		path, body string
		status     int
		most       int // bytes of the answer
	}{
		"a long text":           {"/v1/chat/completions", chat(string(long)), 200, 6 << 10},
		"a long text, streamed": {"/v1/chat/completions", strings.Replace(chat(string(long)), "{", `{"stream":true,`, 1), 200, 300 << 10},
		"a long text to speak":  {"/v1/audio/speech", `{"model":"m","input":` + string(long) + `}`, 200, 1 << 20},
		"a huge body":           {"/v1/chat/completions", chat(`"` + strings.Repeat("x", 2<<20) + `"`), 413, 1 << 10},
		"many answers":          {"/v1/chat/completions", strings.Replace(chat(`"hi"`), "{", `{"n":9,`, 1), 400, 1 << 10},
		"many completions":      {"/v1/completions", `{"model":"m","prompt":[` + many + `]}`, 400, 1 << 10},
		"endless completions":   {"/v1/completions", `{"model":"m","prompt":"a","n":1000000000000}`, 400, 1 << 10},
		"many embeddings":       {"/v1/embeddings", `{"model":"m","dimensions":4096,"input":[` + many + `]}`, 400, 1 << 10},
		"many moderations":      {"/v1/moderations", `{"model":"m","input":[` + many + `]}`, 400, 1 << 10},
		"endless images":        {"/v1/images/generations", `{"model":"m","prompt":"a","stream":true,"partial_images":1000000000000}`, 400, 1 << 10},
		"many requests":         {"/v1beta/models/m:batchEmbedContents", `{"requests":[{}` + strings.Repeat(`,{}`, 200) + `]}`, 400, 1 << 10},
		"a fault by the model":  {"/v1/chat/completions", strings.Replace(chat(`"hi"`), `"m"`, `"m-fault-huge-event"`, 1), 200, 1 << 10},
	} {
		if status, body := answer(t, url+tc.path, tc.body, "Authorization", "", "X-Goog-Api-Key", "", echo.FaultHeader, "server-error"); status != tc.status || len(body) > tc.most {
			t.Errorf("%s: status %d, %d bytes, want %d and at most %d: %.300s", name, status, len(body), tc.status, tc.most, body)
		}
	}
}

// The list of models is there for a check of a key, in each vendor's form.
func TestTheListOfModels(t *testing.T) {
	t.Parallel()
	p := echo.New(echo.Options{Models: []string{"a", "b"}})
	srv := httptest.NewServer(p)
	t.Cleanup(srv.Close)
	for path, header := range map[string][2]string{
		"/v1/models":     {"Authorization", "Bearer key"},
		"/v1/models?":    {"X-Api-Key", "key"},
		"/v1beta/models": {"X-Goog-Api-Key", "key"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header[0], header[1])
		if header[0] == "X-Api-Key" {
			req.Header.Set("Anthropic-Version", "2023-06-01")
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		var list struct {
			Data   []struct{ ID string }
			Models []struct{ Name string }
		}
		if err != nil || json.Unmarshal(body, &list) != nil || resp.StatusCode != 200 || len(list.Data)+len(list.Models) != 2 {
			t.Errorf("%s: status %d, %v: %s", path, resp.StatusCode, err, body)
		}
		if status, _ := answer(t, srv.URL+path, `{}`); status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: status %s", path, strconv.Itoa(status))
		}
	}
}
