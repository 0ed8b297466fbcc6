package ledger

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
		if got := EscapeName(name); got != name {
			t.Errorf("EscapeName(%q) = %q, want it as it is", name, got)
		}
	}
	for name, want := range map[string]string{"a\x00b": `a\x00b`, `a\x00b`: `a\x5cx00b`, "a\xffb": `a\xffb`, "\t\n": `\x09\x0a`, "\ufffd": "\ufffd"} {
		if got := EscapeName(name); got != want {
			t.Errorf("EscapeName(%q) = %q, want %q", name, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		name := string(rapid.SliceOf(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte("\\x09a\t\n\x00")))).Draw(t, "name"))
		kept := EscapeName(name)
		if !utf8.ValidString(kept) || strings.ContainsAny(kept, "\x00\t\n") {
			t.Fatalf("EscapeName(%q) = %q, which cannot be kept", name, kept)
		}
		if got := UnescapeName(kept); got != name {
			t.Fatalf("%q came back as %q", name, got)
		}
	})
}
