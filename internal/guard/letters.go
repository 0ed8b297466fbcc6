package guard

import (
	_ "embed"
	"strconv"
	"strings"
	"sync"
	"unicode"
)

// foldData are characters by what they are decomposed into, without marks and in lower case: NFKD of the Unicode standard.
// Each line has a character's number in hexadecimal, a space, and its decomposition.
//
//go:generate go run ../../cmd/guardtrain -folds fold.txt
//go:embed fold.txt
var foldData string

// folds returns the decompositions.
var folds = sync.OnceValue(func() map[rune]string {
	m := make(map[rune]string, strings.Count(foldData, "\n"))
	for line := range strings.Lines(foldData) {
		number, folded, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if c, err := strconv.ParseInt(number, 16, 32); err == nil {
			m[rune(c)] = folded
		}
	}
	return m
})

// Kinds of characters beyond ASCII.
const (
	charBreak   uint8 = iota // between words
	charNothing              // as if it were not there
	charAlone                // a word of its own
	charLatin                // a Latin letter
	charOther                // another letter
	charDigit
	charBracket // opens a bracket
	charTag     // a hidden ASCII character
	charFolded  // see folds
	charSpelled // see spelled
)

// charKind is what a character is read as.
type charKind struct {
	to    rune // the letter in lower case, the digit or the ASCII character
	kind  uint8
	alike byte // the Latin letter that it looks like
}

// tabled is the end of the characters whose kinds are in a table: those of alphabets.
const tabled = 0x3100

var charTable = sync.OnceValue(func() *[tabled]charKind {
	t := new([tabled]charKind)
	for c := range t {
		t[c] = classify(rune(c))
	}
	return t
})

// kindOf returns the kind of a character.
func kindOf(c rune) charKind {
	switch {
	case c < tabled:
		return charTable()[c]
	case c >= 0x3400 && c <= 0x9fff:
		return charKind{kind: charAlone}
	case c >= 0xac00 && c <= 0xd7a3:
		return charKind{kind: charOther, to: c}
	}
	return classify(c)
}

func classify(c rune) charKind {
	switch {
	case invisible(c), c == '’', c == 'ʼ', c == '‘':
		return charKind{kind: charNothing}
	case c >= 0xe0020 && c <= 0xe007e:
		return charKind{kind: charTag, to: c - 0xe0000}
	case drawnLetter(c) != 0:
		return charKind{kind: charLatin, to: drawnLetter(c)}
	case spelled[c] != "":
		return charKind{kind: charSpelled}
	case folds()[c] != "":
		return charKind{kind: charFolded}
	case unicode.Is(unicode.Mn, c), unicode.Is(unicode.Me, c):
		return charKind{kind: charNothing}
	case unspaced(c):
		return charKind{kind: charAlone}
	case unicode.Is(unicode.Latin, c):
		return charKind{kind: charLatin, to: unicode.ToLower(c)}
	case unicode.IsLetter(c), unicode.Is(unicode.Mc, c):
		return charKind{kind: charOther, to: unicode.ToLower(c), alike: lookalikes[c]}
	case unicode.IsDigit(c):
		return charKind{kind: charDigit, to: digitOf(c)}
	case c == '【', c == '「', c == '《':
		return charKind{kind: charBracket}
	}
	return charKind{}
}

// invisible reports whether a character is not seen: zero-width characters, soft hyphens, marks of direction and variation.
func invisible(c rune) bool {
	switch {
	case c >= 0x200b && c <= 0x200f, c >= 0x202a && c <= 0x202e, c >= 0x2060 && c <= 0x206f,
		c >= 0xfe00 && c <= 0xfe0f, c >= 0xe0100 && c <= 0xe01ef, c == 0xe0001, c == 0xe007f:
		return true
	}
	switch c {
	case 0x00ad, 0x034f, 0x061c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180e, 0x3164, 0xfeff, 0xffa0:
		return true
	}
	return false
}

// unspaced reports whether a character belongs to a script that puts no spaces between words.
func unspaced(c rune) bool {
	switch {
	case c < 0x0e00:
		return false
	case c <= 0x0eff: // Thai, Lao
		return unicode.IsLetter(c)
	case c >= 0x1000 && c <= 0x109f, c >= 0x1780 && c <= 0x17ff: // Burmese, Khmer
		return unicode.IsLetter(c)
	case c >= 0x3040 && c <= 0x30ff: // Hiragana, Katakana
		return unicode.IsLetter(c)
	case c >= 0x3400:
		return unicode.Is(unicode.Han, c)
	}
	return false
}

