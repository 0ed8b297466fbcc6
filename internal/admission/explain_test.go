package admission

import (
	"errors"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

// A chat is refused if the default prompt cannot be applied, whatever the reason.
func TestExplainChecksTheDefaultPrompt(t *testing.T) {
	t.Parallel()
	name, model := "assistant", "gpt-4o"
	settings := project.Default()
	settings.DefaultPrompt = &name
	snapshot, err := project.NewSnapshot(project.Record{Key: "pk_1", Settings: settings}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		stored *prompt.Prompt
		code   string // "" if the chat is admitted
	}{
		{nil, "unknown_system_prompt"},
		{&prompt.Prompt{Name: name}, "unknown_system_prompt"},
		{&prompt.Prompt{Name: name, Enabled: true, Err: errors.New("another encryption key")}, "unavailable"},
		{&prompt.Prompt{Name: name, Enabled: true, Template: prompt.Parse("Be brief.")}, ""},
	} {
		e := Explain(Question{Project: snapshot.WithPrompts(map[string]*prompt.Prompt{name: c.stored}), Model: &model, Now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)})
		code := ""
		if e.Refused != nil {
			code = e.Refused.Code
		}
		if code != c.code {
			t.Errorf("with %+v: refused with %q, want %q", c.stored, code, c.code)
		}
	}
}
