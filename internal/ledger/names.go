package ledger

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// A client may write anything as a model's name, but text in PostgreSQL is UTF-8 without NUL.
// So names are escaped: a backslash, a control character and a byte that is not UTF-8 become
// \xHH; everything else stays as it is. Two different names never become the same.

// EscapeName returns a name in the form in which PostgreSQL's columns of models and tiers keep it.
func EscapeName(name string) string {
	if !needsEscape(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, size := utf8.DecodeRuneInString(name[i:])
		if r < ' ' || r == '\\' || r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[i])
		} else {
			b.WriteString(name[i : i+size])
		}
		i += size
	}
	return b.String()
}

func needsEscape(name string) bool {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c == '\\' || c >= utf8.RuneSelf {
			return !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == '\\' })
		}
	}
	return false
}

// UnescapeName is the inverse of EscapeName.
func UnescapeName(name string) string {
	if !strings.Contains(name, `\`) {
		return name
	}
	var b strings.Builder
	for {
		before, after, found := strings.Cut(name, `\x`)
		b.WriteString(before)
		if !found || len(after) < 2 {
			return b.String()
		}
		b.WriteByte(digit(after[0])<<4 | digit(after[1]))
		name = after[2:]
	}
}

func digit(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}
