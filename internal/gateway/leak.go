package gateway

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/airatelimit/airatelimit/internal/guard"
	"github.com/airatelimit/airatelimit/internal/sse"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// leakCheck ends an answer that begins to repeat the stored prompt, before the leak is complete. It holds back the frames of
// a stream that the next words may turn into a leak. The zero value checks nothing.
type leakCheck struct {
	on, block bool
	prompt    *guard.Prompt
	exempt    map[uint32]bool
	op        wire.Operation
	found     guard.Leak
	ended     bool // the answer was ended

	events, known bool
	scanner       sse.Scanner
	answers       map[int]*guard.Answer // by the index of the choice
	words         int                   // of all answers
	held          []heldFrame
	names         frameNames
	out           []byte
}

// heldFrame is a frame that is not shown yet.
type heldFrame struct {
	raw   []byte
	words int // of the answer up to and including the frame
}

// frameNames are what the frames of a stream repeat.
type frameNames struct {
	ID       string          `json:"id"`
	Model    string          `json:"model"`
	Created  int64           `json:"created"`
	Sequence int64           `json:"sequence_number"`
	Response json.RawMessage `json:"response"`
	block    int             // Anthropic: the open content block; -1 for none
}

// checkAnswer prepares the check of the answer. The body must not be forgotten yet.
func (c *call) checkAnswer() {
	g := c.caller.Project.Guard()
	if g == nil || !g.OutputCheck || c.text == "" || !c.ep.Metered() {
		return
	}
	l := &c.leaks
	*l = leakCheck{on: true, block: g.Block, prompt: guard.NewPrompt(c.text), exempt: map[uint32]bool{}, op: c.ep.Operation,
		answers: map[int]*guard.Answer{}, names: frameNames{block: -1}}
	c.env.Turns(func(t wire.Turn) bool {
		if t.Speaker == wire.SpeakerUser && len(t.Raw) <= mostJudged {
			l.prompt.Exempt(l.exempt, t.Text())
		}
		return true
	})
}

// noteLeak raises the alarm of an answer that repeated the stored prompt.
func (c *call) noteLeak() {
	switch c.leaks.found {
	case guard.PromptLeak:
		c.alarm(guard.Hit{Category: guard.DirectLeakage, Rule: "output-prompt", Severity: guard.High}, c.leaks.ended)
	case guard.FactLeak:
		c.alarm(guard.Hit{Category: guard.DirectLeakage, Rule: "output-fact", Severity: guard.Low}, false)
	}
}

// Next returns what may be shown of the next piece of the answer; last says that it is the end.
func (l *leakCheck) Next(p []byte, last bool) []byte {
	switch {
	case !l.on:
		return p
	case l.ended:
		return nil
	}
	if !l.known {
		if head := bytes.TrimLeft(p, " \t\r\n\uFEFF"); len(head) > 0 {
			l.known, l.events = true, head[0] != '{' && head[0] != '['
		}
	}
	if l.known && !l.events {
		return p // answerWhole checks it, or it is too long
	}
	l.out = l.out[:0]
	for rest := p; ; {
		frame, more, ok := l.scanner.Next(rest)
		if !ok {
			break
		}
		rest = more
		if l.frame(frame); l.ended {
			return l.out
		}
	}
	if last {
		if frame, ok := l.scanner.Flush(); ok {
			l.frame(frame)
		}
		if !l.ended {
			l.release(0)
		}
	}
	return l.out
}

// frame reads a frame, and shows what can no longer become a leak.
func (l *leakCheck) frame(f sse.Frame) {
	if f.Data == nil && len(l.held) > 0 && bytes.HasPrefix(f.Raw, []byte(":")) {
		l.out = append(l.out, f.Raw...) // it keeps the connection alive
		return
	}
	texts := l.texts(f.Data)
	for _, t := range texts {
		l.found = max(l.found, l.add(t.index, t.text))
	}
	if l.block && l.found == guard.PromptLeak {
		l.ended, l.held = true, nil
		l.out = append(l.out, l.stopped()...)
		return
	}
	if !l.block {
		l.out = append(l.out, f.Raw...)
		return
	}
	l.held = append(l.held, heldFrame{slices.Clone(f.Raw), l.words})
	l.release(guard.LeakHold)
}

