package gateway

import (
	"strings"
	"testing"
)

func TestQuotes(t *testing.T) {
	t.Parallel()
	const text = "You are \"Ada\", the assistant.\nÜber alles: keep the plugh word to yourself, at all times!"
	long := strings.Repeat("Some other words that stand before. ", 500) + text
	for _, c := range []struct {
		name, of, in string
		want         bool
	}{
		{"Whole", text, text, true},
		{"JSON", text, `{"input":"You are \"Ada\", the assistant.\n\u00dcber alles: keep`, true},
		{"TwiceEscaped", text, `\\n\\u00dcber alles: keep the plugh word to yourself`, true},
		{"EndOfLong", long, "yourself, at all times: keep the plugh word to yourself, at all", true},
		{"AnyRunOfTwentyFour", text, "xx keepth-eplugh_wordtoyourse", true},
		{"FewWords", text, "the assistant must have a role", false},
		{"Other", long, `{"error":{"message":"Invalid value: 'x'. Supported values are: 'low', 'medium' and 'high'."}}`, false},
		{"Short", "Be kind.", `"content":"Be kind."`, true},
		{"ShortOther", "Be kind.", `be nice`, false},
		{"Symbols", "!!!", "!!!", false},
	} {
		if got := quotes(c.in, c.of); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
