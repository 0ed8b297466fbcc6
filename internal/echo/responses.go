package echo

import (
	"encoding/base64"
	"encoding/json"
)

// The Responses API, as in https://platform.openai.com/docs/api-reference/responses.

type responsesRequest struct {
	Model           string          `json:"model"`
	Input           responsesInput  `json:"input"`
	Instructions    json.RawMessage `json:"instructions"`
	Stream          bool            `json:"stream"`
	StreamOptions   *streamOptions  `json:"stream_options"`
	MaxOutputTokens *int64          `json:"max_output_tokens"`
	Tools           []openAITool    `json:"tools"`
	ToolChoice      json.RawMessage `json:"tool_choice"`
}

// responsesInput is a string, or items: messages, results of calls, and others that hold no text.
type responsesInput []turn

func (in *responsesInput) UnmarshalJSON(data []byte) error {
	if data[0] != '[' {
		var c content
		err := json.Unmarshal(data, &c)
		*in = responsesInput{{Role: "user", Content: c}}
		return err
	}
	var items []struct {
		turn
		Output content `json:"output"` // of a function_call_output
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return err
	}
	for _, item := range items {
		if item.Role == "" && item.Output.text != "" {
			item.turn = turn{Role: "tool", Content: item.Output}
		}
		*in = append(*in, item.turn)
	}
	return nil
}

// minResponseTokens is the smallest max_output_tokens that the API accepts.
const minResponseTokens = 16

type outputText struct {
	Type        string `json:"type"`
	Annotations []any  `json:"annotations"`
	Logprobs    []any  `json:"logprobs"`
	Text        string `json:"text"`
}

func newOutputText(text string) outputText {
	return outputText{"output_text", []any{}, []any{}, text}
}

type messageItem struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Content []outputText `json:"content"`
	Role    string       `json:"role"`
}

type callItem struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Status    string `json:"status"`
	Arguments string `json:"arguments"`
	CallID    string `json:"call_id"`
	Name      string `json:"name"`
}

// item returns the output item of a reply, as far as the reply has been sent.
func (r reply) item(id, status, text string) any {
	if r.tool != "" {
		return callItem{"fc_" + id, "function_call", status, text, "call_" + id, r.tool}
	}
	m := messageItem{"msg_" + id, "message", status, []outputText{}, "assistant"}
	if status != inProgress {
		m.Content = []outputText{newOutputText(text)}
	}
	return m
}

const (
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
)

