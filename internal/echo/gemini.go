package echo

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strings"
)

// The Gemini API, as in https://ai.google.dev/api. Its JSON is protobuf's, which takes a field's name in lower
// camel case or as the .proto file spells it.

type geminiContent struct {
	Role  string       `json:"role,omitempty"`
	Parts []geminiPart `json:"parts"`
}

type geminiPart struct {
	Text             *string         `json:"text,omitempty"`
	FunctionCall     *functionCall   `json:"functionCall,omitempty"`
	InlineData       json.RawMessage `json:"inlineData,omitempty"`
	InlineDataProto  json.RawMessage `json:"inline_data,omitempty"`
	FunctionResponse json.RawMessage `json:"functionResponse,omitempty"`
}

type functionCall struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

func (g geminiContent) text() string {
	var texts []string
	for _, p := range g.Parts {
		if p.Text != nil {
			texts = append(texts, *p.Text)
		} else if p.FunctionResponse != nil {
			texts = append(texts, string(p.FunctionResponse))
		}
	}
	return strings.Join(texts, "\n")
}

func (g geminiContent) tokens() int64 {
	n := Tokens(g.text())
	for _, p := range g.Parts {
		if p.InlineData != nil || p.InlineDataProto != nil {
			n += ImageTokens
		}
	}
	return n
}

func (g geminiContent) result() bool {
	for _, p := range g.Parts {
		if p.FunctionResponse != nil {
			return true
		}
	}
	return false
}

type generationConfig struct {
	MaxOutputTokens      *int64 `json:"maxOutputTokens"`
	MaxOutputTokensProto *int64 `json:"max_output_tokens"`
	CandidateCount       *int64 `json:"candidateCount"`
	CandidateCountProto  *int64 `json:"candidate_count"`
}

type geminiTool struct {
	Functions      []struct{ Name string } `json:"functionDeclarations"`
	FunctionsProto []struct{ Name string } `json:"function_declarations"`
}

type geminiRequest struct {
	Contents    []geminiContent  `json:"contents"`
	System      geminiContent    `json:"systemInstruction"`
	SystemProto geminiContent    `json:"system_instruction"`
	Config      generationConfig `json:"generationConfig"`
	ConfigProto generationConfig `json:"generation_config"`
	Tools       []geminiTool     `json:"tools"`
}

func (req geminiRequest) ask() ask {
	a := ask{input: req.System.tokens() + req.SystemProto.tokens(), most: value(req.most(), 0)}
	for _, content := range req.Contents {
		a.input += content.tokens()
		if content.Role != "model" {
			a.text = content.text()
		}
	}
	if n := len(req.Contents); n > 0 && !req.Contents[n-1].result() && req.Contents[n-1].Role != "model" && strings.Contains(a.text, ToolCue) {
		a.tool = req.tool()
	}
	return a
}

func (req geminiRequest) tool() string {
	for _, t := range req.Tools {
		for _, f := range append(t.Functions, t.FunctionsProto...) {
			return f.Name
		}
	}
	return ""
}

// most returns the output cap, or nil if there is none.
func (req geminiRequest) most() *int64 {
	return cmp.Or(req.Config.MaxOutputTokens, req.Config.MaxOutputTokensProto, req.ConfigProto.MaxOutputTokens, req.ConfigProto.MaxOutputTokensProto)
}

func (req geminiRequest) candidates() int {
	return int(value(cmp.Or(req.Config.CandidateCount, req.Config.CandidateCountProto, req.ConfigProto.CandidateCount, req.ConfigProto.CandidateCountProto), 1))
}

// readGemini reads and checks the request. If the request cannot be served, it answers and returns false.
func (c *call) readGemini() (req geminiRequest, ok bool) {
	err := c.decode(&req)
	switch {
	case err != nil:
		c.badRequest("", "Invalid JSON payload received. "+err.Error())
	case len(req.Contents) == 0:
		c.badRequest("", "* GenerateContentRequest.contents: contents is not specified")
	case value(req.most(), 1) < 1:
		c.badRequest("", "max_output_tokens must be positive.")
	case req.candidates() < 1 || req.candidates() > 8:
		c.badRequest("", "candidate_count must be from 1 to 8.")
	default:
		return req, true
	}
	return req, false
}

type geminiCandidate struct {
	Content      geminiContent `json:"content"`
	FinishReason string        `json:"finishReason,omitempty"`
	Index        int           `json:"index"`
}

type modalityCount struct {
	Modality   string `json:"modality"`
	TokenCount int64  `json:"tokenCount"`
}

type geminiUsage struct {
	Prompt        int64           `json:"promptTokenCount"`
	Candidates    int64           `json:"candidatesTokenCount,omitempty"`
	Total         int64           `json:"totalTokenCount"`
	Cached        int64           `json:"cachedContentTokenCount,omitempty"`
	PromptDetails []modalityCount `json:"promptTokensDetails"`
	Thoughts      int64           `json:"thoughtsTokenCount,omitempty"`
}