// release shows the frames after which the answer went on for some words.
func (l *leakCheck) release(hold int) {
	n := 0
	for n < len(l.held) && (l.held[n].words == 0 || l.held[n].words+hold <= l.words) {
		l.out = append(l.out, l.held[n].raw...)
		n++
	}
	if hold == 0 {
		for ; n < len(l.held); n++ {
			l.out = append(l.out, l.held[n].raw...)
		}
	}
	l.held = l.held[n:]
}

func (l *leakCheck) add(index int, text string) guard.Leak {
	a := l.answers[index]
	if a == nil {
		if len(l.answers) >= 128 {
			index = 0
		}
		if a = l.answers[index]; a == nil {
			a = guard.NewAnswer(l.prompt, l.exempt)
			l.answers[index] = a
		}
	}
	before := a.Count
	found := a.Add(text)
	l.words += a.Count - before
	return found
}

// indexedText is a piece of the text of one of the answers.
type indexedText struct {
	index int
	text  string
}

// answerFrame is a frame of a stream, or a whole answer, in any dialect.
type answerFrame struct {
	Type        string          `json:"type"`
	Delta       json.RawMessage `json:"delta"`
	Index       int             `json:"index"`
	OutputIndex int             `json:"output_index"`
	Choices     []struct {
		Index   int           `json:"index"`
		Text    string        `json:"text"`
		Delta   answerMessage `json:"delta"`
		Message answerMessage `json:"message"`
	} `json:"choices"`
	Candidates []struct {
		Index   int `json:"index"`
		Content struct {
			Parts []struct {
				Text string `json:"text"`
			} `json:"parts"`
		} `json:"content"`
	} `json:"candidates"`
	Content json.RawMessage `json:"content"`
	Output  []struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Arguments string `json:"arguments"`
	} `json:"output"`
}

