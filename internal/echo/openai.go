package echo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
)

// Chat completions and the older completions, as in https://platform.openai.com/docs/api-reference/chat.

type chatRequest struct {
	Model               string          `json:"model"`
	Messages            []turn          `json:"messages"`
	Stream              bool            `json:"stream"`
	StreamOptions       *streamOptions  `json:"stream_options"`
	MaxTokens           *int64          `json:"max_tokens"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	N                   *int64          `json:"n"`
	Tools               []openAITool    `json:"tools"`
	ToolChoice          json.RawMessage `json:"tool_choice"`
}

type streamOptions struct {
	IncludeUsage *bool `json:"include_usage"`
}

func (o *streamOptions) usage() bool { return o != nil && o.IncludeUsage != nil && *o.IncludeUsage }

// openAITool is a tool of the chat format, whose name is in Function, or of the Responses format.
type openAITool struct {
	Type     string `json:"type"`
	Name     string `json:"name"`
	Function struct {
		Name string `json:"name"`
	} `json:"function"`
}

func firstTool(tools []openAITool, choice json.RawMessage) string {
	if string(choice) == `"none"` {
		return ""
	}
	for _, t := range tools {
		if t.Type == "function" {
			return cmp.Or(t.Function.Name, t.Name)
		}
	}
	return ""
}

type openAIUsage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	TotalTokens      int64 `json:"total_tokens"`
	PromptDetails    struct {
		Cached int64 `json:"cached_tokens"`
		Audio  int64 `json:"audio_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
		Audio     int64 `json:"audio_tokens"`
		Accepted  int64 `json:"accepted_prediction_tokens"`
		Rejected  int64 `json:"rejected_prediction_tokens"`
	} `json:"completion_tokens_details"`
}

// usage returns the usage object of n answers, or nil if the fault hides it.
func (c *call) usage(r reply, n int64) *openAIUsage {
	if c.fault == WithoutUsage {
		return nil
	}
	u := &openAIUsage{PromptTokens: r.input + r.extra.Cached, CompletionTokens: n * r.output}
	u.TotalTokens = u.PromptTokens + u.CompletionTokens
	u.PromptDetails.Cached = r.extra.Cached
	u.CompletionDetails.Reasoning = n * r.reasoning
	return u
}

type toolCall struct {
	Index    *int         `json:"index,omitempty"` // in streams
	ID       string       `json:"id,omitempty"`
	Type     string       `json:"type,omitempty"`
	Function toolFunction `json:"function"`
}

type toolFunction struct {
	Name      string `json:"name,omitempty"`
	Arguments string `json:"arguments"`
}

type chatMessage struct {
	Role        string     `json:"role"`
	Content     *string    `json:"content"`
	Refusal     *string    `json:"refusal"`
	Annotations []any      `json:"annotations"`
	ToolCalls   []toolCall `json:"tool_calls,omitempty"`
}

type chatChoice struct {
	Index        int          `json:"index"`
	Message      *chatMessage `json:"message,omitempty"`
	Delta        any          `json:"delta,omitempty"` // in streams
	Logprobs     any          `json:"logprobs"`
	FinishReason *string      `json:"finish_reason"`
}

// chatBody is a whole answer or a chunk of a stream. An empty Usage is left out. In the chunks of a stream that reports usage
// at its end, Usage is null.
type chatBody struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	Created           int64           `json:"created"`
	Model             string          `json:"model"`
	Choices           []chatChoice    `json:"choices"`
	Usage             json.RawMessage `json:"usage,omitempty"`
	ServiceTier       string          `json:"service_tier"`
	SystemFingerprint string          `json:"system_fingerprint"`
}

// maxAnswers is the largest n of a request.
const maxAnswers = 128

func (c *call) chat() {
	var req chatRequest
	if err := c.decode(&req); err != nil {
		c.badRequest("", "The body of the request could not be read as JSON: "+err.Error()+".")
		return
	}
	if p, ok := req.check(); !ok {
		c.refuse(p)
		return
	}
	n := int(value(req.N, 1))
	if c.tooMany("answers", n, maxPublicAnswers) {
		return
	}
	a := askOf(req.Messages, req.most(), firstTool(req.Tools, req.ToolChoice))
	r := c.reply(a)
	body := chatBody{ID: "chatcmpl-" + digest(c.model, a.text), Created: Created, Model: c.model,
		ServiceTier: "default", SystemFingerprint: "fp_echo"}
	if req.Stream {
		c.streamChat(body, r, n, req.StreamOptions.usage())
		return
	}
	body.Object = "chat.completion"
	for i := range n {
		finish := chatFinish(r)
		body.Choices = append(body.Choices, chatChoice{Index: i, Message: message(r, body.ID, i), FinishReason: &finish})
	}
	if u := c.usage(r, int64(n)); u != nil {
		body.Usage = marshal(u)
	}
	c.json(body)
}

