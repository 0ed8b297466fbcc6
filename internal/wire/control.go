package wire

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// control is a field that decides the cost or the destination of a request.
type control uint8

const (
	none control = iota
	model
	modelList
	fallbackList
	stream
	streamOptions
	includeUsage
	maxTokens
	maxCompletionTokens
	maxOutputTokens
	choices
	bestOf
	systemPrompt
	systemPromptVariables
	generationConfig
	generationMaxOutput
	candidateCount
	background
	deferred
	maxToolCalls
	toolList

	controls // the number of control fields
)

// Members of tools. A body can have any number of tools.
const (
	toolKind control = controls + iota
	toolsModel
	toolMaxUses
	toolMaxTokens
)

// params are the names of the control fields in errors.
var params = [...]string{
	model:                 "model",
	modelList:             "models",
	fallbackList:          "fallbacks",
	stream:                "stream",
	streamOptions:         "stream_options",
	includeUsage:          "stream_options.include_usage",
	maxTokens:             "max_tokens",
	maxCompletionTokens:   "max_completion_tokens",
	maxOutputTokens:       "max_output_tokens",
	choices:               "n",
	bestOf:                "best_of",
	systemPrompt:          "systemPrompt",
	systemPromptVariables: "systemPromptVariables",
	generationConfig:      "generationConfig",
	generationMaxOutput:   "generationConfig.maxOutputTokens",
	candidateCount:        "generationConfig.candidateCount",
	background:            "background",
	deferred:              "deferred",
	maxToolCalls:          "max_tool_calls",
	toolList:              "tools",
	toolKind:              "tools.type",
	toolsModel:            "tools.model",
	toolMaxUses:           "tools.max_uses",
	toolMaxTokens:         "tools.max_tokens",
}

// spelling is a name under which a control field is read.
type spelling struct {
	name  string
	field control
}

// The spellings of control fields, by the object that holds them. Google reads snake_case names, those of its protobuf
// messages, besides its JSON names.
var (
	rootFields = []spelling{
		{"model", model},
		{"models", modelList},
		{"fallbacks", fallbackList},
		{"stream", stream},
		{"stream_options", streamOptions},
		{"max_tokens", maxTokens},
		{"max_completion_tokens", maxCompletionTokens},
		{"max_output_tokens", maxOutputTokens},
		{"n", choices},
		{"best_of", bestOf},
		{"systemPrompt", systemPrompt},
		{"systemPromptVariables", systemPromptVariables},
		{"max_tool_calls", maxToolCalls},
		{"deferred", deferred},
		{"tools", toolList},
	}
	responsesRootFields = append(rootFields[:len(rootFields):len(rootFields)], spelling{"background", background})
	geminiRootFields    = append(rootFields[:len(rootFields):len(rootFields)],
		spelling{"generationConfig", generationConfig},
		spelling{"generation_config", generationConfig})
	streamFields     = []spelling{{"include_usage", includeUsage}}
	generationFields = []spelling{
		{"maxOutputTokens", generationMaxOutput},
		{"max_output_tokens", generationMaxOutput},
		{"candidateCount", candidateCount},
		{"candidate_count", candidateCount},
	}
	nestedFields = []spelling{{"model", model}}
)

// fieldSet remembers which control fields were seen, by bit.
type fieldSet uint32

// add finds the control field that key names. It refuses a duplicate and another letter case, because the next parser may
// pick either field. It returns none if key names no control field.
func (seen *fieldSet) add(fields []spelling, key []byte) (control, error) {
	for _, s := range fields {
		if string(key) != s.name {
			continue
		}
		if *seen&(1<<s.field) != 0 {
			return none, invalid(params[s.field], "`%s` is given more than once. Send it once.", params[s.field])
		}
		*seen |= 1 << s.field
		return s.field, nil
	}
	for _, s := range fields {
		if foldEqual(key, s.name) {
			return none, invalid(params[s.field], "A field differs from `%s` only in letter case. Write it as `%s`.", s.name, s.name)
		}
	}
	return none, nil
}

