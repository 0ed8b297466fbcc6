package test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// form builds a multipart body of fields in pairs and a file.
func formOf(t *testing.T, file string, content []byte, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	part, err := w.CreateFormFile(file, "x.bin")
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

// Forms go through byte for byte, are limited and counted.
func TestMultipart_ForwardedUnchanged(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{Settings: `{"requestLimit":2}`})
	binary := bytes.Repeat([]byte{0, 0xff, '\r', '\n', '-', '-'}, 5000)
	for path, c := range map[string]struct{ file, model string }{
		"/v1/audio/transcriptions": {"file", "whisper-1"},
		"/v1/audio/translations":   {"file", "whisper-1"},
		"/v1/images/edits":         {"image", "gpt-image-1"},
	} {
		body, kind := formOf(t, c.file, binary, "model", c.model, "prompt", "x")
		for range 2 {
			stack.WantStatus(t, s.Post(path, path, body, "Content-Type", kind), 200)
		}
		seen, _ := s.Seen.Last()
		if string(seen.Body) != body || seen.Header.Get("Content-Type") != kind {
			t.Errorf("%s: the form became %q", path, seen.Body)
		}
		stack.WantError(t, s.Post(path, path, body, "Content-Type", kind), 429, "limit_exceeded")
	}
}

// A prefix in the model's name is the only thing that changes.
func TestMultipart_ModelPrefixIsCutOff(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	body, kind := formOf(t, "file", []byte("sound"), "model", "openai/whisper-1")
	stack.WantStatus(t, s.Post("/v1/audio/transcriptions", "u", body, "Content-Type", kind), 200)
	if seen, _ := s.Seen.Last(); string(seen.Body) != strings.Replace(body, "openai/", "", 1) {
		t.Errorf("the form became %q", seen.Body)
	}
}

func TestMultipart_BadForms(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	good, kind := formOf(t, "file", []byte("sound"), "model", "whisper-1")
	boundary := strings.TrimPrefix(kind, "multipart/form-data; boundary=")
	twice, twiceKind := formOf(t, "file", []byte("sound"), "model", "whisper-1", "model", "gpt-4o-transcribe")
	cased, casedKind := formOf(t, "file", []byte("sound"), "model", "whisper-1", "Model", "gpt-4o-transcribe")
	listed, listedKind := formOf(t, "file", []byte("sound"), "model[]", "whisper-1")
	long, longKind := formOf(t, "file", []byte("sound"), "model", strings.Repeat("m", 10<<10))
	without, withoutKind := formOf(t, "file", []byte("sound"))
	for name, c := range map[string]struct{ body, kind string }{
		"Empty": {"", kind}, "Truncated": {good[:len(good)-10], kind}, "NoBoundary": {good, "multipart/form-data"}, "OtherBoundary": {good, "multipart/form-data; boundary=other"},
		"TwoModels": {twice, twiceKind}, "CaseVariant": {cased, casedKind}, "List": {listed, listedKind}, "LongModel": {long, longKind}, "NoModel": {without, withoutKind},
		"ModelAsFile": {"--" + boundary + "\r\nContent-Disposition: form-data; name=\"model\"; filename=\"m\"\r\n\r\nwhisper-1\r\n--" + boundary + "--\r\n", kind},
		"Trailing":    {good + "x", kind}, "Garbage": {"\x00\xff", kind}, "JSON": {`{"model":"whisper-1"}`, kind},
	} {
		a := s.Do(s.Request(http.MethodPost, "/v1/audio/transcriptions", "u", c.body, "Content-Type", c.kind))
		if a.Status != 400 {
			t.Errorf("%s: status %d: %s", name, a.Status, a.Body)
		}
	}
	wantCharge(t, s, "u", 0, 0)
	if s.Seen.Total() != 0 {
		t.Error("one of them reached the provider")
	}
}
