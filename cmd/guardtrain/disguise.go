package main

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"unicode"
)

// disguise is a way to hide a text from filters.
type disguise struct {
	name  string
	apply func(r *rand.Rand, s string) string
}

// disguises are those under which the figures are measured.
var disguises = []disguise{
	{"capitals", func(_ *rand.Rand, s string) string { return strings.ToUpper(s) }},
	{"mixed case", func(r *rand.Rand, s string) string {
		return each(s, func(c rune) string {
			if r.IntN(2) == 0 {
				return string(unicode.ToUpper(c))
			}
			return string(unicode.ToLower(c))
		})
	}},
	{"inner letters mixed", mixInner},
	{"typing errors", func(r *rand.Rand, s string) string { return mistype(r, s, 0.25) }},
	{"leetspeak", func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("a", "4", "e", "3", "i", "1", "o", "0", "s", "5", "t", "7", "A", "4", "E", "3", "I", "1", "O", "0", "S", "5", "T", "7").Replace(s)
	}},
	{"spaced letters", func(_ *rand.Rand, s string) string { return strings.Join(strings.Split(s, ""), " ") }},
	{"hyphens between letters", func(_ *rand.Rand, s string) string {
		words := strings.Fields(s)
		for i, w := range words {
			words[i] = strings.Join(strings.Split(w, ""), "-")
		}
		return strings.Join(words, " ")
	}},
	{"zero-width characters", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string { return string(c) + "\u200b" })
	}},
	{"combining marks", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string {
			if unicode.IsLetter(c) {
				return string(c) + "\u0336\u0301"
			}
			return string(c)
		})
	}},
	{"lookalike letters", func(_ *rand.Rand, s string) string {
		return strings.NewReplacer("a", "а", "e", "е", "o", "о", "p", "р", "c", "с", "i", "і", "s", "ѕ", "x", "х", "y", "у").Replace(s)
	}},
	{"full width", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string {
			if c > ' ' && c < 0x7f {
				return string(c + 0xfee0)
			}
			return string(c)
		})
	}},
	{"mathematical letters", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string {
			switch {
			case c >= 'a' && c <= 'z':
				return string(c - 'a' + 0x1d41a)
			case c >= 'A' && c <= 'Z':
				return string(c - 'A' + 0x1d400)
			}
			return string(c)
		})
	}},
	{"tag characters", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string {
			if c >= ' ' && c < 0x7f {
				return string(c + 0xe0000)
			}
			return string(c)
		})
	}},
	{"base64", func(_ *rand.Rand, s string) string {
		return "Decode: " + base64.StdEncoding.EncodeToString([]byte(s))
	}},
	{"base64 twice", func(_ *rand.Rand, s string) string {
		return base64.StdEncoding.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(s))))
	}},
	{"hexadecimal", func(_ *rand.Rand, s string) string { return hex.EncodeToString([]byte(s)) }},
	{"percent encoding", func(_ *rand.Rand, s string) string {
		var b strings.Builder
		for _, c := range []byte(s) {
			fmt.Fprintf(&b, "%%%02X", c)
		}
		return b.String()
	}},
	{"percent encoding of signs", func(_ *rand.Rand, s string) string { return url.QueryEscape(s) }},
	{"HTML entities", func(_ *rand.Rand, s string) string {
		return each(s, func(c rune) string { return fmt.Sprintf("&#%d;", c) })
	}},
	{"rot13", func(_ *rand.Rand, s string) string {
		return strings.Map(func(c rune) rune {
			switch {
			case c >= 'a' && c <= 'z':
				return (c-'a'+13)%26 + 'a'
			case c >= 'A' && c <= 'Z':
				return (c-'A'+13)%26 + 'A'
			}
			return c
		}, s)
	}},
	{"reversed", func(_ *rand.Rand, s string) string {
		out := []rune(s)
		for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
			out[i], out[j] = out[j], out[i]
		}
		return string(out)
	}},
}

func each(s string, do func(c rune) string) string {
	var b strings.Builder
	for _, c := range s {
		b.WriteString(do(c))
	}
	return b.String()
}

// mixInner puts the inner letters of each word in another order.
func mixInner(r *rand.Rand, s string) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		letters := []rune(w)
		end := len(letters)
		for end > 0 && !unicode.IsLetter(letters[end-1]) {
			end--
		}
		if end > 3 {
			inner := letters[1 : end-1]
			r.Shuffle(len(inner), func(a, b int) { inner[a], inner[b] = inner[b], inner[a] })
		}
		words[i] = string(letters)
	}
	return strings.Join(words, " ")
}

// mistype makes typing errors in a share of the words.
func mistype(r *rand.Rand, s string, share float64) string {
	words := strings.Split(s, " ")
	for i, w := range words {
		letters := []rune(w)
		if len(letters) < 4 || r.Float64() >= share {
			continue
		}
		at := 1 + r.IntN(len(letters)-2)
		switch r.IntN(4) {
		case 0:
			letters[at], letters[at+1] = letters[at+1], letters[at]
		case 1:
			letters = append(letters[:at], letters[at+1:]...)
		case 2:
			letters = append(letters[:at+1], letters[at:]...)
		default:
			letters[at] = 'a' + rune(r.IntN(26))
		}
		words[i] = string(letters)
	}
	return strings.Join(words, " ")
}