// drawnLetter returns the letter in a frame or of a flag; 0 for other characters. Unicode does not decompose them.
func drawnLetter(c rune) rune {
	switch {
	case c >= 0x1f150 && c <= 0x1f169:
		return 'a' + c - 0x1f150
	case c >= 0x1f170 && c <= 0x1f189:
		return 'a' + c - 0x1f170
	case c >= 0x1f1e6 && c <= 0x1f1ff:
		return 'a' + c - 0x1f1e6
	}
	return 0
}

// spelled are Latin letters that Unicode does not decompose.
var spelled = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'ł': "l", 'Ł': "l", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d", 'ħ': "h", 'ı': "i", 'æ': "ae", 'Æ': "ae",
	'œ': "oe", 'Œ': "oe", 'ð': "d", 'þ': "th", 'ŧ': "t", 'ƀ': "b", 'ɨ': "i", 'ƶ': "z",
	'ᴀ': "a", 'ʙ': "b", 'ᴄ': "c", 'ᴅ': "d", 'ᴇ': "e", 'ꜰ': "f", 'ɢ': "g", 'ʜ': "h", 'ɪ': "i", 'ᴊ': "j", 'ᴋ': "k", 'ʟ': "l",
	'ᴍ': "m", 'ɴ': "n", 'ᴏ': "o", 'ᴘ': "p", 'ǫ': "q", 'ʀ': "r", 'ꜱ': "s", 'ᴛ': "t", 'ᴜ': "u", 'ᴠ': "v", 'ᴡ': "w", 'ʏ': "y",
	'ᴢ': "z", 'ɑ': "a", 'ɡ': "g", 'ɩ': "i", 'ʋ': "v", 'ɾ': "r", 'ʂ': "s", 'ƒ': "f", 'ȷ': "j", 'ɓ': "b", 'ɗ': "d",
}

// lookalikes are letters of other scripts by the Latin letter that they look like, a selection of Unicode's confusables.
var lookalikes = map[rune]byte{
	// Cyrillic
	'а': 'a', 'в': 'b', 'с': 'c', 'ԁ': 'd', 'е': 'e', 'ѐ': 'e', 'ҽ': 'e', 'ғ': 'f', 'ԍ': 'g', 'һ': 'h', 'н': 'h', 'і': 'i', 'ӏ': 'l',
	'ј': 'j', 'к': 'k', 'м': 'm', 'п': 'n', 'о': 'o', 'р': 'p', 'ԛ': 'q', 'г': 'r', 'ѕ': 's', 'т': 't', 'ц': 'u', 'ѵ': 'v', 'ѡ': 'w',
	'ԝ': 'w', 'х': 'x', 'у': 'y', 'ү': 'y', 'ʒ': 'z', 'А': 'a', 'В': 'b', 'С': 'c', 'Е': 'e', 'Н': 'h', 'І': 'i', 'Ј': 'j', 'К': 'k',
	'М': 'm', 'О': 'o', 'Р': 'p', 'Ԛ': 'q', 'Ѕ': 's', 'Т': 't', 'Ѵ': 'v', 'Ԝ': 'w', 'Х': 'x', 'У': 'y', 'Ү': 'y', 'и': 'u', 'я': 'r', 'Я': 'r',
	'ь': 'b', 'б': 'b', 'ԃ': 'd', 'Ӏ': 'l', 'З': 'z', 'з': 'z',
	// Greek
	'α': 'a', 'β': 'b', 'ϲ': 'c', 'δ': 'd', 'ε': 'e', 'η': 'n', 'ι': 'i', 'ϳ': 'j', 'κ': 'k', 'μ': 'u', 'ν': 'v', 'ο': 'o', 'ρ': 'p', 'σ': 'o',
	'τ': 't', 'υ': 'u', 'χ': 'x', 'γ': 'y', 'ω': 'w', 'Α': 'a', 'Β': 'b', 'Ε': 'e', 'Ζ': 'z', 'Η': 'h', 'Ι': 'i', 'Κ': 'k', 'Μ': 'm',
	'Ν': 'n', 'Ο': 'o', 'Ρ': 'p', 'Τ': 't', 'Υ': 'y', 'Χ': 'x', 'Ϲ': 'c', 'Σ': 's', 'ς': 's', 'θ': 'o', 'π': 'n', 'λ': 'l',
	// Armenian, Hebrew, Cherokee
	'օ': 'o', 'ո': 'n', 'ս': 'u', 'հ': 'h', 'ց': 'g', 'զ': 'q', 'ա': 'w', 'ք': 'p', 'ו': 'i', 'ן': 'l', 'ס': 'o',
	'Ꭺ': 'a', 'Ᏼ': 'b', 'Ꮯ': 'c', 'Ꭰ': 'd', 'Ꭼ': 'e', 'Ꮐ': 'g', 'Ꮋ': 'h', 'Ꭵ': 'i', 'Ꭻ': 'j', 'Ꮶ': 'k', 'Ꮮ': 'l', 'Ꮇ': 'm',
	'Ꮲ': 'p', 'Ꮢ': 'r', 'Ꮪ': 's', 'Ꭲ': 't', 'Ꮩ': 'v', 'Ꮃ': 'w', 'Ꮍ': 'y', 'Ꮓ': 'z',
}

