package echo_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/echo"
)

// form returns a multipart body with one file of 100 bytes and its content type.
func form(t *testing.T, fileField string, fields map[string]string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile(fileField, "talk.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestFormsAreAnsweredInTheFormatAsked(t *testing.T) {
	t.Parallel()
	var rec echo.Recorder
	url := serve(t, echo.Options{Recorder: &rec})
	for name, tc := range map[string]struct {
		path, file string
		fields     map[string]string
		want       string
	}{
		"translation": {"/v1/audio/translations", "file", map[string]string{"model": "whisper-1"}, `{"text":"echo: talk.mp3"}`},
		"text":        {"/v1/audio/transcriptions", "file", map[string]string{"model": "whisper-1", "response_format": "text"}, "echo: talk.mp3\n"},
		"srt":         {"/v1/audio/transcriptions", "file", map[string]string{"model": "whisper-1", "response_format": "srt"}, "00:00:01,000\necho"},
		"vtt":         {"/v1/audio/transcriptions", "file", map[string]string{"model": "whisper-1", "response_format": "vtt"}, "WEBVTT"},
		"verbose":     {"/v1/audio/transcriptions", "file", map[string]string{"model": "whisper-1", "response_format": "verbose_json"}, `"duration":1`},
		"no model":    {"/v1/audio/transcriptions", "file", nil, `"param":"file"`},
		"edit":        {"/v1/images/edits", "image", map[string]string{"model": "gpt-image-1", "prompt": "x", "n": "2"}, `"output_tokens":544`},
		"edit stream": {"/v1/images/edits", "image[]", map[string]string{"model": "gpt-image-1", "prompt": "x", "stream": "true"}, "event: image_edit.completed\n"},
		"edit naught": {"/v1/images/edits", "mask", map[string]string{"model": "gpt-image-1", "prompt": "x"}, `"param":"image"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, kind := form(t, tc.file, tc.fields)
			if status, got := answer(t, url+tc.path, body, "Content-Type", kind); !strings.Contains(got, tc.want) {
				t.Errorf("got %d %s, want %s in it", status, got, tc.want)
			}
		})
	}
	t.Cleanup(func() {
		if got := rec.Count("whisper-1"); got != 5 {
			t.Errorf("got %d requests for the model that the forms name, want 5", got)
		}
	})
}

func TestEveryFormOfInputIsCounted(t *testing.T) {
	t.Parallel()
	url := serve(t, echo.Options{})
	for _, tc := range []struct{ path, body, want string }{
		{"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"a b"},{"type":"image_url","image_url":{"url":"data:"}},{"type":"text","text":"c"}]}]}`,
			`"prompt_tokens":88`},
		{"/v1/messages", `{"model":"m","max_tokens":99,"system":"s","messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"x","content":[{"type":"text","text":"a"},{"type":"image","source":{}}]}]}]}`,
			`"input_tokens":87`},
		{"/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"text":"a"},{"inlineData":{"data":""}},{"inline_data":{"data":""}}]}]}`, `"promptTokenCount":171`},
		{"/v1beta/models/m:generateContent", `{"contents":[{"parts":[{"functionResponse":{"use tool":1}}]}],"tools":[{"function_declarations":[{"name":"f"}]}]}`, `"text":"echo: {\"use tool\":1}"`},
		{"/v1beta/models/m:countTokens", `{"generateContentRequest":{"contents":[{"parts":[{"text":"a b"}]}]}}`, `"totalTokens":2`},
		{"/v1/responses", `{"model":"m","instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"x"}]},{"type":"item_reference","id":"x"}]}`,
			`"input_tokens":87`},
		{"/v1/completions", `{"model":"m","prompt":[[1,2],[3]]}`, `"prompt_tokens":3`},
		{"/v1/moderations", `{"input":[{"type":"text","text":"flag me"},{"type":"image_url","image_url":{"url":"x"}}]}`, `"flagged":true`},
		{"/v1/images/edits", `{"model":"gpt-image-1","prompt":"a","images":[{"image_url":"x"}]}`, `"input_tokens":86`},
		{"/v1/audio/speech", `{"model":"gpt-4o-mini-tts","input":"a b","stream_format":"sse"}`, `"output_tokens":20`},
	} {
		if status, got := answer(t, url+tc.path, tc.body); status != 200 || !strings.Contains(got, tc.want) {
			t.Errorf("%s: got %d %s, want %s in it", tc.path, status, got, tc.want)
		}
	}
}