// foldEqual reports whether key is name, of ASCII, in some letter case.
func foldEqual(key []byte, name string) bool {
	// The longest character that folds to an ASCII letter is the Kelvin sign, three bytes.
	if len(key) < len(name) || len(key) > 3*len(name) {
		return false
	}
	// Most keys differ in their first letter.
	if key[0] < utf8.RuneSelf && (key[0]^name[0])&^0x20 != 0 {
		return false
	}
	return bytes.EqualFold(key, []byte(name))
}

// maxChoices bounds n and similar fields; no vendor takes more.
const maxChoices = 128

// check refuses a control field of the wrong type or out of range. Strings are checked when they are decoded.
func (e *Envelope) check(field control, v token) error {
	switch field {
	case model:
		return expect(field, v, text, "a string")
	case systemPrompt:
		return expectOrNull(field, v, text, "a string")
	case stream, includeUsage:
		return expectOrNull(field, v, boolean, "true or false")
	case streamOptions, systemPromptVariables, generationConfig:
		return expectOrNull(field, v, object, "an object")
	case maxTokens, maxCompletionTokens, maxOutputTokens, generationMaxOutput:
		return e.checkNumber(field, v, 0, math.MaxInt64)
	case choices, bestOf, candidateCount:
		return e.checkNumber(field, v, 1, maxChoices)
	case maxToolCalls:
		return e.checkNumber(field, v, 0, math.MaxInt64)
	case modelList:
		return expectOrNull(field, v, array, "a list of models")
	case fallbackList:
		if v.kind != text {
			return expectOrNull(field, v, array, "a list of models")
		}
	case background, deferred: // OpenAI's Responses, xAI's chat completions
		if v.kind == boolean && e.body[v.start] == 't' {
			return unsupportedParameter(params[field], "`%s` is not supported: the answer would be fetched later, from an endpoint that is not served here, and "+
				"what it used could not be counted. Leave it out, and stream the answer if it takes long.", params[field])
		}
		return expectOrNull(field, v, boolean, "true or false")
	}
	return nil
}

func expect(field control, v token, want kind, name string) error {
	if v.kind != want {
		return invalid(params[field], "`%s` must be %s, got %s.", params[field], name, v.kind)
	}
	return nil
}

func expectOrNull(field control, v token, want kind, name string) error {
	if v.kind == null {
		return nil
	}
	return expect(field, v, want, name)
}

// checkNumber requires digits without sign, fraction or exponent.
func (e *Envelope) checkNumber(field control, v token, least, most int64) error {
	if v.kind == null {
		return nil
	}
	if err := expect(field, v, numeric, "a whole number"); err != nil {
		return err
	}
	for i, c := range e.body[v.start:v.end] {
		if !isDigit(c) && (i > 0 || c != '-') {
			return invalid(params[field], "`%s` must be a whole number, without fraction or exponent.", params[field])
		}
	}
	n, err := strconv.ParseInt(string(e.body[v.start:v.end]), 10, 64)
	switch {
	case err == nil && e.body[v.start] != '-' && n >= least && n <= most:
		return nil
	case most == math.MaxInt64:
		return invalid(params[field], "`%s` must be a whole number of %d or more that fits 64 bits.", params[field], least)
	default:
		return invalid(params[field], "`%s` must be a whole number from %d to %d.", params[field], least, most)
	}
}

// checkModel refuses names that no model has and that logs or other parsers could misread.
func checkModel(name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid("model", "`model` is empty. Name the model to use.")
	case len(name) > maxModel:
		return invalid("model", "`model` is longer than %d bytes.", maxModel)
	case !utf8.ValidString(name), strings.ContainsFunc(name, Invisible):
		return invalid("model", "`model` must not hold control characters, characters that are not printed, or broken Unicode.")
	}
	return nil
}