func (req chatRequest) check() (problem, bool) {
	bad := func(param, code, format string, args ...any) (problem, bool) {
		return problem{Status: 400, Param: param, Code: code, Message: fmt.Sprintf(format, args...)}, false
	}
	switch {
	case req.Model == "":
		return bad("model", "", "A model parameter is required.")
	case len(req.Messages) == 0:
		return bad("messages", "empty_array", "Invalid 'messages': at least one message is required.")
	case req.StreamOptions != nil && !req.Stream:
		return bad("stream_options", "", "'stream_options' is only allowed when 'stream' is enabled.")
	case req.MaxTokens != nil && req.MaxCompletionTokens != nil:
		return bad("max_tokens", "invalid_parameter_combination", "Set 'max_tokens' or 'max_completion_tokens', not both.")
	case req.MaxTokens != nil && reasoningModel(req.Model):
		return bad("max_tokens", "unsupported_parameter", "'max_tokens' is not supported with this model: use 'max_completion_tokens'.")
	case value(req.MaxTokens, 1) < 1 || value(req.MaxCompletionTokens, 1) < 1:
		return bad("max_tokens", "integer_below_min_value", "Invalid 'max_tokens': the minimum is 1.")
	case value(req.N, 1) < 1 || value(req.N, 1) > maxAnswers:
		return bad("n", "integer_out_of_range", "Invalid 'n': it must be from 1 to 128.")
	}
	return problem{}, true
}

func (req chatRequest) most() int64 { return value(req.MaxCompletionTokens, value(req.MaxTokens, 0)) }

// reasoningModel reports whether OpenAI refuses max_tokens for a model.
func reasoningModel(model string) bool {
	for _, prefix := range []string{"o1", "o3", "o4", "gpt-5"} {
		if strings.HasPrefix(model, prefix) {
			return true
		}
	}
	return false
}

func message(r reply, id string, index int) *chatMessage {
	text := r.text()
	m := &chatMessage{Role: "assistant", Content: &text, Annotations: []any{}}
	if r.tool != "" {
		m.Content = nil
		m.ToolCalls = []toolCall{{ID: callID(id, index), Type: "function", Function: toolFunction{r.tool, text}}}
	}
	return m
}

func callID(id string, index int) string { return fmt.Sprintf("call_%s%d", digest(id), index) }

func chatFinish(r reply) string {
	switch {
	case r.tool != "":
		return "tool_calls"
	case r.cut:
		return "length"
	}
	return "stop"
}

// openingDelta and wordDelta are the deltas of a chat stream; the closing one is empty.
type (
	openingDelta struct {
		Role    string  `json:"role"`
		Content *string `json:"content"`
		Refusal *string `json:"refusal"`
	}
	wordDelta struct {
		Content   string     `json:"content,omitempty"`
		ToolCalls []toolCall `json:"tool_calls,omitempty"`
	}
)

func (c *call) streamChat(body chatBody, r reply, n int, wantsUsage bool) {
	body.Object = "chat.completion.chunk"
	if wantsUsage {
		body.Usage = json.RawMessage("null")
	}
	s := c.stream(lines)
	send := func(index int, delta any, finish *string) {
		body.Choices = []chatChoice{{Index: index, Delta: delta, FinishReason: finish}}
		s.event("", body)
	}
	for i := range n {
		if r.tool != "" {
			send(i, openingDelta{Role: "assistant"}, nil)
			send(i, wordDelta{ToolCalls: []toolCall{{Index: new(int), ID: callID(body.ID, i), Type: "function", Function: toolFunction{Name: r.tool}}}}, nil)
			continue
		}
		send(i, openingDelta{Role: "assistant", Content: new(string)}, nil)
	}
	for j, word := range r.words {
		s.word(j, len(r.words))
		delta := wordDelta{Content: word}
		if r.tool != "" {
			delta = wordDelta{ToolCalls: []toolCall{{Index: new(int), Function: toolFunction{Arguments: word}}}}
		}
		for i := range n {
			send(i, delta, nil)
		}
	}
	finish := chatFinish(r)
	for i := range n {
		send(i, struct{}{}, &finish)
	}
	if u := c.usage(r, int64(n)); u != nil && wantsUsage {
		body.Choices, body.Usage = []chatChoice{}, marshal(u)
		s.event("", body)
	}
	s.data("", []byte("[DONE]"))
	s.end()
}

