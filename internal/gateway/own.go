package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// usage answers GET /v1/usage: what the app shows its user.
func (c *call) usage(ctx context.Context) error {
	p := c.caller.Project
	account, err := c.account(ctx)
	if err != nil {
		return asUnavailable(err)
	}
	c.settings = account.Settings
	if err := c.selectTier(); err != nil {
		return err
	}
	return c.writeJSON(ledger.Report(&account, identity.Levels(p, c.settings, c.tier), c.tierName(), c.start))
}

type openAIModels struct {
	Object string        `json:"object"`
	Data   []openAIModel `json:"data"`
}

type openAIModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

type geminiModels struct {
	Models []geminiModel `json:"models"`
}

type geminiModel struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
}

// models answers with the models that the project allows, in the shape of the dialect.
func (c *call) models() error {
	if err := c.selectTier(); err != nil {
		return err
	}
	list := provider.Models(c.caller.Project, c.tier)
	if c.ep.Operation == wire.ListGeminiModels {
		answer := geminiModels{Models: []geminiModel{}}
		for _, m := range list {
			if m.Provider.Dialect == wire.Gemini && !strings.Contains(m.Name, "/") { // which its paths cannot hold
				answer.Models = append(answer.Models, geminiModel{Name: "models/" + m.Name, DisplayName: m.Name})
			}
		}
		return c.writeJSON(answer)
	}
	answer := openAIModels{Object: "list", Data: []openAIModel{}}
	for _, m := range list {
		answer.Data = append(answer.Data, openAIModel{ID: m.Name, Object: "model", OwnedBy: m.Provider.Name})
	}
	return c.writeJSON(answer)
}

func (c *call) writeJSON(v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	c.writeHeader(http.StatusOK)
	c.write(body)
	return nil
}
