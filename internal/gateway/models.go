package gateway

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// maxModels is the most models on a page, as in Anthropic's and Google's APIs.
const maxModels = 1000

// openAIModel is a model as in https://platform.openai.com/docs/api-reference/models.
type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// anthropicModel is a model as in https://docs.claude.com/en/api/models. Its date is not known; Anthropic too writes an
// unknown date as the epoch.
type anthropicModel struct {
	Type           string `json:"type"`
	ID             string `json:"id"`
	DisplayName    string `json:"display_name"`
	CreatedAt      string `json:"created_at"`
	MaxInputTokens *int64 `json:"max_input_tokens"`
	MaxTokens      *int64 `json:"max_tokens"`
}

// geminiModel is a model as in https://ai.google.dev/api/models.
type geminiModel struct {
	Name        string   `json:"name"`
	Version     string   `json:"version"`
	DisplayName string   `json:"displayName"`
	Input       int64    `json:"inputTokenLimit,omitempty"`
	Output      int64    `json:"outputTokenLimit,omitempty"`
	Methods     []string `json:"supportedGenerationMethods"`
}

// models answers with the models that the caller may use, or with one of them, in the call's dialect.
func (c *call) models(query string) error {
	if err := c.selectTier(); err != nil {
		return err
	}
	if c.ep.Operation == wire.GetModel {
		return c.model()
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return badRequest("", "The query cannot be read. Percent-encode it.")
	}
	list := slices.DeleteFunc(provider.Models(c.caller.Project, c.tier), func(m provider.Model) bool { return !c.serves(m) })
	return modelAPIs[c.ep.Dialect].list(c, list, q)
}

// modelAPI is a dialect's API of models.
type modelAPI struct {
	list func(c *call, list []provider.Model, q url.Values) error
	one  func(c *call, m provider.Model) any
}

var modelAPIs = [wire.NumDialects]modelAPI{
	wire.OpenAI:    {(*call).openAIModels, func(_ *call, m provider.Model) any { return asOpenAI(m) }},
	wire.Anthropic: {(*call).anthropicModels, func(c *call, m provider.Model) any { return c.asAnthropic(m) }},
	wire.Gemini:    {(*call).geminiModels, func(c *call, m provider.Model) any { return c.asGemini(m) }},
}

// serves reports whether a model is listed in the call's dialect. Google's clients call the listed models in Gemini's own
// API, and its SDKs do not encode a slash in the path.
func (c *call) serves(m provider.Model) bool {
	return !c.ep.Dialect.Spec().ModelInPath || m.Provider.In(c.ep.Dialect).Dialect == c.ep.Dialect && !strings.Contains(m.Name, "/")
}

// model answers with the model that the path names.
func (c *call) model() error {
	m, err := provider.Find(c.caller.Project, c.tier, strings.TrimPrefix(c.ep.Model, "models/"))
	if err != nil {
		return err
	}
	if !c.serves(m) {
		return &wire.Error{Status: http.StatusNotFound, Code: "unknown_model", Param: "model",
			Message: fmt.Sprintf("The model %q belongs to %s and cannot be called in this API. Call it at /v1/chat/completions.", m.Name, m.Provider.Name)}
	}
	return c.writeJSON(modelAPIs[c.ep.Dialect].one(c, m))
}

func asOpenAI(m provider.Model) openAIModel {
	return openAIModel{ID: m.Name, Object: "model", OwnedBy: m.Provider.Name}
}

func (c *call) asAnthropic(m provider.Model) anthropicModel {
	p, _ := c.caller.Project.Price(m.Name)
	return anthropicModel{Type: "model", ID: m.Name, DisplayName: m.Name, CreatedAt: "1970-01-01T00:00:00Z",
		MaxInputTokens: orNull(p.Context), MaxTokens: orNull(p.MaxOutput)}
}

func orNull(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}

func (c *call) asGemini(m provider.Model) geminiModel {
	p, _ := c.caller.Project.Price(m.Name)
	g := geminiModel{Name: "models/" + m.Name, Version: m.Name, DisplayName: m.Name, Input: p.Context, Output: p.MaxOutput,
		Methods: []string{"generateContent", "countTokens"}}
	if strings.Contains(m.Name, "embedding") {
		g.Methods = []string{"embedContent", "countTextTokens", "countTokens"}
	}
	return g
}

func (c *call) openAIModels(list []provider.Model, _ url.Values) error {
	answer := struct {
		Object string        `json:"object"`
		Data   []openAIModel `json:"data"`
	}{"list", make([]openAIModel, 0, len(list))}
	for _, m := range list {
		answer.Data = append(answer.Data, asOpenAI(m))
	}
	return c.writeJSON(answer)
}

// anthropicModels answers with a page: `limit` models after `after_id`, or before `before_id`. The default limit is
// maxModels, not Anthropic's 20, because clients that do not page would miss the other models.
func (c *call) anthropicModels(list []provider.Model, q url.Values) error {
	limit, err := pageSize(q, "limit")
	if err != nil {
		return err
	}
	answer := struct {
		Data    []anthropicModel `json:"data"`
		HasMore bool             `json:"has_more"`
		FirstID *string          `json:"first_id"`
		LastID  *string          `json:"last_id"`
	}{Data: []anthropicModel{}}
	list = after(list, q.Get("after_id"))
	if before := q.Get("before_id"); before != "" {
		end, _ := slices.BinarySearchFunc(list, before, byName)
		answer.HasMore = end > limit
		list = list[max(0, end-limit):end]
	} else if len(list) > limit {
		answer.HasMore, list = true, list[:limit]
	}
	for _, m := range list {
		answer.Data = append(answer.Data, c.asAnthropic(m))
	}
	if n := len(list); n > 0 {
		answer.FirstID, answer.LastID = &list[0].Name, &list[n-1].Name
	}
	return c.writeJSON(answer)
}

// geminiModels answers with a page: `pageSize` models after `pageToken`, the name of the last model of the page before.
func (c *call) geminiModels(list []provider.Model, q url.Values) error {
	limit, err := pageSize(q, "pageSize")
	if err != nil {
		return err
	}
	answer := struct {
		Models []geminiModel `json:"models"`
		Next   string        `json:"nextPageToken,omitempty"`
	}{Models: []geminiModel{}}
	list = after(list, q.Get("pageToken"))
	if len(list) > limit {
		list = list[:limit]
		answer.Next = list[limit-1].Name
	}
	for _, m := range list {
		answer.Models = append(answer.Models, c.asGemini(m))
	}
	return c.writeJSON(answer)
}

// after returns the names of a list that come after name, which need not be in the list.
func after(list []provider.Model, name string) []provider.Model {
	if name == "" {
		return list
	}
	i, found := slices.BinarySearchFunc(list, name, byName)
	if found {
		i++
	}
	return list[i:]
}

func byName(m provider.Model, name string) int { return strings.Compare(m.Name, name) }

// pageSize reads how many models the client asks for, at most maxModels.
func pageSize(q url.Values, param string) (int, error) {
	text := q.Get(param)
	if text == "" {
		return maxModels, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n == 0 && param == "limit" {
		return 0, badRequest(param, fmt.Sprintf("`%s` must be a number from 1 to %d.", param, maxModels))
	}
	if n == 0 || n > maxModels { // 0 is an absent field of protobuf
		n = maxModels
	}
	return n, nil
}