type geminiBody struct {
	Candidates   []geminiCandidate `json:"candidates"`
	Usage        *geminiUsage      `json:"usageMetadata,omitempty"`
	ModelVersion string            `json:"modelVersion"`
	ResponseID   string            `json:"responseId"`
}

// geminiUsage returns the usage of n answers after so many shown tokens of each, or nil if the fault hides it.
func (c *call) geminiUsage(r reply, n int, shown int64) *geminiUsage {
	if c.fault == WithoutUsage {
		return nil
	}
	u := &geminiUsage{Prompt: r.input + r.extra.Cached, Candidates: int64(n) * shown, Cached: r.extra.Cached, Thoughts: int64(n) * r.reasoning}
	u.PromptDetails = []modalityCount{{"TEXT", u.Prompt}}
	u.Total = u.Prompt + u.Candidates + u.Thoughts
	return u
}

func (c *call) generateContent() {
	req, ok := c.readGemini()
	if !ok {
		return
	}
	a := req.ask()
	r := c.reply(a)
	c.json(c.geminiBody(a, r, req.candidates(), modelContent(r, r.text()), geminiFinish(r), r.output-r.reasoning))
}

func (c *call) geminiBody(a ask, r reply, n int, content geminiContent, finish string, shown int64) geminiBody {
	body := geminiBody{Usage: c.geminiUsage(r, n, shown), ModelVersion: c.model, ResponseID: digest(c.model, a.text)}
	for i := range n {
		body.Candidates = append(body.Candidates, geminiCandidate{content, finish, i})
	}
	return body
}

func modelContent(r reply, text string) geminiContent {
	part := geminiPart{Text: &text}
	if r.tool != "" {
		part = geminiPart{FunctionCall: &functionCall{r.tool, json.RawMessage(text)}}
	}
	return geminiContent{Role: "model", Parts: []geminiPart{part}}
}

func geminiFinish(r reply) string {
	if r.cut {
		return "MAX_TOKENS"
	}
	return "STOP"
}

// streamGenerateContent streams events if the request has alt=sse, otherwise the elements of a JSON array.
func (c *call) streamGenerateContent() {
	req, ok := c.readGemini()
	if !ok {
		return
	}
	a := req.ask()
	r := c.reply(a)
	form := array
	if c.r.URL.Query().Get("alt") == "sse" {
		form = crLines
	}
	s := c.stream(form)
	s.fail = func(p problem) { s.event("", geminiError(p)) }
	pieces := r.words
	if r.tool != "" || len(pieces) == 0 {
		pieces = []string{r.text()} // a call's arguments come in one piece
	}
	for i, piece := range pieces {
		s.word(i, len(pieces))
		finish, shown := "", int64(i+1)
		if i == len(pieces)-1 {
			finish, shown = geminiFinish(r), r.output-r.reasoning
		}
		s.event("", c.geminiBody(a, r, req.candidates(), modelContent(r, piece), finish, shown))
	}
	s.end()
}

func (c *call) countTokens() {
	var req struct {
		geminiRequest
		Generate *geminiRequest `json:"generateContentRequest"`
	}
	if err := c.decode(&req); err != nil {
		c.badRequest("", "Invalid JSON payload received. "+err.Error())
		return
	}
	if req.Generate == nil {
		req.Generate = &req.geminiRequest
	}
	n := req.Generate.ask().input
	c.json(map[string]any{"totalTokens": n, "promptTokensDetails": []modalityCount{{"TEXT", n}}})
}

type geminiEmbedRequest struct {
	Content    geminiContent `json:"content"`
	Dimensions *int64        `json:"outputDimensionality"`
}

type geminiEmbedding struct {
	Values []float32 `json:"values"`
}

func (req geminiEmbedRequest) embedding(model string) geminiEmbedding {
	return geminiEmbedding{vector(model, req.Content.text(), value(req.Dimensions, defaultDimensions))}
}

func (c *call) embedContent() {
	var req geminiEmbedRequest
	if err := c.decode(&req); err != nil || len(req.Content.Parts) == 0 || tooWide(req.Dimensions) {
		c.refuse(problem{Status: http.StatusBadRequest, Message: "Invalid embed request: content with parts is required."})
		return
	}
	c.json(map[string]any{"embedding": req.embedding(c.model)})
}

func (c *call) batchEmbedContents() {
	var req struct {
		Requests []geminiEmbedRequest `json:"requests"`
	}
	if err := c.decode(&req); err != nil || len(req.Requests) == 0 {
		c.refuse(problem{Status: http.StatusBadRequest, Message: "Invalid embed request: requests are required."})
		return
	}
	if c.tooMany("requests", len(req.Requests), maxPublicInputs) {
		return
	}
	embeddings := []geminiEmbedding{}
	for _, one := range req.Requests {
		if tooWide(one.Dimensions) {
			c.badRequest("", "outputDimensionality is out of range.")
			return
		}
		embeddings = append(embeddings, one.embedding(c.model))
	}
	c.json(map[string]any{"embeddings": embeddings})
}