// Invisible reports whether a character is not printed or has no width: two names with it could look the same. Unicode counts
// some such characters as letters or marks.
func Invisible(r rune) bool {
	const emptyBraille = '\u2800'
	return r >= unicode.MaxASCII && (r == emptyBraille || unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)) || !unicode.IsPrint(r)
}

// defaultModeration is OpenAI's documented default model for moderations. Default models of other endpoints cost money and
// have changed, so they are not used.
const defaultModeration = "omni-moderation-latest"

// finish fills the envelope from the checked control fields.
func (e *Envelope) finish() error {
	if err := e.spec().finish(e); err != nil {
		return err
	}
	e.readCaps()
	e.Answers *= e.choices()
	if n, ok := e.amount(maxToolCalls); ok {
		e.Demands.CallsBounded, e.Demands.ToolCalls = true, n
	}
	e.measureControls()
	return nil
}

// readCaps derives the output cap. If a provider may read one of the caps as no cap, the body counts as uncapped, because
// nobody knows which of its caps the provider obeys.
func (e *Envelope) readCaps() {
	for _, field := range e.spec().caps {
		if !e.applies(field) {
			continue
		}
		if e.isEmptyCap(field) {
			e.Capped, e.MaxOutput = false, 0
			return
		}
		if n, ok := e.amount(field); ok {
			e.Capped, e.MaxOutput = true, max(e.MaxOutput, n)
		}
	}
}

// isEmptyCap reports whether an output cap is zero. Protobuf reads zero as an absent field, Ollama and others as no limit.
// Only Anthropic documents it, for filling a cache.
func (e *Envelope) isEmptyCap(field control) bool {
	tok := e.fields[field]
	if tok.kind != numeric || e.Endpoint.Operation == Messages {
		return false
	}
	n, err := strconv.ParseInt(string(e.body[tok.start:tok.end]), 10, 64)
	return err == nil && n == 0
}

// unread are control fields with plain values that no model reads.
var unread = []control{model, stream, maxTokens, maxCompletionTokens, maxOutputTokens, choices}

// measureControls counts the bytes of the body that no model reads. Otherwise a model's long name would count like a prompt,
// which matters under a small limit.
func (e *Envelope) measureControls() {
	if e.form {
		return
	}
	for _, field := range e.spec().unread {
		switch tok := e.fields[field]; tok.kind {
		case text, numeric, boolean:
			e.Input.ControlBytes += int64(len(params[field]) + len(`"":`) + tok.end - tok.start)
		}
	}
}

// outputCaps are the fields that bound an answer's tokens in the dialects of OpenAI and Anthropic.
var outputCaps = []control{maxTokens, maxCompletionTokens, maxOutputTokens}

// applies reports whether a field bounds the answers of the endpoint. A field of another endpoint bounds nothing: vendors
// ignore unknown fields.
func (e *Envelope) applies(cap control) bool {
	switch e.Endpoint.Operation {
	case ChatCompletions:
		return cap != maxOutputTokens
	case Responses:
		return cap == maxOutputTokens
	case CompactResponse:
		return false // it has none
	case Completions, Messages:
		return cap == maxTokens
	default:
		return true
	}
}

// choices returns how many answers the body asks for per prompt.
func (e *Envelope) choices() int64 {
	most := int64(1)
	for _, field := range e.spec().choices {
		n, _ := e.amount(field)
		most = max(most, n)
	}
	return most
}

// spec is the Spec of the body's dialect.
func (e *Envelope) spec() *Spec { return e.Endpoint.Dialect.Spec() }

func (e *Envelope) isTrue(field control) bool {
	tok := e.fields[field]
	return tok.kind == boolean && e.body[tok.start] == 't'
}

// amount returns the number of a control field; ok is false if it has none.
func (e *Envelope) amount(field control) (n int64, ok bool) {
	tok := e.fields[field]
	if tok.kind != numeric {
		return 0, false
	}
	n, err := strconv.ParseInt(string(e.body[tok.start:tok.end]), 10, 64)
	return n, err == nil
}