type completionChoice struct {
	Text         string  `json:"text"`
	Index        int     `json:"index"`
	Logprobs     any     `json:"logprobs"`
	FinishReason *string `json:"finish_reason"`
}

type completionBody struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   json.RawMessage    `json:"usage,omitempty"`
}

// defaultCompletionTokens caps a completion whose request names no cap.
const defaultCompletionTokens = 16

func (c *call) completions() {
	var req struct {
		Model         string         `json:"model"`
		Prompt        inputs         `json:"prompt"`
		Stream        bool           `json:"stream"`
		StreamOptions *streamOptions `json:"stream_options"`
		MaxTokens     *int64         `json:"max_tokens"`
		N             *int64         `json:"n"`
	}
	switch err := c.decode(&req); {
	case err != nil:
		c.badRequest("", "The body of the request could not be read as JSON: "+err.Error()+".")
		return
	case req.Model == "":
		c.badRequest("model", "A model parameter is required.")
		return
	case value(req.N, 1) < 1 || value(req.N, 1) > maxAnswers:
		c.badRequest("n", "Invalid 'n': it must be from 1 to 128.")
		return
	case len(req.Prompt) == 0:
		req.Prompt = inputs{{}}
	}
	if c.tooMany("answers", len(req.Prompt)*int(value(req.N, 1)), maxPublicAnswers) {
		return
	}
	body := completionBody{ID: "cmpl-" + digest(c.model, req.Prompt[0].text), Object: "text_completion", Created: Created, Model: c.model}
	var replies []reply
	var sum reply
	for _, in := range req.Prompt {
		r := c.reply(ask{text: in.text, input: in.tokens, most: value(req.MaxTokens, defaultCompletionTokens)})
		sum.input += r.input
		for range value(req.N, 1) {
			replies = append(replies, r)
			sum.output += r.output
			sum.reasoning += r.reasoning
		}
	}
	sum.extra = c.p.opts.Extra
	usage := c.usage(sum, 1)
	if req.Stream {
		c.streamCompletions(body, replies, usage, req.StreamOptions.usage())
		return
	}
	for i, r := range replies {
		finish := chatFinish(r)
		body.Choices = append(body.Choices, completionChoice{Text: r.text(), Index: i, FinishReason: &finish})
	}
	if usage != nil {
		body.Usage = marshal(usage)
	}
	c.json(body)
}

func (c *call) streamCompletions(body completionBody, replies []reply, usage *openAIUsage, wantsUsage bool) {
	if wantsUsage {
		body.Usage = json.RawMessage("null")
	}
	s := c.stream(lines)
	for i, r := range replies {
		for j, word := range r.words {
			s.word(j, len(r.words))
			body.Choices = []completionChoice{{Text: word, Index: i}}
			s.event("", body)
		}
		finish := chatFinish(r)
		body.Choices = []completionChoice{{Index: i, FinishReason: &finish}}
		s.event("", body)
	}
	if usage != nil && wantsUsage {
		body.Choices, body.Usage = []completionChoice{}, marshal(usage)
		s.event("", body)
	}
	s.data("", []byte("[DONE]"))
	s.end()
}

// input is one text to work on, given as a string, as tokens or, for moderations, as parts.
type input struct {
	text   string
	tokens int64
}

// inputs is a field that holds one input or several: a string, strings, token ids, or lists of them.
type inputs []input

func (in *inputs) UnmarshalJSON(data []byte) error {
	var items []json.RawMessage
	if data[0] != '[' {
		items = []json.RawMessage{data}
	} else if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	*in = nil
	var ids []json.RawMessage
	for _, item := range items {
		switch item[0] {
		case '"':
			var text string
			if err := json.Unmarshal(item, &text); err != nil {
				return err
			}
			*in = append(*in, input{text, Tokens(text)})
		case '[':
			var list []int64
			if err := json.Unmarshal(item, &list); err != nil {
				return err
			}
			*in = append(*in, input{fmt.Sprint(list), int64(len(list))})
		case '{':
			var parts content
			if err := json.Unmarshal(data, &parts); err != nil {
				return err
			}
			*in = inputs{{parts.text, parts.tokens()}}
			return nil
		case 'n': // null is no input
		default:
			ids = append(ids, item)
		}
	}
	if len(ids) > 0 {
		*in = append(*in, input{fmt.Sprintf("%s", ids), int64(len(ids))})
	}
	return nil
}

func value(v *int64, otherwise int64) int64 {
	if v == nil {
		return otherwise
	}
	return *v
}
