package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Trial is what a change of settings would do.
type Trial struct {
	Changes  []project.Change  `json:"changes" doc:"The settings that would change."`
	Effects  []Effect          `json:"effects" doc:"What the changes would do to identities."`
	Warnings []project.Warning `json:"warnings" doc:"Settings that are probably mistakes."`
}

// Effect is what a change would do to some identities.
type Effect struct {
	Text       string `json:"text" doc:"The effect, for people."`
	Identities int    `json:"identities" doc:"How many known identities it concerns."`
	AtLeast    bool   `json:"atLeast" doc:"Whether it may be more: not all identities were counted."`
}

// tried is a change of settings that was not stored.
type tried struct {
	before   project.Record
	settings project.Settings
	after    project.Record // with settings; its new keys are not sealed
}

// tryEdit applies a change of settings and checks it as it would be stored. It stores nothing, and seals no key.
func (c *control) tryEdit(ctx context.Context, apply func(project.Record) (project.Settings, error)) (t tried, err error) {
	if t.before, err = c.record(ctx); err != nil {
		return t, err
	}
	if t.settings, err = apply(t.before); err != nil {
		return t, err
	}
	if t.after, err = t.before.With(t.settings, func(string, string) (string, error) { return "", nil }); err == nil {
		_, err = t.after.Settings.Stored()
	}
	return t, err
}

// trial tells what a change would do, and changes nothing.
func (c *control) trial(ctx context.Context, apply func(project.Record) (project.Settings, error), more *[]project.Warning) (*changedProject, error) {
	change, err := c.tryEdit(ctx, apply)
	if err != nil {
		return nil, inSettings("body", err)
	}
	rec, settings := change.before, change.settings
	changes, err := settings.Changes(rec.Document())
	if err != nil {
		return nil, err
	}
	t := Trial{Changes: changes}
	if t.Effects, err = c.effects(ctx, changes, settings, rec.Settings); err != nil {
		return nil, err
	}
	if t.Warnings, err = c.warnings(ctx, rec.Key, settings, rec.Settings); err != nil {
		return nil, err
	}
	t.Warnings = append(append([]project.Warning{}, t.Warnings...), *more...)
	text, err := encode(t)
	return &changedProject{tagOf(rec.Version), projectOrTrial{text}}, err
}

// levelSettings are the project's settings that say what an identity may use.
var levelSettings = []string{"requestLimit", "tokenLimit", "costLimitUsd", "requestsPerMinute", "concurrentRequests", "modelLimits",
	"allowedModels", "limitPeriod", "defaultTier", "unknownTier", "trustTierHeader"}

// maxEffects bounds how many tiers are counted for one trial.
const maxEffects = 20

// effects says which identities changed limits concern: of each tier those that have it by their settings, of the project all.
func (c *control) effects(ctx context.Context, changes []project.Change, after, before project.Settings) ([]Effect, error) {
	effects := []Effect{}
	for _, tier := range tiersOf(before, after) {
		texts := changesBelow(changes, "tiers."+tier)
		if len(texts) == 0 || len(effects) >= maxEffects {
			continue
		}
		n, atLeast, err := c.carriers(ctx, tier)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			effects = append(effects, Effect{fmt.Sprintf("Identities in the tier %s, by the tier that your server has set: %s", tier, strings.Join(texts, "; ")), n, atLeast})
		}
	}
	var texts []string
	for _, field := range levelSettings {
		texts = append(texts, changesBelow(changes, field)...)
	}
	if len(texts) == 0 {
		return effects, nil
	}
	found, err := c.Ledger.List(ctx, ledger.Find{Project: projectOf(ctx).Key, Limit: 1})
	if err != nil {
		return nil, err
	}
	return append(effects, Effect{"All identities without other limits of their own or of their tier: " + strings.Join(texts, "; "), found.Total, found.AtLeast}), nil
}

// tiersOf are the tiers of two settings.
func tiersOf(before, after project.Settings) []string {
	all := append(sortedKeys(before.Tiers), sortedKeys(after.Tiers)...)
	slices.Sort(all)
	return slices.Compact(all)
}

// changesBelow returns the changes of a setting or of settings below it, in words.
func changesBelow(changes []project.Change, path string) (texts []string) {
	const most = 5
	for _, change := range changes {
		if change.Path != path && !strings.HasPrefix(change.Path, path+".") {
			continue
		}
		if texts = append(texts, change.Text); len(texts) == most {
			return append(texts, "…")
		}
	}
	return texts
}
