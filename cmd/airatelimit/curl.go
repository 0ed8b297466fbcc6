package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// notChat are parts of the names of models that /v1/chat/completions does not take.
var notChat = []string{"embed", "moderation", "dall-e", "image", "imagen", "whisper", "tts", "transcribe", "sora", "veo", "realtime", "*"}

// curl returns a command that works when it is pasted. It calls an allowed model, and sends a provider key only if one is
// needed and the project has none stored. Every provider accepts OpenAI's dialect at /v1/chat/completions.
func curl(projectKey string, target provider.Target, server string) (string, error) {
	authorization := ""
	if !target.Stored && !target.Provider.Echoes() {
		authorization = fmt.Sprintf("  -H \"Authorization: Bearer $%s\" \\\n", keyVariable(target.Provider.Name))
	}
	model, err := json.Marshal(target.Model)
	if err != nil {
		return "", err
	}
	body := fmt.Sprintf(`{"model":%s,"messages":[{"role":"user","content":"Say hello."}]}`, model)
	return fmt.Sprintf(`curl %s/v1/chat/completions \
  -H 'Content-Type: application/json' \
  -H 'x-project-key: %s' \
  -H 'x-identity: user-123' \
%s  -d '%s'`, server, projectKey, authorization, strings.ReplaceAll(body, "'", `'\''`)), nil
}

// example chooses a model: the first allowed one that needs no key of the app, else the first allowed one.
func example(rec project.Record) (provider.Target, error) {
	// An example needs no opened key. It only matters whether there is a key.
	snapshot, err := project.NewSnapshot(rec, func(string, string) (string, error) { return "stored", nil })
	if err != nil {
		return provider.Target{}, err
	}
	ep, err := wire.Match(http.MethodPost, "/v1/chat/completions")
	if err != nil {
		return provider.Target{}, err
	}
	tier, _ := snapshot.Tier(snapshot.DefaultTier) // the request names none
	var first *provider.Target
	for _, model := range candidates(rec.Settings) {
		to, err := provider.Route(snapshot, ep, model, "")
		if err != nil || !snapshot.Allowed(tier, to.Model) {
			continue
		}
		// The command uses the name with its prefix, so that it reaches the same provider.
		to.Model = model
		if to.Stored || to.Provider.Echoes() {
			return to, nil
		}
		if first == nil {
			first = &to
		}
	}
	if first != nil {
		return *first, nil
	}
	return provider.Route(snapshot, ep, project.Vendors()[0].Example, "")
}

// candidates are the chat models in the settings, then one of each built-in provider.
func candidates(s project.Settings) []string {
	models := slices.Clone(s.AllowedModels)
	for _, model := range slices.Sorted(maps.Keys(s.ModelLimits)) {
		if n := s.ModelLimits[model].RequestLimit; n == nil || *n != 0 {
			models = append(models, model)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		for _, model := range s.Providers[name].Models {
			models = append(models, name+"/"+model)
		}
	}
	if _, listed := s.Providers[project.Echo]; listed {
		models = append(models, project.EchoModels...)
	}
	for _, v := range project.Vendors() {
		models = append(models, v.Example)
	}
	return slices.DeleteFunc(models, func(model string) bool {
		return slices.ContainsFunc(notChat, func(part string) bool { return strings.Contains(strings.ToLower(model), part) })
	})
}

// keyVariable is the environment variable that usually holds a provider's key.
func keyVariable(name string) string {
	if v, ok := project.VendorOf(name); ok {
		return v.KeyVariable
	}
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_API_KEY"
}
