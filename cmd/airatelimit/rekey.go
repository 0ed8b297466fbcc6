package main

import (
	"context"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/store"
)

type rekeyCmd struct {
	RemoveUnopened bool `help:"First remove the provider keys and prompts that no key opens, because the key that sealed them is lost."`
}

func (rekeyCmd) Help() string {
	return "Set ENCRYPTION_KEY to the new key and ENCRYPTION_KEY_PREVIOUS to the earlier one, here and on every server, and restart the servers: " +
		"each start seals everything anew. This command does the same without a start. Afterwards the earlier key is no longer needed."
}

func (c rekeyCmd) Run(ctx context.Context, a *app) error {
	return withExisting(ctx, a, func(s *store.Store, _ config.Config) error {
		if c.RemoveUnopened {
			removed, err := s.RemoveUnopened(ctx)
			if err != nil {
				return err
			}
			for _, what := range removed {
				fmt.Fprintf(a.out, "Removed %s.\n", what)
			}
		}
		resealed, err := s.Rekey(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(a.out, "Sealed %d provider keys and prompts anew. Everything that is stored opens with the current ENCRYPTION_KEY.\n", resealed)
		return nil
	})
}
