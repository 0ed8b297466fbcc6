package main

import (
	"context"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectProviderKeyCmd struct {
	Project string   `arg:"" help:"The project key, pk_…"`
	Keys    []string `arg:"" sep:"none" name:"provider=source" help:"openai=env:OPENAI_API_KEY, openai=file:PATH, or openai=- for standard input."`
}

func (c projectProviderKeyCmd) Run(ctx context.Context, a *app) error {
	keys, err := readProviderKeys(a, c.Keys)
	if err != nil {
		return err
	}
	ctx = caused(ctx, "")
	return withExisting(ctx, a, func(s *store.Store, cfg config.Config) error {
		rec, err := s.UpdateProject(ctx, c.Project, func(current project.Settings) (project.Settings, error) {
			return withProviderKeys(current, keys)
		})
		if err != nil {
			return err
		}
		for _, k := range keys {
			fmt.Fprintf(a.out, "Stored the key of %s (%s).\n", k.provider, rec.Keys[k.provider].Mask)
		}
		a.warnOf(ctx, s, rec, cfg.Prices) // requests now cost the key's owner
		return nil
	})
}
