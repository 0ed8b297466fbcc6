package account

import (
	"strings"
	"testing"
)

func TestARoleCoversItselfAndTheSmallerOnes(t *testing.T) {
	t.Parallel()
	for have, want := range map[Role][3]bool{
		Viewer: {true, false, false}, Admin: {true, true, false}, Owner: {true, true, true},
		"": {}, "root": {}, "Owner": {},
	} {
		for i, needed := range Roles {
			if got := have.Covers(needed); got != want[i] {
				t.Errorf("%q covers %q: %t, want %t", have, needed, got, want[i])
			}
		}
		if have.Covers("") != have.Known() {
			t.Errorf("%q: an unknown role covers what needs none", have)
		}
	}
}

func TestAddressesAreThoseOfABrowsersField(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ann@example.com": "ann@example.com", " Ann.B+x@Example.COM ": "ann.b+x@example.com", "me@localhost": "me@localhost",
		"o'neil@xn--bcher-kva.example":   "o'neil@xn--bcher-kva.example",
		strings.Repeat("a", 64) + "@b.c": strings.Repeat("a", 64) + "@b.c",
	} {
		if got, ok := Address(text); !ok || got != want {
			t.Errorf("Address(%q) = %q, %t, want %q", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "ann", "@example.com", "ann@", "ann@@example.com", "ann@b@c.d", "Ann <ann@example.com>", "ann@example.com, bob@example.com",
		"ann@example.com\r\nBcc: x@y.z", "ann\x00@example.com", "a b@example.com", "ann@exa mple.com", "ann@-example.com", "ann@example-.com",
		"ann@example..com", "ann@.com", "ann@[127.0.0.1]", `"ann"@example.com`, "änn@example.com", "ann@bücher.example", "ann@ex\u200dample.com",
		strings.Repeat("a", 65) + "@b.c", "a@" + strings.Repeat("b", 64) + ".c", "a@" + strings.Repeat("b.", 130) + "c",
	} {
		if got, ok := Address(text); ok {
			t.Errorf("Address(%q) = %q, want none", text, got)
		}
	}
}