// leetLetters are the letters that digits and signs stand for in leetspeak.
var leetLetters = [128]byte{'0': 'o', '1': 'i', '2': 'z', '3': 'e', '4': 'a', '5': 's', '6': 'g', '7': 't', '8': 'b', '9': 'g', '@': 'a', '$': 's', '!': 'i', '|': 'i', '+': 't', '(': 'c'}

const (
	// A text is leetspeak if it has leetWords words that look like it, and one of leetShare of its words does.
	leetWords = 3
	leetShare = 3
)

// looksLeet reports whether enough words have digits or signs among their letters.
func looksLeet(s string) bool {
	words, leet := 0, 0
	letters, inner := 0, 0
	mixed := false // a digit or sign directly before or after a letter
	last := byte(' ')
	end := func() {
		if letters+inner > 0 {
			words++
			if mixed && letters > 0 && inner <= 2*letters+1 {
				leet++
			}
		}
		letters, inner, mixed = 0, 0, false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 0x80 || asciiClass[c] == isLetter:
			letters++
			mixed = mixed || last < 0x80 && last != '!' && last != '(' && leetLetters[last] != 0 && letters+inner > 1
		case asciiClass[c] == isSpace:
			end()
		case leetLetters[c] != 0:
			inner++
			mixed = mixed || letters > 0 && c != '!' && c != '(' && (last >= 0x80 || asciiClass[last] == isLetter)
		case c == '.' || c == '/' || c == '_' || c == '=' || c == ':' && letters > 0: // addresses, versions and code
			inner += 8
		}
		last = c
	}
	end()
	return leet >= leetWords && leetShare*leet >= words
}

// leetLetter returns the letter that a digit or sign at i stands for; 0 where it stands for itself.
func (r *reading) leetLetter(i int, c byte) byte {
	l := leetLetters[c]
	if l == 0 {
		return 0
	}
	if i >= r.chunk {
		r.enterChunk(i)
	}
	if !r.lettery {
		return 0
	}
	if c == '!' || c == '(' || c == '|' || c == '+' { // also punctuation
		if i+1 >= r.chunk || len(r.buf) == r.lo && c == '(' {
			return 0
		}
		next := r.source[i+1]
		if next >= 0x80 || asciiClass[next] == isPunct && leetLetters[next] == 0 {
			return 0
		}
	}
	return l
}

// enterChunk looks at the run of characters around i that has no space.
func (r *reading) enterChunk(i int) {
	for start := i - 1; start >= 0 && asciiClass[min(r.source[start], 127)] != isSpace && start > i-64; start-- {
		r.lettery = asciiClass[min(r.source[start], 126)] == isLetter
		if r.lettery {
			break
		}
	}
	if i == 0 || asciiClass[min(r.source[i-1], 126)] == isSpace {
		r.lettery = false
	}
	end := i
	for ; end < len(r.source) && asciiClass[min(r.source[end], 126)] != isSpace; end++ {
		r.lettery = r.lettery || asciiClass[min(r.source[end], 126)] == isLetter
	}
	r.chunk = end
}
