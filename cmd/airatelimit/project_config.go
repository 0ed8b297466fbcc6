package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectConfigCmd struct {
	Project string `arg:"" help:"The project key, pk_…"`
	Get     bool   `xor:"do" required:"" help:"Print the settings, provider keys masked."`
	Set     string `xor:"do" required:"" placeholder:"FILE" help:"Apply the settings in FILE (- for standard input). Fields that it does not have stay as they are, others are replaced: tiers, for example, become those of the file. null sets a field back to its default, a masked key stays the key."`
	Merge   string `xor:"do" required:"" placeholder:"FILE" help:"Merge the settings in FILE into the present ones, as the API does: only what it lists changes, at every depth, and null removes a field, a tier, a model key or a provider."`
	Reason  string `help:"The reason of the change, for the history and the audit trail."`
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
	file, apply := c.Set, project.Settings.Patch
	if c.Merge != "" {
		file, apply = c.Merge, project.Settings.Merge
	}
	doc, err := readDocument(a, file)
	if err != nil {
		return err
	}
	var before, after project.Settings
	rec, err := s.UpdateProject(caused(ctx, c.Reason), c.Project, func(current project.Settings) (project.Settings, error) {
		before = current
		if after, err = apply(current, doc); err != nil {
			return after, inDocument(file, err)
		}
		return after, nil
	})
	if err != nil {
		return err
	}
	if err := printChanges(a, before, after); err != nil {
		return err
	}
	a.warnOf(ctx, s, rec, cfg.Prices)
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
	changes, err := after.Changes(before)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		_, err = fmt.Fprintln(a.out, "Nothing changed.")
	}
	for _, c := range changes {
		_, err = fmt.Fprintln(a.out, c.Text)
	}
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
