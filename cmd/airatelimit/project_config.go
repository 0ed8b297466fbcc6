package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectConfigCmd struct {
	Project string `arg:"" help:"The project key, pk_…"`
	Get     bool   `xor:"do" required:"" help:"Print the settings, provider keys masked."`
	Set     string `xor:"do" required:"" placeholder:"FILE" help:"Apply the settings in FILE (- for standard input). Fields that it does not have stay as they are, null sets a field back to its default, a masked key stays the key."`
}

func (c projectConfigCmd) Run(ctx context.Context, a *app) error {
	return withExisting(ctx, a, func(s *store.Store, cfg config.Config) error {
		if c.Get {
			return c.get(ctx, a, s)
		}
		return c.set(ctx, a, s, cfg)
	})
}

func (c projectConfigCmd) get(ctx context.Context, a *app, s *store.Store) error {
	rec, err := s.Project(ctx, c.Project)
	if err != nil {
		return err
	}
	doc, err := masked(rec.Document())
	if err != nil {
		return err
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, doc, "", "  "); err != nil {
		return err
	}
	_, err = fmt.Fprintln(a.out, pretty.String())
	return err
}

func (c projectConfigCmd) set(ctx context.Context, a *app, s *store.Store, cfg config.Config) error {
	doc, err := readDocument(a, c.Set)
	if err != nil {
		return err
	}
	var before, after project.Settings
	_, err = s.UpdateProject(ctx, c.Project, func(current project.Settings) (project.Settings, error) {
		before = current
		if after, err = current.Patch(doc); err != nil {
			return after, inDocument(c.Set, err)
		}
		return after, nil
	})
	if err != nil {
		return err
	}
	if err := printChanges(a, before, after); err != nil {
		return err
	}
	a.warn(after.Warnings(cfg.Prices))
	a.expose(after.Exposure(cfg.Prices))
	for _, tier := range after.RemovedTiers(before) {
		// The change stands even if its effect on identities cannot be counted.
		n, err := s.TierCarriers(ctx, c.Project, tier)
		if err != nil {
			a.warn([]project.Warning{{Path: "tiers." + tier, Text: fmt.Sprintf("was removed, but the identities in it could not be counted: %v", err)}})
		} else if n > 0 {
			a.warn([]project.Warning{after.RemovedTierWarning(tier, n)})
		}
	}
	return nil
}

// printChanges prints the differences between before, whose keys are masked, and after.
func printChanges(a *app, before, after project.Settings) error {
	from, err := masked(before)
	if err != nil {
		return err
	}
	to, err := masked(after)
	if err != nil {
		return err
	}
	lines, err := differences(from, to)
	if err != nil {
		return err
	}
	hidden := after.Masked().Providers
	for _, name := range slices.Sorted(maps.Keys(after.Providers)) {
		old := before.Providers[name].Key
		if after.Providers[name].Key != old && hidden[name].Key == old {
			lines = append(lines, fmt.Sprintf("providers.%s.key: replaced (the new one has the same mask)", name))
		}
	}
	if len(lines) == 0 {
		lines = []string{"Nothing changed."}
	}
	_, err = fmt.Fprintln(a.out, strings.Join(lines, "\n"))
	return err
}

// masked returns a settings document with masked keys and without HTML escapes.
func masked(s project.Settings) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s.Masked())
	return bytes.TrimSpace(b.Bytes()), err
}
