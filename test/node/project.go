package node

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Keys are those of a project.
type Keys struct {
	Project string `json:"projectKey"`
	Secret  string `json:"secretKey"`
}

// StoredKey is the provider's key in OpenAI's documents.
const StoredKey = "stored-provider-key-0123456789"

// OpenAI is a settings document whose OpenAI is an upstream. Fields of the document go before it.
func OpenAI(upstream, fields string) string {
	if fields != "" {
		fields += ", "
	}
	return fmt.Sprintf(`{%s"providers": {"openai": {"baseUrl": "%s/v1", "key": "%s"}}}`, fields, upstream, StoredKey)
}

// Create makes a project from a settings document, with the command line.
func (h *Home) Create(document string) (k Keys) {
	h.T.Helper()
	got := h.Run(document, nil, "project", "create", "--name", "Test", "--config", "-", "--json")
	if err := json.Unmarshal([]byte(got.Out), &k); err != nil || got.Code != 0 {
		h.T.Fatalf("project create: exit %d: %s%s", got.Code, got.Out, got.Err)
	}
	return k
}

// Configure changes a project with the command line.
func (h *Home) Configure(k Keys, document string) {
	h.T.Helper()
	if got := h.Run(document, nil, "project", "config", k.Project, "--set", "-"); got.Code != 0 {
		h.T.Fatalf("project config: exit %d: %s", got.Code, strings.TrimSpace(got.Out+got.Err))
	}
}
