package project

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/prompt"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Snapshot is one revision of a project, prepared for the gateway. It is safe for concurrent use, because nothing that
// it holds or returns is changed.
type Snapshot struct {
	Key      string
	Name     string
	Revision int64

	Period          limit.Period
	Level           *limit.Level // never nil
	Tiers           map[string]*Tier
	DefaultTier     string // "" for none
	UnknownTier     string // TierDefault, TierProject or TierReject
	TrustTierHeader bool
	LimitResponse   map[string]any
	RefusalStatus   int // HTTP status of limit_exceeded

	Strict   bool // enforcement
	Drain    bool // onDisconnect
	FailOpen bool

	AllowedModels []string // keys as the developer spells them; nil allows all
	Security      Security
	DefaultPrompt string // "" for none

	allowed    limit.ModelSet  // AllowedModels
	origins    map[string]bool // nil allows all
	providers  map[string]*Provider
	configured []*Provider // the providers in the settings, by name
	patterns   []pattern
	claims     limit.Index // of patterns
	prices     priceList
	book       *PriceBook // overrides the built-in book; may be nil
	naming     naming
	prompts    map[string]*prompt.Prompt
	keys       *lazyKeys // see named
	settings   Settings  // without keys
	exposed    *exposed
	aliases    map[string]*Alias
	guard      func() *Guard
}

// Tier is a pricing tier of a project.
type Tier struct {
	Name          string
	Level         *limit.Level // never nil
	AllowedModels []string     // narrows the project's; in the same form
	LimitResponse map[string]any

	allowed limit.ModelSet // AllowedModels
}

// Provider is a provider for requests, built in or the project's own.
type Provider struct {
	Name    string
	Dialect wire.Dialect
	BaseURL string // without a slash at its end
	Builtin bool
	Named   []string // models that the settings name without a *, in the developer's spelling
	Vendor  string   // the built-in provider of the base URL's host, or else of the name, or whose API the echo speaks; "" for none

	Key      string // the opened stored key; "" if there is none
	KeyError error  // why the stored key cannot be opened; Key is then ""

	AllowedObjects []string // ids that requests may refer to with the stored key; * at the end stands for any rest
	PlainStreams   bool     // the server refuses stream_options

	Forward, Return HeaderSet // forwardHeaders and returnHeaders

	base     *url.URL                     // BaseURL, parsed
	forms    []keyForm                    // the forms in which an answer may quote Key
	dialects *[wire.NumDialects]*Provider // of the echo: itself in each dialect
}

// pattern is a model key of a provider.
type pattern struct {
	key      string
	provider *Provider
}

// NewSnapshot prepares a record. open opens a provider's sealed key; its error becomes the provider's KeyError, and the
// rest of the project works. NewSnapshot itself fails only on an invalid record, which With cannot make.
func NewSnapshot(r Record, open func(provider, sealed string) (string, error)) (*Snapshot, error) {
	if !r.keyless() {
		return nil, fmt.Errorf("project %s: its settings hold a key that is not sealed", r.Key)
	}
	set := r.Settings
	if err := set.check(); err != nil {
		return nil, fmt.Errorf("project %s: %w", r.Key, err)
	}
	level := set.Level()
	s := &Snapshot{
		Key: r.Key, Name: set.Name, Revision: r.Revision,
		Level:           &level,
		Tiers:           make(map[string]*Tier, len(set.Tiers)),
		UnknownTier:     cmp.Or(set.UnknownTier, TierDefault),
		TrustTierHeader: !bool(set.IgnoreTierHeader),
		LimitResponse:   set.LimitResponse,
		RefusalStatus:   cmp.Or(set.RefusalStatus, http.StatusTooManyRequests),
		Strict:          set.Enforcement == "strict",
		Drain:           set.OnDisconnect == "drain",
		FailOpen:        set.FailOpen,
		Security:        set.Security,
		origins:         originSet(set.AllowedOrigins),
		naming:          set.naming(),
		keys:            new(lazyKeys),
		settings:        set,
		exposed:         new(exposed),
		aliases:         newAliases(set.Aliases),
		guard:           newGuard(set.Security),
	}
	if set.LimitPeriod != "" {
		period, err := limit.ParsePeriod(set.LimitPeriod)
		if err != nil {
			return nil, fmt.Errorf("project %s: limitPeriod: %w", r.Key, err)
		}
		s.Period = period
	}
	if set.DefaultTier != nil {
		s.DefaultTier = *set.DefaultTier
	}
	if set.DefaultPrompt != nil {
		s.DefaultPrompt = *set.DefaultPrompt
	}
	for name, t := range set.Tiers {
		level := t.Level()
		s.Tiers[name] = &Tier{Name: name, Level: &level, LimitResponse: t.LimitResponse,
			AllowedModels: trimmed(t.AllowedModels), allowed: limit.NewModelSet(t.AllowedModels)}
	}
	s.AllowedModels, s.allowed = trimmed(set.AllowedModels), limit.NewModelSet(set.AllowedModels)
	prices, err := newPriceList(set.Prices)
	if err != nil {
		return nil, fmt.Errorf("project %s: prices.%w", r.Key, err)
	}
	s.prices = prices
	if err := s.addProviders(r, open); err != nil {
		return nil, fmt.Errorf("project %s: %w", r.Key, err)
	}
	return s, nil
}

func originSet(origins []string) map[string]bool {
	if origins == nil {
		return nil
	}
	set := make(map[string]bool, len(origins))
	for _, o := range origins {
		set[strings.ToLower(o)] = true
	}
	return set
}

