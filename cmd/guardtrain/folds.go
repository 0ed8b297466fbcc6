package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// writeFolds writes the characters that are decomposed: those of which NFKD makes others, in lower case, without the marks
// that are not spacing.
func writeFolds(file string) error {
	var b strings.Builder
	for c := rune(0x80); c < 0x20000; c++ {
		switch {
		case c >= 0xac00 && c <= 0xdfff, c >= 0x3400 && c <= 0x9fff, c >= 0xf900 && c <= 0xfaff, c >= 0x1b000 && c < 0x1d000:
			continue // Korean syllables are kept whole; Chinese characters are not decomposed
		}
		var folded strings.Builder
		for _, d := range norm.NFKD.String(string(c)) {
			if !unicode.Is(unicode.Mn, d) {
				folded.WriteRune(unicode.ToLower(d))
			}
		}
		s := strings.Join(strings.Fields(folded.String()), " ")
		if s != "" && s != string(unicode.ToLower(c)) && len(s) <= 8 {
			fmt.Fprintf(&b, "%X %s\n", c, s)
		}
	}
	return os.WriteFile(file, []byte(b.String()), 0o644)
}
