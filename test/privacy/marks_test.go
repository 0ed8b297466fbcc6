// Package privacy proves that nothing of prompts, answers and keys is kept: it sends marked ones on every path, and then
// searches everything that the server has written for the marks.
package privacy

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
)

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }

// mark is a text that occurs nowhere else.
type mark struct {
	what string // whose mark it is
	text string
	kept bool // in the database, where the developer has set it: it must only not be logged, traced or counted
}

// The marks of one run. The names of fields say where they stand.
type marks struct {
	prompt, system, tool, answer, file, variable  mark
	clientKey, storedKey, secretKey, metadata     mark
	storedPrompt, header, query, providersMessage mark
}

func newMarks() marks {
	of := func(what string) mark { return mark{what: what, text: "Mk" + rand.Text()} }
	m := marks{
		prompt: of("the prompt"), system: of("the system text"), tool: of("a tool's argument"), answer: of("the answer"),
		file: of("a file's name"), variable: of("a prompt's variable"), clientKey: of("the client's key"), storedKey: of("the stored key"),
		secretKey: of("a secret key"), metadata: of("an identity's metadata"), storedPrompt: of("the stored prompt"),
		header: of("a header"), query: of("the query"), providersMessage: of("the provider's error"),
	}
	m.metadata.kept = true
	return m
}

func (m marks) all() []mark {
	return []mark{m.prompt, m.system, m.tool, m.answer, m.file, m.variable, m.clientKey, m.storedKey, m.secretKey, m.metadata,
		m.storedPrompt, m.header, m.query, m.providersMessage}
}

// forms are the spellings in which a text may stand somewhere, in lower case where case does not matter.
func forms(text string) (exact, folded [][]byte) {
	var units, percents strings.Builder
	for _, b := range []byte(text) {
		fmt.Fprintf(&units, `\u%04x`, b)
		fmt.Fprintf(&percents, "%%%02x", b)
	}
	for _, form := range []string{text, url.QueryEscape(text), units.String(), percents.String(), hex.EncodeToString([]byte(text)), wide(text)} {
		folded = append(folded, []byte(strings.ToLower(form)))
	}
	for shift := range 3 {
		whole := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", shift) + text))
		// The first and the last characters also depend on what stands around the text.
		first, last := []int{0, 2, 3}[shift], len(whole)-4
		exact = append(exact, []byte(whole[first:last]), []byte(strings.NewReplacer("+", "-", "/", "_").Replace(whole[first:last])))
	}
	return exact, folded
}

// wide is a text of letters and digits in UTF-16.
func wide(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.Write([]byte{c, 0})
	}
	return b.String()
}

// find returns a part of data that has a text in any form, or "".
func find(data []byte, text string) string {
	exact, folded := forms(text)
	lower := bytes.ToLower(data)
	at := slices.MaxFunc(append(positions(data, exact), positions(lower, folded)...), func(a, b int) int { return a - b })
	if at < 0 {
		return ""
	}
	return string(data[max(0, at-100):min(len(data), at+100)])
}

func positions(data []byte, of [][]byte) (at []int) {
	for _, form := range of {
		at = append(at, bytes.Index(data, form))
	}
	return at
}

// The search finds a text in each of the forms, wherever it stands.
func TestTheSearchFindsEveryForm(t *testing.T) {
	t.Parallel()
	text := newMarks().prompt.text
	var units, percents strings.Builder
	for _, b := range []byte(text) {
		fmt.Fprintf(&units, `\u%04X`, b)
		fmt.Fprintf(&percents, "%%%02X", b)
	}
	written := []string{text, strings.ToUpper(text), strings.ToLower(text), url.QueryEscape("<" + text + ">"), units.String(), percents.String(),
		hex.EncodeToString([]byte("x" + text)), strings.ToUpper(hex.EncodeToString([]byte(text))), "\x00" + wide(text)}
	for before := range 5 {
		for after := range 4 {
			whole := []byte(strings.Repeat("~", before) + text + strings.Repeat("?", after))
			written = append(written, base64.StdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole))
		}
	}
	for _, form := range written {
		if find([]byte("before "+form+" after"), text) == "" {
			t.Errorf("%q is not found in %q", text, form)
		}
	}
	if got := find([]byte("before "+rand.Text()+" after"), text); got != "" {
		t.Errorf("%q is found in %q", text, got)
	}
}