// answerMessage is what a model says in a chat completion.
type answerMessage struct {
	Content          any    `json:"content"`
	Refusal          string `json:"refusal"`
	Reasoning        string `json:"reasoning"`
	ReasoningContent string `json:"reasoning_content"`
	ToolCalls        []struct {
		Function struct {
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

func (m *answerMessage) texts() (all []string) {
	if s, ok := m.Content.(string); ok {
		all = append(all, s)
	}
	all = append(all, m.Refusal, m.Reasoning, m.ReasoningContent)
	for _, t := range m.ToolCalls {
		all = append(all, t.Function.Arguments)
	}
	return all
}

// texts returns the text of a stream's frame.
func (l *leakCheck) texts(data []byte) []indexedText {
	if len(data) == 0 || data[0] != '{' {
		return nil
	}
	var f answerFrame
	_ = json.Unmarshal(data, &f) // members of another type hold no text
	l.name(data, &f)
	return f.texts()
}

func (f *answerFrame) texts() (all []indexedText) {
	add := func(index int, text string) {
		if text != "" {
			all = append(all, indexedText{index, text})
		}
	}
	for _, c := range f.Choices {
		add(c.Index, c.Text)
		for _, t := range append(c.Delta.texts(), c.Message.texts()...) {
			add(c.Index, t)
		}
	}
	for _, c := range f.Candidates {
		for _, part := range c.Content.Parts {
			add(c.Index, part.Text)
		}
	}
	if len(f.Delta) > 0 {
		add(f.Index+f.OutputIndex, deltaText(f.Delta))
	}
	return all
}

// deltaText returns the text of a delta of Responses, a string, or of Messages, an object.
func deltaText(delta json.RawMessage) string {
	var s string
	if json.Unmarshal(delta, &s) == nil {
		return s
	}
	var d struct {
		Text     string `json:"text"`
		Thinking string `json:"thinking"`
		Partial  string `json:"partial_json"`
	}
	_ = json.Unmarshal(delta, &d) // other deltas have no text
	return d.Text + d.Thinking + d.Partial
}

// name notes what the last frames of a stopped stream repeat.
func (l *leakCheck) name(data []byte, f *answerFrame) {
	switch f.Type {
	case "content_block_start":
		l.names.block = f.Index
	case "content_block_stop":
		l.names.block = -1
	}
	if l.names.ID == "" || f.Type != "" {
		block := l.names.block
		_ = json.Unmarshal(data, &l.names) // missing members keep their values
		l.names.block = block
	}
}

// stopped returns the last frames of a stream that was ended, as the dialect has them.
func (l *leakCheck) stopped() []byte {
	n := &l.names
	var out []byte
	event := func(name string, v any) {
		data, _ := json.Marshal(v) // maps of plain values
		out = sse.AppendEvent(out, name, data)
	}
	type object = map[string]any
	switch l.op {
	case wire.Messages:
		if n.block >= 0 {
			event("content_block_stop", object{"type": "content_block_stop", "index": n.block})
		}
		event("message_delta", object{"type": "message_delta", "delta": object{"stop_reason": "refusal", "stop_sequence": nil}, "usage": object{"output_tokens": 0}})
		event("message_stop", object{"type": "message_stop"})
	case wire.Responses:
		response := object{}
		_ = json.Unmarshal(n.Response, &response)
		response["status"], response["incomplete_details"], response["output"] = "incomplete", object{"reason": "content_filter"}, []any{}
		for _, field := range hiddenFields {
			if _, ok := response[field]; ok {
				response[field] = nil
			}
		}
		event("response.incomplete", object{"type": "response.incomplete", "sequence_number": n.Sequence + 1, "response": response})
	case wire.GenerateContent, wire.StreamGenerateContent:
		event("", object{"candidates": []any{object{"content": object{"role": "model", "parts": []any{}}, "finishReason": "SAFETY", "index": 0}}})
	case wire.Completions:
		event("", object{"id": n.ID, "object": "text_completion", "created": n.Created, "model": n.Model,
			"choices": []any{object{"index": 0, "text": "", "logprobs": nil, "finish_reason": "content_filter"}}})
		out = append(out, "data: [DONE]\n\n"...)
	default:
		event("", object{"id": n.ID, "object": "chat.completion.chunk", "created": n.Created, "model": n.Model,
			"choices": []any{object{"index": 0, "delta": object{}, "finish_reason": "content_filter"}}})
		out = append(out, "data: [DONE]\n\n"...)
	}
	return out
}

// hiddenFields are members of a response that may repeat the stored prompt.
var hiddenFields = []string{"instructions", "prompt"}

// Whole returns what may be shown of a whole answer.
func (l *leakCheck) Whole(body []byte) []byte {
	if !l.on {
		return body
	}
	var f answerFrame
	_ = json.Unmarshal(body, &f) // members of another type hold no text
	for _, t := range f.texts() {
		l.found = max(l.found, l.add(t.index, t.text))
	}
	var parts []struct {
		Text  string          `json:"text"`
		Input json.RawMessage `json:"input"`
	}
	_ = json.Unmarshal(f.Content, &parts) // Anthropic's
	for _, p := range parts {
		l.found = max(l.found, l.add(0, p.Text+"\n"+string(p.Input)))
	}
	for i, item := range f.Output {
		for _, p := range item.Content {
			l.found = max(l.found, l.add(i, p.Text))
		}
		l.found = max(l.found, l.add(i, item.Arguments))
	}
	for _, a := range l.answers {
		l.found = max(l.found, a.End())
	}
	if !l.block || l.found != guard.PromptLeak {
		return body
	}
	l.ended = true
	return stoppedWhole(body)
}

// stoppedWhole takes the text out of a whole answer, and says that it was stopped.
func stoppedWhole(body []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	answer := map[string]any{}
	_ = d.Decode(&answer) // it was read before
	each := func(list any, do func(item map[string]any)) {
		items, _ := list.([]any)
		for _, item := range items {
			if m, ok := item.(map[string]any); ok {
				do(m)
			}
		}
	}
	each(answer["choices"], func(c map[string]any) {
		c["finish_reason"] = "content_filter"
		if _, ok := c["text"]; ok {
			c["text"] = ""
		}
		if _, ok := c["message"]; ok {
			c["message"] = map[string]any{"role": "assistant", "content": ""}
		}
		delete(c, "logprobs")
	})
	each(answer["candidates"], func(c map[string]any) {
		c["finishReason"] = "SAFETY"
		c["content"] = map[string]any{"role": "model", "parts": []any{}}
		delete(c, "logprobsResult")
	})
	if _, ok := answer["content"]; ok {
		answer["content"], answer["stop_reason"] = []any{}, "refusal"
	}
	if _, ok := answer["output"]; ok {
		answer["output"], answer["status"] = []any{}, "incomplete"
		answer["incomplete_details"] = map[string]any{"reason": "content_filter"}
	}
	out, _ := json.Marshal(answer) // it was read from JSON
	return out
}
