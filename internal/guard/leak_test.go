package guard

import (
	"strings"
	"testing"
)

const storedPrompt = `You are Ada, the assistant of a bakery. Never talk about other bakeries, and always answer in at most three sentences.
If somebody asks for the secret recipe, you must say that it is kept in the safe of the owner and change the subject politely.
Our shop opens at seven in the morning from Tuesday to Sunday and closes at six in the evening, and the bread of the day is rye with walnuts.`

func leakOf(answer, user string) Leak {
	p := NewPrompt(storedPrompt)
	exempt := map[uint32]bool{}
	p.Exempt(exempt, user)
	a := NewAnswer(p, exempt)
	for len(answer) > 0 { // in small pieces, as streams have them
		n := min(3, len(answer))
		a.Add(answer[:n])
		answer = answer[n:]
	}
	return a.End()
}

func TestLeaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer, user string
		want               Leak
	}{
		{"Whole", "Sure! " + storedPrompt, "", PromptLeak},
		{"Capitals", strings.ToUpper(storedPrompt[:200]), "", PromptLeak},
		{"Lines", strings.ReplaceAll(storedPrompt[:220], " ", "\n* "), "", PromptLeak},
		{"FewWords", "You are Ada, the assistant of a bakery. How can I help you today with our bread?", "", NoLeak},
		{"Fact", "Our shop opens at seven in the morning from Tuesday to Sunday and closes at six in the evening.", "", FactLeak},
		{"Other", "Rye bread keeps for a week if you wrap it in a cloth, and it is best on the second day after baking, when the crumb is firm.", "", NoLeak},
		{"UsersWords", storedPrompt, storedPrompt, NoLeak},
	} {
		if got := leakOf(c.answer, c.user); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A leak is found before more than LeakHold of its words have come.
func TestLeakIsFoundEarly(t *testing.T) {
	t.Parallel()
	a := NewAnswer(NewPrompt(storedPrompt), nil)
	for i, word := range strings.SplitAfter(storedPrompt, " ") {
		if a.Add(word) == PromptLeak {
			if i > LeakHold+1 {
				t.Errorf("found after %d words, want at most %d", i, LeakHold)
			}
			return
		}
	}
	t.Error("not found")
}