func (s *Snapshot) addProviders(r Record, open func(provider, sealed string) (string, error)) error {
	s.providers = make(map[string]*Provider, len(vendors)+len(r.Settings.Providers))
	for _, v := range vendors {
		s.providers[v.Name] = &Provider{Name: v.Name, Dialect: v.Dialect, BaseURL: v.BaseURL, Builtin: true, Vendor: v.Name}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Settings.Providers)) {
		fields := r.Settings.Providers[name]
		p := s.providers[name]
		switch {
		case name == Echo:
			p = NewEcho()
			s.addPatterns(p, r.Settings.echoModels())
		case p == nil:
			p = &Provider{Name: name}
		}
		s.providers[name] = p
		s.addPatterns(p, fields.Models)
		s.configured = append(s.configured, p)
		if name == Echo {
			continue // it has no other settings
		}
		if fields.Dialect != nil {
			p.Dialect, _ = wire.ParseDialect(*fields.Dialect)
		}
		if fields.BaseURL != nil {
			base, err := parseBase(document.Join("providers", name)+".baseUrl", *fields.BaseURL)
			if err != nil {
				return err
			}
			p.BaseURL = base
		}
		p.PlainStreams = fields.StreamUsage != nil && !*fields.StreamUsage
		p.Vendor = vendorAt(p.BaseURL)
		if p.Vendor == "" && p.Builtin {
			p.Vendor = name
		}
		p.Key, p.KeyError = r.open(name, open)
		p.forms = keyForms(p.Key)
		p.Forward, p.Return = headerSet(fields.ForwardHeaders), headerSet(fields.ReturnHeaders)
		p.AllowedObjects = fields.AllowedObjects
	}
	s.claims = indexed(s.patterns)
	for _, p := range s.providers {
		p.base, _ = url.Parse(p.BaseURL) // parseBase took it
	}
	return nil
}

// addPatterns adds model keys of a provider.
func (s *Snapshot) addPatterns(p *Provider, keys []string) {
	for _, key := range keys {
		s.patterns = append(s.patterns, pattern{limit.NormalizeModel(key), p})
		if !strings.HasSuffix(key, "*") {
			p.Named = append(p.Named, strings.TrimSpace(key))
		}
	}
}

func indexed(patterns []pattern) limit.Index {
	keys := make([]string, len(patterns))
	for i, p := range patterns {
		keys[i] = p.key
	}
	return limit.NewIndex(keys)
}

// WithPrompts returns a copy of the snapshot with the project's stored prompts.
func (s *Snapshot) WithPrompts(prompts map[string]*prompt.Prompt) *Snapshot {
	c := *s
	c.prompts = prompts
	return &c
}

// Prompt returns the stored prompt of that name, which may be disabled or unreadable; nil for none.
func (s *Snapshot) Prompt(name string) *prompt.Prompt { return s.prompts[name] }

// Prompts returns the stored prompts by name. Nothing of them may be changed.
func (s *Snapshot) Prompts() map[string]*prompt.Prompt { return s.prompts }

// URL returns the URL of an escaped path below the base URL. The error is url.Parse's.
func (p *Provider) URL(path string) (*url.URL, error) {
	if p.base == nil || p.base.RawPath != "" || strings.Contains(path, "%") {
		return url.Parse(p.BaseURL + path)
	}
	u := *p.base
	u.Path += path
	return &u, nil
}

// Tier returns the tier of that name.
func (s *Snapshot) Tier(name string) (*Tier, bool) {
	t, ok := s.Tiers[name]
	return t, ok
}

// Allowed reports whether identities in a tier, nil for none, may call a model, named as it is sent to the provider. Both
// the project and the tier must allow it. Keys of allowedModels cover models in the same way as keys of modelLimits.
func (s *Snapshot) Allowed(t *Tier, model string) bool {
	if s.allowed == nil && (t == nil || t.allowed == nil) {
		return true
	}
	return (s.allowed == nil || s.allowed.Has(model)) && (t == nil || t.allowed == nil || t.allowed.Has(model))
}

// Restricts reports whether the project or the tier, nil for none, restricts the models.
func (s *Snapshot) Restricts(t *Tier) bool { return s.allowed != nil || t != nil && t.allowed != nil }

func trimmed(keys []string) []string {
	keys = slices.Clone(keys)
	for i := range keys {
		keys[i] = strings.TrimSpace(keys[i])
	}
	return keys
}

// OriginAllowed reports whether web pages of an origin may call. origin is the value of the Origin header.
func (s *Snapshot) OriginAllowed(origin string) bool {
	return s.origins == nil || s.origins[strings.ToLower(origin)]
}

// Provider returns the provider of that name, built in or the project's own.
func (s *Snapshot) Provider(name string) (*Provider, bool) {
	p, ok := s.providers[name]
	return p, ok
}

// ProviderNames lists every name that Provider knows, sorted.
func (s *Snapshot) ProviderNames() []string { return slices.Sorted(maps.Keys(s.providers)) }

// Configured returns the providers that the project's settings list, sorted by name.
func (s *Snapshot) Configured() []*Provider { return s.configured }

// Claim returns the provider whose model pattern in the settings covers a normalized model, and the pattern's rank (see
// limit.Covers). The most specific pattern wins. It returns nil if no pattern covers the model.
func (s *Snapshot) Claim(model string) (claimed *Provider, rank int) {
	at, rank, found := s.claims.Find(model)
	if !found {
		return nil, 0
	}
	return s.patterns[at].provider, rank
}

// AllowsObject reports whether requests with the stored key may refer to an object in the key's account.
func (p *Provider) AllowsObject(id string) bool {
	return slices.ContainsFunc(p.AllowedObjects, func(allowed string) bool {
		start, any := strings.CutSuffix(allowed, "*")
		return id == allowed || any && strings.HasPrefix(id, start)
	})
}

// Stored reports whether the project has a stored key for the provider, even one that cannot be opened.
func (p *Provider) Stored() bool { return p.Key != "" || p.KeyError != nil }
