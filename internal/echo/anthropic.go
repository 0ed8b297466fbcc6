package echo

import "encoding/json"

// The Messages API, as in https://docs.anthropic.com/en/api/messages.

type messagesRequest struct {
	Model     string  `json:"model"`
	System    content `json:"system"`
	Messages  []turn  `json:"messages"`
	MaxTokens *int64  `json:"max_tokens"`
	Stream    bool    `json:"stream"`
	Tools     []struct {
		Name string `json:"name"`
	} `json:"tools"`
	ToolChoice struct {
		Type string `json:"type"`
	} `json:"tool_choice"`
}

type anthropicUsage struct {
	Input         int64          `json:"input_tokens"`
	CacheCreation int64          `json:"cache_creation_input_tokens"`
	CacheRead     int64          `json:"cache_read_input_tokens"`
	Creation      *cacheCreation `json:"cache_creation,omitempty"`
	Output        int64          `json:"output_tokens"`
	ServiceTier   string         `json:"service_tier,omitempty"`
}

type cacheCreation struct {
	FiveMinutes int64 `json:"ephemeral_5m_input_tokens"`
	OneHour     int64 `json:"ephemeral_1h_input_tokens"`
}

type anthropicBlock struct {
	Type  string          `json:"type"`
	Text  *string         `json:"text,omitempty"`
	ID    string          `json:"id,omitempty"`
	Name  string          `json:"name,omitempty"`
	Input json.RawMessage `json:"input,omitempty"`
}

type anthropicMessage struct {
	Model        string           `json:"model"`
	ID           string           `json:"id"`
	Type         string           `json:"type"`
	Role         string           `json:"role"`
	Content      []anthropicBlock `json:"content"`
	StopReason   *string          `json:"stop_reason"`
	StopSequence *string          `json:"stop_sequence"`
	Usage        *anthropicUsage  `json:"usage,omitempty"`
}

// readMessages reads and checks the request. If the request cannot be served, it answers and returns false.
func (c *call) readMessages(counting bool) (req messagesRequest, ok bool) {
	err := c.decode(&req)
	switch {
	case c.r.Header.Get("Anthropic-Version") == "":
		c.badRequest("", "anthropic-version: header is required")
	case err != nil:
		c.badRequest("", "The request body is not valid JSON: "+err.Error())
	case req.Model == "":
		c.badRequest("", "model: Field required")
	case len(req.Messages) == 0:
		c.badRequest("", "messages: at least one message is required")
	case !counting && req.MaxTokens == nil:
		c.badRequest("", "max_tokens: Field required")
	case !counting && *req.MaxTokens < 1:
		c.badRequest("", "max_tokens: Input should be greater than or equal to 1")
	default:
		for _, t := range req.Messages {
			if t.Role != "user" && t.Role != "assistant" {
				c.badRequest("", "messages: Unexpected role "+t.Role)
				return req, false
			}
		}
		return req, true
	}
	return req, false
}

func (req messagesRequest) ask() ask {
	tool := ""
	if len(req.Tools) > 0 && req.ToolChoice.Type != "none" {
		tool = req.Tools[0].Name
	}
	a := askOf(req.Messages, value(req.MaxTokens, 0), tool)
	a.input += req.System.tokens()
	return a
}

func (c *call) countMessageTokens() {
	if req, ok := c.readMessages(true); ok {
		c.json(struct {
			InputTokens int64 `json:"input_tokens"`
		}{req.ask().input})
	}
}

func (c *call) messages() {
	req, ok := c.readMessages(false)
	if !ok {
		return
	}
	a := req.ask()
	r := c.reply(a)
	id := digest(c.model, a.text)
	m := anthropicMessage{Model: c.model, ID: "msg_" + id, Type: "message", Role: "assistant", Content: []anthropicBlock{}}
	if req.Stream {
		c.streamMessage(m, r, id)
		return
	}
	stop := stopReason(r)
	m.StopReason = &stop
	m.Content = []anthropicBlock{block(r, id, r.text())}
	m.Usage = c.anthropicUsage(r, r.output)
	c.json(m)
}

// block returns the only content block of a reply, with the text so far.
func block(r reply, id, text string) anthropicBlock {
	if r.tool == "" {
		return anthropicBlock{Type: "text", Text: &text}
	}
	if text == "" {
		text = "{}"
	}
	return anthropicBlock{Type: "tool_use", ID: "toolu_" + id, Name: r.tool, Input: json.RawMessage(text)}
}

func stopReason(r reply) string {
	switch {
	case r.tool != "":
		return "tool_use"
	case r.cut:
		return "max_tokens"
	}
	return "end_turn"
}

// anthropicUsage returns the usage after so many output tokens were sent, or nil if the fault hides it.
func (c *call) anthropicUsage(r reply, output int64) *anthropicUsage {
	if c.fault == WithoutUsage {
		return nil
	}
	return &anthropicUsage{Input: r.input, CacheCreation: r.extra.CacheWrite, CacheRead: r.extra.Cached,
		Creation: &cacheCreation{FiveMinutes: r.extra.CacheWrite}, Output: output, ServiceTier: "standard"}
}

type (
	anthropicTextDelta struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	anthropicJSONDelta struct {
		Type        string `json:"type"`
		PartialJSON string `json:"partial_json"`
	}
	anthropicStop struct {
		StopReason   string  `json:"stop_reason"`
		StopSequence *string `json:"stop_sequence"`
	}
)

type anthropicEvent struct {
	Type    string            `json:"type"`
	Message *anthropicMessage `json:"message,omitempty"`
	Index   *int              `json:"index,omitempty"`
	Block   *anthropicBlock   `json:"content_block,omitempty"`
	Delta   any               `json:"delta,omitempty"`
	Usage   *anthropicUsage   `json:"usage,omitempty"`
}

func (c *call) streamMessage(m anthropicMessage, r reply, id string) {
	s := c.stream(lines)
	s.fail = func(p problem) { s.event("error", anthropicError(p, m.ID)) }
	send := func(e anthropicEvent) { s.event(e.Type, e) }
	m.Usage = c.anthropicUsage(r, 1)
	send(anthropicEvent{Type: "message_start", Message: &m})
	opening := block(r, id, "")
	send(anthropicEvent{Type: "content_block_start", Index: new(int), Block: &opening})
	send(anthropicEvent{Type: "ping"})
	for i, word := range r.words {
		s.word(i, len(r.words))
		var delta any = anthropicTextDelta{"text_delta", word}
		if r.tool != "" {
			delta = anthropicJSONDelta{"input_json_delta", word}
		}
		send(anthropicEvent{Type: "content_block_delta", Index: new(int), Delta: delta})
	}
	send(anthropicEvent{Type: "content_block_stop", Index: new(int)})
	end := anthropicEvent{Type: "message_delta", Delta: anthropicStop{StopReason: stopReason(r)}}
	if end.Usage = c.anthropicUsage(r, r.output); end.Usage != nil {
		end.Usage.Creation, end.Usage.ServiceTier = nil, ""
	}
	send(end)
	send(anthropicEvent{Type: "message_stop"})
	s.end()
}
