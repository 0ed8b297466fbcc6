package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectCreateCmd struct {
	Name        string   `help:"The project's name, for people. Wins over that of --config."`
	Template    string   `placeholder:"NAME" help:"What to begin with: starter (a free and a pro tier with a daily cost limit each; the default without --config), single (one limit for everyone) or count (no limits)."`
	Config      string   `placeholder:"FILE" help:"A settings document (- for standard input). By itself it is all the settings, and what it leaves out has its default; with --template it changes the template's."`
	ProviderKey []string `sep:"none" placeholder:"PROVIDER=SOURCE" help:"Store a provider's key: openai=env:OPENAI_API_KEY, openai=file:PATH, or openai=- for standard input. Without one, the app sends its own."`
	Echo        bool     `help:"Let the built-in provider echo answer, to try things out without a vendor and a key: it repeats what it is asked, as the models echo and echo-mini, or as echo/MODEL."`
	JSON        bool     `name:"json" help:"Print {\"projectKey\",\"secretKey\"} only."`
}

func (c projectCreateCmd) Run(ctx context.Context, a *app) error {
	settings, err := c.settings(a)
	if err != nil {
		return err
	}
	ctx = caused(ctx, "")
	return withStore(ctx, a, func(s *store.Store, cfg config.Config) error {
		rec, secretKey, err := s.CreateProject(ctx, settings)
		if err != nil {
			return err
		}
		a.warnOf(ctx, s, rec, cfg.Prices)
		a.expose(rec.Settings.Exposure(cfg.Prices))
		if c.JSON {
			return printKeys(a.out, rec.Key, secretKey)
		}
		return c.report(a, rec, secretKey, cfg)
	})
}

// report prints the new project's keys, and what to do next.
func (c projectCreateCmd) report(a *app, rec project.Record, secretKey string, cfg config.Config) error {
	target, err := example(rec)
	if err != nil {
		return err
	}
	server, note := cfg.PublicURL, ""
	if server == "" {
		server = "http://localhost:" + strconv.Itoa(cfg.Port)
		if cfg.Production {
			note = " (from another machine with the server's address)"
		}
	}
	request, err := curl(rec.Key, target, server)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.out, `Made %q in %s.

Project key: %s
  Public: it goes into your app.
Secret key:  %s
  Not shown again: it belongs on your server, never into an app.

`, rec.Settings.Name, cfg.Database.Name, rec.Key, secretKey)
	if c.Config == "" {
		printLimits(a.out, rec.Settings)
	}
	fmt.Fprintf(a.out, `To change the limits, edit app.json between these two:
  %[1]s project config %[2]s --get > app.json
  %[1]s project config %[2]s --set app.json

`, a.command(), rec.Key)
	if name := target.Provider.Name; !target.Stored && !target.Provider.Echoes() {
		need := ""
		if !target.Provider.Builtin {
			need = " if it needs one"
		}
		fmt.Fprintf(a.out, `No key of %[1]s is stored, so the app sends its own%[5]s. To store one:
  %[2]s project provider-key %[3]s %[1]s=env:%[4]s

`, name, a.command(), rec.Key, keyVariable(name), need)
	}
	_, err = fmt.Fprintf(a.out, "Try it while airatelimit serves%s:\n\n%s\n", note, request)
	return err
}

// printLimits prints the limits that a template has set.
func printLimits(w io.Writer, s project.Settings) {
	fmt.Fprintln(w, "Limits of each user:")
	if len(s.Tiers) == 0 {
		fmt.Fprintf(w, "  %s\n", limitsOf(s.LevelFields, s.LimitPeriod))
	}
	for _, name := range slices.Sorted(maps.Keys(s.Tiers)) {
		note := ""
		if s.DefaultTier != nil && *s.DefaultTier == name {
			note = " (the default)"
		}
		fmt.Fprintf(w, "  tier %s%s: %s\n", name, note, limitsOf(s.Tiers[name].LevelFields, s.LimitPeriod))
	}
	if s.AllowedModels != nil {
		fmt.Fprintf(w, "  models: %s\n", strings.Join(s.AllowedModels, ", "))
	}
	fmt.Fprintln(w)
}

func limitsOf(f project.LevelFields, period string) string {
	var all []string
	if f.CostLimitUSD != nil {
		all = append(all, "$"+cents(f.CostLimitUSD)+" "+period)
	}
	if f.RequestsPerMinute != nil {
		all = append(all, fmt.Sprintf("%d requests a minute", *f.RequestsPerMinute))
	}
	for _, model := range slices.Sorted(maps.Keys(f.ModelLimits)) {
		if n := f.ModelLimits[model].RequestLimit; n != nil {
			all = append(all, fmt.Sprintf("%d requests of %s %s", *n, model, period))
		}
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// cents formats an amount with at least two decimals: "0.10", "0.005". A whole amount has none.
func cents(usd json.Marshaler) string {
	b, _ := usd.MarshalJSON()
	if _, decimals, ok := strings.Cut(string(b), "."); ok && len(decimals) == 1 {
		return string(b) + "0"
	}
	return string(b)
}

// settings returns the settings of the template, --config and the other flags.
func (c projectCreateCmd) settings(a *app) (project.Settings, error) {
	settings, err := c.template()
	if err != nil {
		return settings, err
	}
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
	if c.Echo {
		if settings, err = settings.Merge([]byte(`{"providers": {"` + project.Echo + `": {}}}`)); err != nil {
			return settings, err
		}
	}
	keys, err := readProviderKeys(a, c.ProviderKey)
	if err != nil {
		return settings, err
	}
	return withProviderKeys(settings, keys)
}

// template returns the settings that --config changes: those of --template. Without --template they are the defaults if
// there is a --config, else the default template's.
func (c projectCreateCmd) template() (project.Settings, error) {
	name := c.Template
	switch {
	case name == "" && c.Config != "":
		return project.Default(), nil
	case name == "":
		name = project.Templates[0]
	}
	var providers []string
	for _, key := range c.ProviderKey {
		provider, _, _ := strings.Cut(key, "=")
		providers = append(providers, provider)
	}
	if c.Echo {
		providers = append(providers, project.Echo)
	}
	settings, err := project.FromTemplate(name, providers...)
	if err != nil {
		return settings, usageError("--template: " + err.Error())
	}
	return settings, nil
}

// withProviderKeys adds keys to settings, with the same validation as a document.
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
