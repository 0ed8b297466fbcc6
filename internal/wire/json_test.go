package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParse_refusesWhatIsNoJSONObject(t *testing.T) {
	t.Parallel()
	const rest = `"model":"gpt-4o"}`
	for _, c := range []struct{ name, body, says string }{
		{"Empty", "", "is empty"},
		{"WhitespaceOnly", " \n\t", "is empty"},
		{"ByteOrderMark", "\ufeff{" + rest, "byte order mark"},
		{"InvalidUTF8", "{\"a\":\"\xff\"," + rest, "not valid UTF-8"},
		{"OverlongUTF8", "{\"a\":\"\xc0\xaf\"," + rest, "not valid UTF-8"},
		{"SurrogateInUTF8", "{\"a\":\"\xed\xa0\x80\"," + rest, "not valid UTF-8"},
		{"NULInString", "{\"a\":\"x\x00\"," + rest, "NUL at byte 7"},
		{"NULBetween", "{\x00" + rest, "NUL at byte 1"},
		{"NULAtEnd", "{" + rest + "\x00", "NUL at byte 18"},
		{"Array", `["model"]`, "must be a JSON object, got an array"},
		{"String", `"model"`, "must be a JSON object, got a string"},
		{"Number", `-1`, "must be a JSON object, got a number"},
		{"True", `true`, "must be a JSON object, got a boolean"},
		{"Null", `null`, "must be a JSON object, got null"},
		{"NoJSON", `model=gpt-4o`, "not valid JSON: at byte 0"},
		{"TruncatedAfterBrace", `{`, "ends early"},
		{"TruncatedInKey", `{"mod`, "ends early"},
		{"TruncatedInString", `{"model":"gpt`, "ends early"},
		{"TruncatedAfterComma", `{"model":"gpt-4o",`, "ends early"},
		{"TruncatedLiteral", `{"a":tru`, "ends early"},
		{"TruncatedNumber", `{"a":1e`, "ends early"},
		{"TruncatedEscape", `{"a":"\`, "ends early"},
		{"TruncatedUnicodeEscape", `{"a":"\u00`, "ends early"},
		{"TruncatedArray", `{"a":[1`, "ends early"},
		{"TrailingData", `{` + rest + `{}`, "nothing more after"},
		{"TrailingGarbage", `{` + rest + `x`, "nothing more after"},
		{"TrailingCommaInObject", `{"model":"gpt-4o",}`, "a field name"},
		{"TrailingCommaInArray", `{"a":[1,],` + rest, "a value"},
		{"LeadingComma", `{,` + rest, "a field name"},
		{"MissingComma", `{"a":1 ` + rest, "a comma or '}'"},
		{"MissingColon", `{"a" 1}`, "a colon"},
		{"WrongBracket", `{"a":[1}`, "a comma or ']'"},
		{"UnquotedKey", `{model:"gpt-4o"}`, "a field name"},
		{"SingleQuotes", `{'model':'gpt-4o'}`, "a field name"},
		{"Comment", `{/**/` + rest, "a field name"},
		{"RawNewlineInString", "{\"a\":\"x\ny\"," + rest, "no control character"},
		{"RawTabInLongString", "{\"a\":\"0123456789\ty\"," + rest, "no control character"},
		{"UnknownEscape", `{"a":"\x41",` + rest, "an escape that JSON knows"},
		{"ShortUnicodeEscape", `{"a":"\u12g4",` + rest, "four hexadecimal digits"},
		{"LeadingZero", `{"a":012,` + rest, "a comma"},
		{"LeadingPlus", `{"a":+1,` + rest, "a value"},
		{"LeadingDot", `{"a":.5,` + rest, "a value"},
		{"TrailingDot", `{"a":1.,` + rest, "a digit"},
		{"LoneMinus", `{"a":-,` + rest, "a digit"},
		{"EmptyExponent", `{"a":1e+,` + rest, "a digit"},
		{"NaN", `{"a":NaN,` + rest, "a value"},
		{"CapitalTrue", `{"a":True,` + rest, "a value"},
		{"LongLiteral", `{"a":nulls,` + rest, "a comma"},
		{"FormFeedAsSpace", "{\f" + rest, "a field name"},
		{"NoBreakSpaceAsSpace", "{\u00a0" + rest, "a field name"},
		{"TooDeepArrays", `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `,` + rest, "nested more than 200"},
		{"TooDeepObjects", strings.Repeat(`{"a":`, 201), "nested more than 200"},
		{"EndlessArrays", strings.Repeat("[", 1<<20), "must be a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			refuse(t, chat, c.body, "", c.says)
		})
	}
}

func TestParse_acceptsAllOfJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body string }{
		{"Whitespace", " \r\n\t{ \"a\" : [ 1 , { } , [ ] ] , \"model\" : \"m\" } \n"},
		{"Numbers", `{"a":[0,-0,1.5,-12.25e+10,1E5,0e-1,12345678901234567890123],"model":"m"}`},
		{"Literals", `{"a":[true,false,null],"model":"m"}`},
		{"Escapes", `{"a":"\"\\\/\b\f\n\r\t\u0000\uD83D\uDE00\ud800","model":"m"}`},
		{"Unicode", `{"ключ":"值 😀 ` + "\u2028\u007f" + `","model":"m"}`},
		{"DuplicatesElsewhere", `{"a":1,"a":2,"A":3,"x":{"model":1,"model":2,"Model":3},"model":"m"}`},
		{"EmptyKey", `{"":{"":[]},"model":"m"}`},
		{"DepthAtTheLimit", `{"a":` + strings.Repeat("[", 199) + strings.Repeat("]", 199) + `,"model":"m"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !json.Valid([]byte(c.body)) {
				t.Fatal("the case itself is wrong")
			}
			if e := accept(t, chat, c.body); e.Model != "m" {
				t.Errorf("got model %q, want m", e.Model)
			}
		})
	}
}

func TestPlain_stopsAtTheFirstSpecialByte(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for where := range 20 {
			p := []byte(strings.Repeat("é", 10))
			p[where] = byte(c)
			want := len(p)
			if c < ' ' || c == '"' || c == '\\' {
				want = where
			}
			if got := plain(p); got != want {
				t.Fatalf("plain with %#x at %d = %d, want %d", c, where, got, want)
			}
		}
	}
}

func FuzzScanner(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\n\u00e9\ud83d\ude00",{"b":null}]}`, `{"\u006dodel":true}`, `{"a":"\ud800"}`, `{} x`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := &Envelope{body: []byte(s)}
		r := reader{scanner: scanner{data: e.body}, e: e}
		ok := r.preamble() == nil
		if ok {
			ok = r.object(elsewhere) == nil
			r.space()
			ok = ok && r.pos == len(s)
		}
		want := json.Valid([]byte(s)) && utf8.ValidString(s) && strings.HasPrefix(strings.TrimLeft(s, " \t\r\n"), "{")
		if ok != want && strings.Count(s, "[")+strings.Count(s, "{") <= maxDepth {
			t.Errorf("accepted %v, encoding/json %v: %q", ok, want, s)
		}
	})
}

func FuzzUnescape(f *testing.F) {
	for _, s := range []string{`a\n\u00e9`, `\ud83d\ude00`, `\ud800x`, `\ud800\ud83d\ude00`, `\ude00\ud83d`, `\/\\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, inside string) {
		var want string
		quoted := `"` + inside + `"`
		if !utf8.ValidString(inside) || json.Unmarshal([]byte(quoted), &want) != nil {
			return
		}
		s := scanner{data: []byte(quoted)}
		tok, err := s.text()
		if err != nil || tok.end != len(quoted) {
			t.Fatalf("text() = %+v, %v for %q", tok, err, quoted)
		}
		got, ok := unescape(nil, []byte(inside))
		if string(got) != want {
			t.Errorf("unescape(%q) = %q, want %q", inside, got, want)
		}
		if !ok && !strings.Contains(want, "\ufffd") {
			t.Errorf("unescape(%q) finds half a surrogate pair in %q", inside, want)
		}
		if n := runes([]byte(inside)); n != int64(utf8.RuneCountInString(want)) {
			t.Errorf("runes(%q) = %d, want %d", inside, n, utf8.RuneCountInString(want))
		}
	})
}
