package wire

import "testing"

func TestContentType_saysWhatTheBodyWasReadAs(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"":                                "application/json",
		"application/json":                "application/json",
		"Application/JSON; charset=utf-8": "Application/JSON; charset=utf-8",
		"text/plain;charset=UTF-8":        "application/json",
		"application/x-protobuf":          "application/json",
		"application/json-seq":            "application/json",
		"application/octet-stream":        "application/json",
	} {
		e, err := Parse(at(t, chat), sent, []byte(`{"model":"m"}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := e.ContentType(sent); got != want {
			t.Errorf("%q goes out as %q, want %q", sent, got, want)
		}
	}
	const form = "multipart/form-data; boundary=B"
	e, err := parseForm(t, edits, "--B\r\n"+textPart("model", "m")+"\r\n--B--")
	if err != nil {
		t.Fatal(err)
	}
	if got := e.ContentType(form); got != form {
		t.Errorf("a form goes out as %q", got)
	}
}
