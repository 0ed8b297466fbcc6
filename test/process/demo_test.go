package process

import (
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// shown is how the demo's output ends.
var shown = regexp.MustCompile(`(?s)\A(.*Thank you!.*\n)\n`)

// blocks are the commands that the demo prints: what is indented, up to an empty line.
func blocks(text string) (commands []string) {
	for part := range strings.SplitSeq(text, "\n\n") {
		if strings.HasPrefix(part, "   ") {
			commands = append(commands, part)
		}
	}
	return commands
}

func TestDemoDoesWhatItPrints(t *testing.T) {
	t.Parallel()
	in := newInstallation(t)
	p := in.Start(exec.Command(binary, "demo"))
	text := p.Out.Wait(p, shown)
	if text == nil {
		t.Fatalf("the demo has not printed its commands: %v\n%s%s", p.Ending(), p.Out.String(), p.Log.String())
	}
	commands := blocks(text[1])
	want := []struct {
		name   string
		has    []string
		hasNot []string
	}{
		{name: "six requests", has: []string{
			`echo: Hello!`, `"code":"limit_exceeded"`, "You've used 5/5 free requests of gpt-4o today. Upgrade to Pro!", `"deepLink":"app://upgrade?from=free"`}},
		{name: "what is left", has: []string{`"identity":"alice"`, `"limit":5,"used":5,"remaining":0`}},
		{name: "the cheap model", has: []string{"data: ", "data: [DONE]", `"echo:"`}, hasNot: []string{"error"}},
		{name: "the pro tier", has: []string{"HTTP/1.1 200", "echo: Hello!", `"requests-daily";q=500`}},
		{name: "a made-up tier", has: []string{`"code":"limit_exceeded"`, `"tier":"free"`}},
		{name: "a model that is not listed", has: []string{`"code":"model_not_allowed"`}},
		{name: "Anthropic", has: []string{`"type":"message"`, "echo: Hello!"}},
		{name: "Gemini", has: []string{`"candidates"`, "echo: Hello!", "usageMetadata"}},
		{name: "the gift", has: []string{`"giftedRequests":10`}},
		{name: "after the gift", has: []string{"echo: Thank you!"}, hasNot: []string{"limit_exceeded"}},
	}
	if len(commands) != len(want) {
		t.Fatalf("the demo prints %d commands, want %d:\n%s", len(commands), len(want), text[1])
	}
	for i, w := range want {
		got := in.Paste(commands[i])
		if got.Code != 0 {
			t.Errorf("%s: exit %d: %s", w.name, got.Code, got.Err)
		}
		for _, part := range w.has {
			if !strings.Contains(got.Out, part) {
				t.Errorf("%s: no %s in\n%s", w.name, part, got.Out)
			}
		}
		for _, part := range w.hasNot {
			if strings.Contains(got.Out, part) {
				t.Errorf("%s: %s in\n%s", w.name, part, got.Out)
			}
		}
		if i == 0 {
			wantSixthRefused(t, got.Out)
		}
	}
	p.Stop()
}

// wantSixthRefused checks that of six answers, a line each, five answer and the last refuses.
func wantSixthRefused(t *testing.T, out string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 6 {
		t.Errorf("%d lines, want six answers:\n%s", len(lines), out)
		return
	}
	for i, line := range lines {
		if refused := strings.Contains(line, "limit_exceeded"); refused != (i == 5) {
			t.Errorf("answer %d: %s", i+1, line)
		}
	}
}
