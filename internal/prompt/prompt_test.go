package prompt

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFill(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"name": "Ada", "evil": "{{name}} {{evil}}", "empty": "", "a.b-c_1": "x"}
	for _, c := range []struct {
		text, want string
		missing    []string
	}{
		{"Hello {{name}}!", "Hello Ada!", nil},
		{"{{name}}{{name}}", "AdaAda", nil},
		{"{{ name }} {{\tname}}", "Ada Ada", nil},
		{"{{{name}}}", "{Ada}", nil},
		{"{{evil}}", "{{name}} {{evil}}", nil},
		{"[{{empty}}] {{a.b-c_1}}", "[] x", nil},
		{"{{#if name}} {{na me}} {{}} {{1}} { {name} }", "{{#if name}} {{na me}} {{}} {{1}} { {name} }", nil},
		{"{{name", "{{name", nil},
		{"{{ zoo }} {{ant}} {{zoo}}", "{{ zoo }} {{ant}} {{zoo}}", []string{"ant", "zoo"}},
		{"", "", nil},
	} {
		got, missing := Parse(c.text).Fill(vars)
		if got != c.want {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
		if diff := cmp.Diff(c.missing, missing); diff != "" {
			t.Errorf("%q: missing (-want +got):\n%s", c.text, diff)
		}
	}
}

// An inserted value is never read as a template, whatever it is, and a text without variables stays as it is.
func FuzzFill(f *testing.F) {
	f.Add("a {{x}} b", "{{x}}{{y}}")
	f.Add("{{{x}}", "}}")
	f.Fuzz(func(t *testing.T, text, value string) {
		template := Parse(text)
		names := template.Variables()
		vars := map[string]string{}
		for _, n := range names {
			vars[n] = value
		}
		got, missing := template.Fill(vars)
		if len(missing) > 0 {
			t.Fatalf("%q: %q are missing, and all were given", text, missing)
		}
		pieces := placeholder.Split(text, -1)
		if want := strings.Join(pieces, value); got != want {
			t.Fatalf("%q became %q, want %q", text, got, want)
		}
		if len(names) == 0 && got != text {
			t.Fatalf("%q without variables became %q", text, got)
		}
	})
}

func TestVariablesAreSortedAndNamedOnce(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"a", "b"}, Parse("{{b}} {{a}} {{b}}").Variables()); diff != "" {
		t.Error(diff)
	}
}

func TestNameProblem(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"assistant-v1", "a", "Guía para huéspedes", "a/b", strings.Repeat("x", MaxName)} {
		if p := NameProblem(good); p != "" {
			t.Errorf("%q %s", good, p)
		}
	}
	for _, bad := range []string{"", " a", "a\n", "a\x00", "a\u200b", "\xff", strings.Repeat("x", MaxName+1)} {
		if NameProblem(bad) == "" {
			t.Errorf("%q is a name, want a problem", bad)
		}
	}
}

func TestTextProblem(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"You are Ada.\r\n\tBe brief. 🙂", strings.Repeat("x", MaxText), strings.Repeat("{{a}}", MaxPlaceholders)} {
		if p := TextProblem(good); p != "" {
			t.Errorf("%.20q %s", good, p)
		}
	}
	for _, bad := range []string{"", " \n", "a\x00b", "\xff", "\x1b[0m", strings.Repeat("x", MaxText+1), strings.Repeat("{{a}}", MaxPlaceholders+1)} {
		if TextProblem(bad) == "" {
			t.Errorf("%.20q may be stored, want a problem", bad)
		}
	}
}