type responsesUsage struct {
	InputTokens  int64 `json:"input_tokens"`
	InputDetails struct {
		Cached     int64 `json:"cached_tokens"`
		CacheWrite int64 `json:"cache_write_tokens"`
	} `json:"input_tokens_details"`
	OutputTokens  int64 `json:"output_tokens"`
	OutputDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"output_tokens_details"`
	TotalTokens int64 `json:"total_tokens"`
}

// readResponses reads a request of the Responses API. If it cannot, it answers with an error.
func (c *call) readResponses() (req responsesRequest, a ask, ok bool) {
	if err := c.decode(&req); err != nil {
		c.badRequest("", "The body of the request could not be read as JSON: "+err.Error()+".")
		return req, a, false
	}
	if p, ok := req.check(); !ok {
		c.refuse(p)
		return req, a, false
	}
	a = askOf(req.Input, value(req.MaxOutputTokens, 0), firstTool(req.Tools, req.ToolChoice))
	var instructions string
	if json.Unmarshal(req.Instructions, &instructions) == nil {
		a.input += Tokens(instructions)
	}
	return req, a, true
}

func (c *call) countResponseTokens() {
	if _, a, ok := c.readResponses(); ok {
		c.json(map[string]any{"object": "response.input_tokens", "input_tokens": a.input})
	}
}

// compactItem is the item by which the next request passes on a compaction.
type compactItem struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Encrypted string `json:"encrypted_content"`
}

// compactResponse answers with the user's last text and an opaque item that stands for everything else.
func (c *call) compactResponse() {
	_, a, ok := c.readResponses()
	if !ok {
		return
	}
	a.tool = ""
	r := c.reply(a)
	id := digest(c.model, a.text)
	asked := messageItem{ID: "msg_" + id, Type: "message", Status: completed, Role: "user", Content: []outputText{newOutputText(a.text)}}
	asked.Content[0].Type = "input_text"
	o := map[string]any{"id": "resp_" + id, "object": "response.compaction", "created_at": Created,
		"output": []any{asked, compactItem{"cmp_" + id, "compaction", base64.StdEncoding.EncodeToString([]byte(r.text()))}}}
	if c.fault != WithoutUsage {
		o["usage"] = r.responsesUsage()
	}
	c.json(o)
}

func (c *call) responses() {
	req, a, ok := c.readResponses()
	if !ok {
		return
	}
	echoed := map[string]json.RawMessage{}
	_ = c.decode(&echoed) // it has just been read as an object
	r := c.reply(a)
	id := digest(c.model, a.text)
	if req.Stream {
		c.streamResponse(echoed, id, r)
		return
	}
	c.json(c.response(echoed, id, r, r.status()))
}

func (req responsesRequest) check() (problem, bool) {
	p := problem{Status: 400}
	switch {
	case req.Model == "":
		p.Param, p.Message = "model", "A model parameter is required."
	case len(req.Input) == 0:
		p.Param, p.Message = "input", "An input parameter is required."
	case value(req.MaxOutputTokens, minResponseTokens) < minResponseTokens:
		p.Param, p.Code = "max_output_tokens", "integer_below_min_value"
		p.Message = "Invalid 'max_output_tokens': the minimum is 16."
	case req.StreamOptions != nil && req.StreamOptions.IncludeUsage != nil:
		p.Param, p.Code, p.Message = "stream_options.include_usage", "unknown_parameter", "Unknown parameter: 'stream_options.include_usage'."
	default:
		return problem{}, true
	}
	return p, false
}

func (r reply) status() string {
	if r.cut {
		return incomplete
	}
	return completed
}

// responseDefaults are the fields of a response that repeat the request's settings, with their defaults.
var responseDefaults = map[string]string{
	"background": "false", "instructions": "null", "max_output_tokens": "null", "max_tool_calls": "null",
	"parallel_tool_calls": "true", "previous_response_id": "null", "prompt_cache_key": "null",
	"reasoning": `{"effort":null,"summary":null}`, "safety_identifier": "null", "service_tier": `"default"`,
	"store": "true", "temperature": "1", "text": `{"format":{"type":"text"},"verbosity":"medium"}`,
	"tool_choice": `"auto"`, "tools": "[]", "top_logprobs": "0", "top_p": "1", "truncation": `"disabled"`,
	"user": "null", "metadata": "{}",
}

// response is the response object at one moment of the answer.
func (c *call) response(echoed map[string]json.RawMessage, id string, r reply, status string) map[string]any {
	o := map[string]any{"id": "resp_" + id, "object": "response", "created_at": Created, "status": status, "model": c.model,
		"error": nil, "incomplete_details": nil, "output": []any{}, "usage": nil}
	for name, byDefault := range responseDefaults {
		o[name] = json.RawMessage(byDefault)
		if asked, ok := echoed[name]; ok && name != "service_tier" {
			o[name] = asked
		}
	}
	switch status {
	case inProgress, "failed":
		return o
	case incomplete:
		o["incomplete_details"] = map[string]string{"reason": "max_output_tokens"}
	}
	o["output"] = []any{r.item(id, status, r.text())}
	if c.fault == WithoutUsage {
		delete(o, "usage")
		return o
	}
	o["usage"] = r.responsesUsage()
	return o
}

func (r reply) responsesUsage() responsesUsage {
	u := responsesUsage{InputTokens: r.input + r.extra.Cached, OutputTokens: r.output}
	u.TotalTokens = u.InputTokens + u.OutputTokens
	u.InputDetails.Cached = r.extra.Cached
	u.OutputDetails.Reasoning = r.reasoning
	return u
}

func (c *call) streamResponse(echoed map[string]json.RawMessage, id string, r reply) {
	s := c.stream(lines)
	sequence := 0
	send := func(kind string, fields map[string]any) {
		fields["type"], fields["sequence_number"] = kind, sequence
		sequence++
		s.event(kind, fields)
	}
	s.fail = func(p problem) {
		why := map[string]any{"type": "server_error", "code": "server_error", "message": p.Message, "param": nil}
		send("error", map[string]any{"error": why})
		failed := c.response(echoed, id, r, "failed")
		failed["error"] = map[string]any{"code": "server_error", "message": p.Message}
		send("response.failed", map[string]any{"response": failed})
	}
	send("response.created", map[string]any{"response": c.response(echoed, id, r, inProgress)})
	send("response.in_progress", map[string]any{"response": c.response(echoed, id, r, inProgress)})
	send("response.output_item.added", map[string]any{"output_index": 0, "item": r.item(id, inProgress, "")})
	if r.tool != "" {
		streamArguments(s, send, id, r)
	} else {
		streamText(s, send, id, r)
	}
	send("response.output_item.done", map[string]any{"output_index": 0, "item": r.item(id, r.status(), r.text())})
	send("response."+r.status(), map[string]any{"response": c.response(echoed, id, r, r.status())})
	s.end()
}

func streamText(s *stream, send func(string, map[string]any), id string, r reply) {
	at := func(fields map[string]any) map[string]any {
		fields["item_id"], fields["output_index"], fields["content_index"] = "msg_"+id, 0, 0
		return fields
	}
	send("response.content_part.added", at(map[string]any{"part": newOutputText("")}))
	for i, word := range r.words {
		s.word(i, len(r.words))
		send("response.output_text.delta", at(map[string]any{"delta": word, "logprobs": []any{}}))
	}
	send("response.output_text.done", at(map[string]any{"text": r.text(), "logprobs": []any{}}))
	send("response.content_part.done", at(map[string]any{"part": newOutputText(r.text())}))
}

func streamArguments(s *stream, send func(string, map[string]any), id string, r reply) {
	at := func(fields map[string]any) map[string]any {
		fields["item_id"], fields["output_index"] = "fc_"+id, 0
		return fields
	}
	for i, word := range r.words {
		s.word(i, len(r.words))
		send("response.function_call_arguments.delta", at(map[string]any{"delta": word}))
	}
	send("response.function_call_arguments.done", at(map[string]any{"arguments": r.text()}))
}
