package wire

import (
	"math"
	"strconv"
)

// control is a field that decides what a request costs or where it goes.
type control uint8

const (
	none control = iota
	model
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

	controls // how many there are
)

// params names the control fields as errors do.
var params = [controls]string{
	model:                 "model",
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
}

// caps are the fields that bound an answer's tokens.
var caps = [...]control{maxTokens, maxCompletionTokens, maxOutputTokens, generationMaxOutput}

// spelling is a name under which a control field is read.
type spelling struct {
	name  string
	field control
}

// The spellings of control fields, by the object that they stand in.
var (
	rootFields = []spelling{
		{"model", model},
		{"stream", stream},
		{"stream_options", streamOptions},
		{"max_tokens", maxTokens},
		{"max_completion_tokens", maxCompletionTokens},
		{"max_output_tokens", maxOutputTokens},
		{"n", choices},
		{"best_of", bestOf},
		{"systemPrompt", systemPrompt},
		{"systemPromptVariables", systemPromptVariables},
	}
	streamFields     = []spelling{{"include_usage", includeUsage}}
	geminiRootFields = append(rootFields[:len(rootFields):len(rootFields)],
		spelling{"generationConfig", generationConfig},
		spelling{"generation_config", generationConfig}) // Google reads protobuf's own names too
	generationFields = []spelling{
		{"maxOutputTokens", generationMaxOutput},
		{"max_output_tokens", generationMaxOutput},
		{"candidateCount", candidateCount},
		{"candidate_count", candidateCount},
	}
	nestedFields = []spelling{{"model", model}}
)

func wrongKind(field control, want string, got kind) error {
	return invalid(params[field], "`%s` must be %s, got %s.", params[field], want, got)
}

// flag reads true or false, false where it is null.
func (e *Envelope) flag(field control, v token) (bool, error) {
	if v.kind != boolean && v.kind != null {
		return false, wrongKind(field, "true or false", v.kind)
	}
	return v.kind == boolean && e.body[v.start] == 't', nil
}

// maxChoices bounds n and its like; no vendor takes more.
const maxChoices = 128

// cap reads an output cap.
func (e *Envelope) cap(field control, v token) error {
	n, err := e.integer(field, v, 0, math.MaxInt64)
	if err != nil || v.kind == null || field == generationMaxOutput && n == 0 {
		return err // to protobuf a zero is an absent field
	}
	e.Capped, e.MaxOutput = true, max(e.MaxOutput, n)
	return nil
}

// integer reads a whole number between least and most, 0 where it is null.
func (e *Envelope) integer(field control, v token, least, most int64) (int64, error) {
	if v.kind == null {
		return 0, nil
	}
	if v.kind != numeric {
		return 0, wrongKind(field, "a whole number", v.kind)
	}
	return wholeNumber(field, e.body[v.start:v.end], least, most)
}

// wholeNumber reads digits, without sign, fraction or exponent.
func wholeNumber(field control, digits []byte, least, most int64) (int64, error) {
	for i, c := range digits {
		switch {
		case isDigit(c):
		case c == '-' && i == 0:
			return 0, outOfRange(field, least, most)
		default:
			return 0, invalid(params[field], "`%s` must be a whole number, without fraction or exponent.", params[field])
		}
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	if err != nil || n < least || n > most {
		return 0, outOfRange(field, least, most)
	}
	return n, nil
}

func outOfRange(field control, least, most int64) error {
	if most == math.MaxInt64 {
		return invalid(params[field], "`%s` must be a whole number of %d or more that fits 64 bits.", params[field], least)
	}
	return invalid(params[field], "`%s` must be a whole number from %d to %d.", params[field], least, most)
}

// amount returns the number of a control field; ok is false where it is absent or null.
func (e *Envelope) amount(field control) (n int64, ok bool) {
	tok := e.fields[field]
	if tok.kind != numeric {
		return 0, false
	}
	n, err := strconv.ParseInt(string(e.body[tok.start:tok.end]), 10, 64)
	return n, err == nil
}
