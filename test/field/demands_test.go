package field

import (
	"github.com/airatelimit/airatelimit/test/stack"
	"net/http"
	"testing"
)

// TestDemands has the failures about what a body asks for beside an answer of its model.
func TestDemands(t *testing.T) {
	t.Parallel()

	t.Run("background answers are never counted", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"tokenLimit": 100000}`)
		for _, body := range []string{`{"model":"gpt-4o","input":"hello","background":true}`, `{"model":"gpt-4o","input":"hello","background":true,"stream":true}`} {
			stack.WantStatus(t, s.Post("/v1/responses", "ann", body), http.StatusBadRequest)
		}
		wantUsed(t, s, "ann", 0, 0)
		if n := s.Seen.Total(); n != 0 {
			t.Errorf("%d background requests have reached the provider", n)
		}
	})

	t.Run("a second model in tools, fallbacks or `models` passes the list of allowed ones", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{"allowedModels": ["gpt-4o", "claude-haiku-4-5"]}`)
		for path, bodies := range map[string][]string{
			chatPath:        {`{"model":"gpt-4o","messages":[{"role":"user","content":"x"}],"models":["o1-pro"]}`},
			"/v1/responses": {`{"model":"gpt-4o","input":"x","tools":[{"type":"image_generation","model":"gpt-image-1"}]}`},
			messagesPath: {
				`{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"x"}],"fallbacks":[{"model":"claude-opus-4-1"}]}`,
				`{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"x"}],"tools":[{"type":"advisor_20260301","name":"advisor","model":"claude-opus-4-1"}]}`},
		} {
			for _, body := range bodies {
				stack.WantStatus(t, s.Post(path, "ann", body), http.StatusForbidden)
			}
		}
		stack.WantStatus(t, s.Post(messagesPath, "ann", `{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":"x"}],"fallbacks":"default"}`), http.StatusBadRequest)
		wantUsed(t, s, "ann", 0, 0)
	})

	t.Run("ids of the developer's files, stores, prompts and containers work for every user", func(t *testing.T) {
		t.Parallel()
		s := limited(t, `{}`)
		for path, bodies := range map[string][]string{
			chatPath: {`{"model":"gpt-4o","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}`},
			"/v1/responses": {
				`{"model":"gpt-4o","input":"x","tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]}`,
				`{"model":"gpt-4o","input":"x","tools":[{"type":"code_interpreter","container":"cntr_1"}]}`,
				`{"model":"gpt-4o","input":"x","prompt":{"id":"pmpt_1"}}`},
			messagesPath: {
				`{"model":"claude-haiku-4-5","max_tokens":9,"container":"container_1","messages":[{"role":"user","content":"x"}]}`,
				`{"model":"claude-haiku-4-5","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"file","file_id":"file_1"}}]}]}`},
		} {
			for _, body := range bodies {
				stack.WantStatus(t, s.Post(path, "ann", body), http.StatusBadRequest)
			}
		}
		if n := s.Seen.Total(); n != 0 {
			t.Errorf("%d requests have reached the provider", n)
		}
	})
}
