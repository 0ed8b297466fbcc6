package postgres

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Any name is the same after Escape and unescape. The escaped form is UTF-8 in one line without
// tabs. Common names stay readable.
func TestNamesComeBackAsTheyWere(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"gpt-4o", "meta-llama/llama-3:free", "модель", "🙂", ""} {
		if got := Escape(name); got != name {
			t.Errorf("Escape(%q) = %q, want it as it is", name, got)
		}
	}
	for name, want := range map[string]string{"a\x00b": `a\x00b`, `a\x00b`: `a\x5cx00b`, "a\xffb": `a\xffb`, "\t\n": `\x09\x0a`, "\ufffd": "\ufffd"} {
		if got := Escape(name); got != want {
			t.Errorf("Escape(%q) = %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\\x09a\t\n\x00")))).Draw(t, "name"))
		kept := Escape(name)
		if !utf8.ValidString(kept) || strings.ContainsAny(kept, "\x00\t\n") {
			t.Fatalf("Escape(%q) = %q, which cannot be kept", name, kept)
		}
		if got := unescape(kept); got != name {
			t.Fatalf("%q came back as %q", name, got)
		}
	})
}
