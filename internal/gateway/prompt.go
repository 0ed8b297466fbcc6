package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/admission"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// instruction is the stored prompt of a request.
type instruction struct {
	instructed bool      // the body has been looked at
	refused    error     // why the prompt cannot be applied; errors about the tier or the model come first
	text       string    // the text that was put into the body; "" for none
	veil       wire.Veil // hides the text where a provider repeats it
}

// instruct puts the stored prompt that the request names, or the project's default prompt, into the body. The changed body
// takes the place of the client's: everything is checked and counted on the body that is sent.
func (c *call) instruct() {
	if !c.instructed {
		c.instructed, c.refused = true, c.applyPrompt()
	}
}

func (c *call) applyPrompt() error {
	p, named := c.caller.Project, c.env.SystemPrompt
	if !c.ep.Operation.Chats() {
		if named != nil {
			return badRequest("systemPrompt", "This endpoint has no place for a system instruction. Leave `systemPrompt` out.")
		}
		return nil
	}
	name := p.DefaultPrompt
	if named != nil {
		name = *named
	}
	if named == nil && name == "" {
		return c.withoutPromptFields()
	}
	stored, err := admission.StoredPrompt(p, name)
	if err != nil {
		return err
	}
	vars, err := c.env.PromptVariables()
	if err != nil {
		return err
	}
	text, missing := stored.Template.Fill(vars)
	if len(missing) > 0 {
		return badRequest("systemPromptVariables."+missing[0], fmt.Sprintf("The stored prompt needs `systemPromptVariables` with a string for %s.", strings.Join(missing, ", ")))
	}
	const escaped = 6 // the most bytes that JSON needs for one
	if err := c.replaceBody(escaped*len(text)+added, func() ([]byte, error) { return c.env.Instruct(text) }); err != nil {
		return err
	}
	c.text, c.veil.On = text, true
	return nil
}

// withoutPromptFields takes fields of stored prompts out of a body that uses none: no provider knows them.
func (c *call) withoutPromptFields() error {
	if !c.env.PromptFields() {
		return nil
	}
	return c.replaceBody(0, c.env.Uninstruct)
}

// replaceBody makes the edited body the request's, and frees the client's. It takes the memory of the copy before the edit,
// which adds at most growth bytes.
func (c *call) replaceBody(growth int, edit func() ([]byte, error)) error {
	before, n := c.memory, int64(len(c.body)+growth)
	if err := c.takeMemory(n, 0); err != nil {
		return err
	}
	body, err := edit()
	if err != nil {
		return err
	}
	env, err := c.parse(body)
	if err != nil {
		return err
	}
	c.body, c.env = body, env
	c.giveMemory(before + n - int64(len(body)))
	return nil
}

// repeats reports whether a provider's error may quote the stored prompt. Some servers quote a whole request that they do not
// take. An error that is too long to be searched counts as one that does.
func (c *call) repeats(head []byte) bool {
	return c.text != "" && (len(head) >= errorBody || quotes(string(head), c.text))
}

// hiddenError replaces a provider's error that quotes the stored prompt.
func (c *call) hiddenError(status int) error {
	if status < 400 || status > 499 {
		status = http.StatusBadGateway
	}
	return &wire.Error{Status: status, Code: "provider_refused", NoRetry: status != http.StatusTooManyRequests,
		Message: "The provider refused the request, and its error is not shown, because it quotes the stored prompt. Nothing was counted."}
}

const (
	// quoted is how many letters and digits in a row make a quotation: enough that other words seldom do.
	quoted = 24
	// Every run of that length in the text contains one of its samples.
	sample, stride = 16, quoted - 16 + 1
)

// quotes reports whether a text has a part of another one: a run of letters and digits, whatever stands between them, or the
// whole of a shorter one. So it does not matter how the quotation is escaped.
func quotes(text, of string) bool {
	in, want := plainLetters(text), plainLetters(of)
	if len(want) < quoted {
		return want != "" && strings.Contains(in, want)
	}
	samples := map[string]bool{}
	for i := 0; i+sample <= len(want); i += stride {
		samples[want[i:i+sample]] = true
	}
	for i := 0; i+sample <= len(in); i++ {
		if samples[in[i:i+sample]] {
			return true
		}
	}
	return false
}

// plainLetters keeps the letters and digits of a text, as they are after its escapes are read.
func plainLetters(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == '\\' && i+1 < len(s) {
			r, size = ' ', 2 // an escape such as \n stands for no letter
			if s[i+1] == 'u' && i+6 <= len(s) {
				if n, err := strconv.ParseUint(s[i+2:i+6], 16, 16); err == nil {
					r, size = rune(n), 6
				}
			}
		}
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}
