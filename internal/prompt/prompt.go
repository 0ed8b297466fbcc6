// Package prompt is a project's stored system prompts: what may be stored, and how a request's variables fill a text.
//
// Invariants: a variable is inserted as it is and never read as a template again. No error holds a part of a text, only
// names of variables.
package prompt

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
)

// Bounds of what may be stored, in bytes unless the name says otherwise. The gateway holds every current text in memory.
const (
	MaxName         = 128
	MaxText         = 64 << 10
	MaxDescription  = 512
	MaxPlaceholders = 100 // in a text
	MaxPrompts      = 200 // of a project
	KeptVersions    = 100 // of a prompt
)

var (
	// ErrNotFound reports that the project has no such prompt, or the prompt no such version.
	ErrNotFound = errors.New("no such prompt")
	// ErrTooMany reports that the project has MaxPrompts prompts.
	ErrTooMany = fmt.Errorf("a project has at most %d prompts", MaxPrompts)
)

// Record is a prompt as it is stored.
type Record struct {
	Name      string
	CreatedAt time.Time
	Version   // the current one
}

// Version is a saved state of a prompt. Every save makes one.
type Version struct {
	Number      int64 // from 1
	Description string
	Enabled     bool
	Text        string // "" where it was not asked for
	Bytes       int    // of the text
	At          time.Time
	By          ledger.Actor
	Restored    int64 // the version that was restored; 0 for a new text
}

// NameProblem returns why a name cannot be a prompt's, or "".
func NameProblem(name string) string {
	if name == "" || len(name) > MaxName || strings.TrimSpace(name) != name || !document.Printable(name) {
		return fmt.Sprintf("is not a prompt's name: 1 to %d bytes of printable text without spaces around it", MaxName)
	}
	return ""
}

// TextProblem returns why a text cannot be stored, or "".
func TextProblem(text string) string {
	switch {
	case strings.TrimSpace(text) == "":
		return "is empty; write the instruction"
	case len(text) > MaxText:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(text), MaxText)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, control):
		return "must be text without control characters other than line breaks and tabs"
	case len(placeholder.FindAllStringIndex(text, MaxPlaceholders+1)) > MaxPlaceholders:
		return fmt.Sprintf("has more than %d variables", MaxPlaceholders)
	}
	return ""
}

func control(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// placeholder is the place of a variable in a text. Other braces stay as they are written.
var placeholder = regexp.MustCompile(`\{\{[ \t]*([A-Za-z_][A-Za-z0-9_.-]{0,63})[ \t]*\}\}`)

// Template is a text, read for its variables. It is safe for concurrent use.
type Template struct {
	text  string
	parts []part // in order; the last one has no name
}

// part is literal text and the variable after it, by its name and as it is written.
type part struct{ literal, name, written string }

// Parse reads a text.
func Parse(text string) Template {
	t := Template{text: text}
	from := 0
	for _, at := range placeholder.FindAllStringSubmatchIndex(text, -1) {
		t.parts = append(t.parts, part{text[from:at[0]], text[at[2]:at[3]], text[at[0]:at[1]]})
		from = at[1]
	}
	t.parts = append(t.parts, part{literal: text[from:]})
	return t
}

// Text returns the text as it is stored.
func (t Template) Text() string { return t.text }

// Variables returns the names of the variables, sorted.
func (t Template) Variables() []string {
	names := []string{}
	for _, p := range t.parts {
		if p.name != "" {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Fill inserts the variables, and returns the names of those that are missing, sorted. They stay as they are written.
func (t Template) Fill(vars map[string]string) (text string, missing []string) {
	var b strings.Builder
	for _, p := range t.parts {
		b.WriteString(p.literal)
		value, ok := vars[p.name]
		switch {
		case p.name == "":
		case ok:
			b.WriteString(value)
		default:
			b.WriteString(p.written)
			missing = append(missing, p.name)
		}
	}
	slices.Sort(missing)
	return b.String(), slices.Compact(missing)
}

// Prompt is a stored prompt, prepared for the gateway. It is never changed.
type Prompt struct {
	Name     string
	Revision int64 // of the save; no two saves have the same
	Enabled  bool
	Err      error // why the text cannot be opened; the template is then empty
	Template Template
}

// Change is who changes a prompt, when and why.
type Change struct {
	At        time.Time
	By        ledger.Actor
	RequestID string
	Reason    string
	DryRun    bool // nothing is changed; the answer is what a change would have given
}
