package echo

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strings"
	"unicode"
)

// ImageTokens is how many tokens an image in a request counts as.
const ImageTokens = 85

// Tokens returns the tokens of a text: its words, as [strings.Fields] finds them.
func Tokens(text string) int64 { return int64(len(strings.Fields(text))) }

// words cuts a text before the blanks in front of each word, so that the pieces together are the text. There are as many
// pieces as Tokens counts; blanks at the end belong to the last piece.
func words(text string) []string {
	var pieces []string
	start, inWord := 0, false
	for i, r := range text {
		blank := unicode.IsSpace(r)
		if blank && inWord {
			pieces = append(pieces, text[start:i])
			start = i
		}
		inWord = !blank
	}
	switch {
	case inWord:
		pieces = append(pieces, text[start:])
	case len(pieces) > 0:
		pieces[len(pieces)-1] += text[start:]
	}
	return pieces
}

// ask is a chat-like request of any dialect.
type ask struct {
	text  string // the user's last text
	input int64  // tokens of the whole request
	most  int64  // output cap in tokens, 0 for none
	tool  string // name of a tool to call, "" for none
}

// reply is the answer to an ask.
type reply struct {
	words     []string // of the text, or of the call's arguments
	tool      string   // the tool that is called, "" for none
	cut       bool     // the output cap cut the answer
	input     int64    // without Extra
	output    int64    // reasoning included
	reasoning int64
	extra     Extra
}

func (c *call) reply(a ask) reply {
	r := reply{input: a.input, extra: c.p.opts.Extra, reasoning: c.p.opts.Extra.Reasoning}
	asked := c.repeated(a.text)
	if a.tool != "" {
		arguments := words(string(marshal(map[string]string{"text": asked})))
		// The call's name counts as one word. A call that does not fit under the cap is left out.
		if n := int64(len(arguments)) + 1; a.most == 0 || n+r.reasoning <= a.most {
			r.words, r.tool, r.output = arguments, a.tool, n+r.reasoning
			return r
		}
	}
	r.words, r.cut = words(c.text(asked)), len(asked) < len(a.text)
	if a.most > 0 {
		r.reasoning = min(r.reasoning, a.most)
		if left := a.most - r.reasoning; int64(len(r.words)) > left {
			r.words, r.cut = r.words[:left], true
		}
	}
	r.output = int64(len(r.words)) + r.reasoning
	return r
}

// repeated returns the part of the user's text that an answer repeats.
func (c *call) repeated(asked string) string {
	if c.p.opts.Public && len(asked) > MaxPublicText {
		return strings.ToValidUTF8(asked[:MaxPublicText], "")
	}
	return asked
}

// tooMany reports whether a request has too many inputs or answers for Options.Public, and refuses it then.
func (c *call) tooMany(what string, n, most int) bool {
	if !c.p.opts.Public || n <= most {
		return false
	}
	c.badRequest("", fmt.Sprintf("The built-in echo takes at most %d %s in a request.", most, what))
	return true
}

func (c *call) text(asked string) string {
	switch {
	case c.fault == HugeStream:
		return strings.Repeat(strings.Repeat("x", 255)+" ", HugeWords)
	case c.fault == HugeEvent:
		return strings.Repeat("x", HugeBytes)
	case c.p.opts.Answer != nil:
		return c.p.opts.Answer(c.model, asked)
	}
	return Prefix + asked
}

func (r reply) text() string { return strings.Join(r.words, "") }

// digest derives the variable part of an id.
func digest(parts ...string) string {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return fmt.Sprintf("%016x", h.Sum64())
}

// decode reads the request's JSON body.
func (c *call) decode(v any) error { return json.Unmarshal(c.body, v) }

// content is a turn's content in OpenAI's and Anthropic's formats: a string, or parts.
type content struct {
	text   string // texts of the parts, a line each
	images int64
	result bool // holds the result of a tool call
}

func (c *content) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		return json.Unmarshal(data, &c.text)
	}
	var parts []struct {
		Type    string          `json:"type"`
		Text    string          `json:"text"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(data, &parts); err != nil {
		return err
	}
	var texts []string
	for _, p := range parts {
		switch p.Type {
		case "text", "input_text", "output_text":
			texts = append(texts, p.Text)
		case "image_url", "input_image", "image":
			c.images++
		case "tool_result":
			var result content
			if len(p.Content) > 0 {
				if err := json.Unmarshal(p.Content, &result); err != nil {
					return err
				}
			}
			texts = append(texts, result.text)
			c.images += result.images
			c.result = true
		}
	}
	c.text = strings.Join(texts, "\n")
	return nil
}

func (c content) tokens() int64 { return Tokens(c.text) + ImageTokens*c.images }

// turn is a message of a conversation in OpenAI's and Anthropic's formats.
type turn struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// askOf reads a conversation; tool is the first offered tool, "" for none.
func askOf(turns []turn, most int64, tool string) ask {
	a := ask{most: most}
	for _, t := range turns {
		a.input += t.Content.tokens()
		if t.Role == "user" || t.Role == "tool" {
			a.text = t.Content.text
		}
	}
	if n := len(turns); n > 0 && turns[n-1].Role == "user" && !turns[n-1].Content.result && strings.Contains(a.text, ToolCue) {
		a.tool = tool
	}
	return a
}
