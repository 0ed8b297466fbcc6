package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectCreateCmd struct {
	Name        string   `help:"The project's name, for people. Wins over that of --config."`
	Config      string   `placeholder:"FILE" help:"A settings document (- for standard input); what it leaves out has its default."`
	ProviderKey []string `sep:"none" placeholder:"PROVIDER=SOURCE" help:"Store a provider's key: openai=env:OPENAI_API_KEY, openai=file:PATH, or openai=- for standard input. Without one, the app sends its own."`
	JSON        bool     `name:"json" help:"Print {\"projectKey\",\"secretKey\"} only."`
}

func (c projectCreateCmd) Run(ctx context.Context, a *app) error {
	settings, err := c.settings(a)
	if err != nil {
		return err
	}
	return withStore(ctx, a, func(s *store.Store, cfg config.Config) error {
		rec, secretKey, err := s.CreateProject(ctx, settings)
		if err != nil {
			return err
		}
		warnOfUnused(a, rec.Settings)
		if c.JSON {
			return printKeys(a.out, rec.Key, secretKey)
		}
		example, err := curl(rec, cfg.Port)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, `Made %q in %s.

Project key: %s
  Public: it goes into your app.
Secret key:  %s
  Not shown again: it belongs on your server, never into an app.

Try it while airatelimit serves:

%s
`, rec.Settings.Name, cfg.Database.Name, rec.Key, secretKey, example)
		return nil
	})
}

// settings is the document of --config with what the other flags say.
func (c projectCreateCmd) settings(a *app) (project.Settings, error) {
	settings := project.Default()
	if c.Config != "" {
		doc, err := readDocument(a, c.Config)
		if err != nil {
			return settings, err
		}
		if settings, err = settings.Patch(doc); err != nil {
			return settings, inDocument(c.Config, err)
		}
	}
	if settings.Name = cmp.Or(c.Name, settings.Name); settings.Name == "" {
		return settings, usageError("a project needs a name: add --name \"My app\"")
	}
	keys, err := readProviderKeys(a, c.ProviderKey)
	if err != nil {
		return settings, err
	}
	return withProviderKeys(settings, keys)
}

// withProviderKeys puts keys into settings and has the whole checked as a document would be.
func withProviderKeys(settings project.Settings, keys []providerKey) (project.Settings, error) {
	type fields struct {
		Key string `json:"key"`
	}
	doc := struct {
		Name      string            `json:"name"`
		Providers map[string]fields `json:"providers"`
	}{settings.Name, map[string]fields{}}
	for _, k := range keys {
		doc.Providers[k.provider] = fields{k.key}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		return settings, err
	}
	return settings.Patch(b)
}
