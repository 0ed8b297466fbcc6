// Package project holds a project's settings: the document, its strict validation, and the snapshot that the gateway
// reads.
//
// Invariants: a document is either wholly valid, or refused with the path of the invalid field. A document that is
// written and read again is the same. A provider's key is never shown, and its mask never replaces it. A Snapshot is
// immutable.
package project

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

// Settings is a project's settings document (docs/settings.md). The zero value is a valid project without limits. The
// tags doc and enum are for the OpenAPI document; a test compares them with the reader.
type Settings struct {
	Name        string `json:"name" doc:"A name for people."`
	LimitPeriod string `json:"limitPeriod" enum:"daily,hourly,weekly,monthly" doc:"The period of all limits, in UTC. A week begins on Monday."` // "" is daily
	LevelFields

	Tiers       map[string]TierFields `json:"tiers" doc:"The tiers by name. A tier sets limits of its own."`
	DefaultTier *string               `json:"defaultTier" maxLength:"64" doc:"The tier of requests that claim none. Null: no tier."`
	UnknownTier string                `json:"unknownTier" enum:"default,project,reject" doc:"The treatment of a tier that the project does not have: default applies the default tier, project applies the project's limits, reject refuses the request."` // "" is TierDefault

	// IgnoreTierHeader ignores x-tier, so that only tiers in identities' settings count.
	IgnoreTierHeader opposite `json:"trustTierHeader" doc:"Whether x-tier counts. If not, only tiers that your server has set count."`

	LimitResponse  map[string]any `json:"limitResponse" doc:"Fields of the error when a limit is reached: message, deepLink, upgradeUrl and any others. A text may contain variables such as {{usage}}."`
	RefusalStatus  int            `json:"refusalStatus" enum:"429,402,403" doc:"The status of limit_exceeded."` // 0 is 429
	AllowedModels  []string       `json:"allowedModels" doc:"Keys of the models that requests may use. Null allows all."`
	AllowedOrigins []string       `json:"allowedOrigins" doc:"Origins of web pages that may call. Null allows all."`

	Enforcement  string `json:"enforcement" enum:"soft,strict" doc:"Whether the last request may exceed a limit of tokens or cost: soft lets it, strict does not."` // "" is soft
	OnDisconnect string `json:"onDisconnect" enum:"cancel,drain" doc:"What happens to a stream whose client has left: cancel ends it, drain reads it to its end."`  // "" is cancel
	FailOpen     bool   `json:"failOpen" doc:"Whether requests pass unchecked while the database is away."`

	Security      Security `json:"security" doc:"The guard, which looks for prompt injection in what the app's users write."`
	DefaultPrompt *string  `json:"defaultPrompt" maxLength:"128" doc:"The stored prompt of requests that name none. Where the project does not have it, such requests are refused."`

	Providers map[string]ProviderFields `json:"providers" doc:"The providers by name: built in, or the project's own."`
	Prices    map[string]price.Override `json:"prices" doc:"Prices by model key. They override the price book."`
	Aliases   map[string]AliasFields    `json:"aliases" doc:"Names that apps ask for instead of a model."`

	// Unknown holds the fields of a stored document that only a newer version knows, so that a change keeps them.
	Unknown map[string]any `json:"-"`
}

// TierFields are the settings of a tier. An empty tier inherits everything.
type TierFields struct {
	LevelFields
	AllowedModels []string       `json:"allowedModels" doc:"Keys of the models that the tier may use, of those that the project allows. Null allows all of these, an empty list none."`
	LimitResponse map[string]any `json:"limitResponse" doc:"Fields of the error when a limit is reached. They override the project's."`
}

// Security sets what the guard detects, and what happens then.
type Security struct {
	Enabled     bool     `json:"enabled" doc:"Whether the guard is on."`
	Mode        string   `json:"mode" enum:"block,log" doc:"What the guard does: block refuses the request, log only reports it."` // "" is block
	Categories  []string `json:"categories" enum:"systemPromptExtraction,roleManipulation,instructionOverride,boundaryBreaking,obfuscation,directLeakage" doc:"What the guard detects. Null is all."`
	Heuristics  bool     `json:"heuristics" doc:"Whether the guard is more suspicious. It finds more, and refuses more innocent messages."`
	OutputCheck bool     `json:"outputCheck" doc:"Whether the guard ends an answer that repeats a stored prompt."`
	ToolResults bool     `json:"toolResults" doc:"Whether the guard also reads the results of tools."`

	AllowPhrases []string `json:"allowPhrases" doc:"Phrases that are never a hit. The guard reads a message as if they were not there."`
}

// The values of unknownTier, which decides about a request if the project has no tier of the name.
const (
	TierDefault = "default" // the default tier applies, or without one the project's own limits
	TierProject = "project" // the project's own limits apply, whatever the default tier is
	TierReject  = "reject"  // the request is refused
)

// opposite is a boolean that JSON holds negated, so that the zero value stands for true, the default in a document.
type opposite bool

// MarshalJSON writes the negation.
func (o opposite) MarshalJSON() ([]byte, error) { return strconv.AppendBool(nil, !bool(o)), nil }

// The first of each is the default.
var (
	limitPeriods    = []string{limit.Daily.String(), limit.Hourly.String(), limit.Weekly.String(), limit.Monthly.String()}
	unknownTiers    = []string{TierDefault, TierProject, TierReject}
	refusalStatuses = []int{http.StatusTooManyRequests, http.StatusPaymentRequired, http.StatusForbidden}
	enforcements    = []string{"soft", "strict"}
	disconnects     = []string{"cancel", "drain"}
	guardModes      = []string{"block", "log"}
	guardCategories = []string{
		"systemPromptExtraction", "roleManipulation", "instructionOverride", "boundaryBreaking", "obfuscation", "directLeakage",
	}
)

// Default returns the settings of an empty document.
func Default() Settings {
	return Settings{
		LimitPeriod:   limitPeriods[0],
		LevelFields:   LevelFields{ModelLimits: map[string]ModelLimit{}},
		Tiers:         map[string]TierFields{},
		UnknownTier:   unknownTiers[0],
		RefusalStatus: refusalStatuses[0],
		Enforcement:   enforcements[0],
		OnDisconnect:  disconnects[0],
		Security:      defaultSecurity(),
		Providers:     map[string]ProviderFields{},
		Prices:        map[string]price.Override{},
		Aliases:       map[string]AliasFields{},
	}
}

func defaultSecurity() Security {
	return Security{Mode: guardModes[0], Categories: slices.Clone(guardCategories), OutputCheck: true, AllowPhrases: []string{}}
}

// ParseSettings reads a whole document; absent fields have their defaults. Errors are *document.FieldError.
func ParseSettings(data []byte) (Settings, error) { return Default().Patch(data) }

// ReadSettings reads a stored document, which another version may have written. It ignores unknown fields, and keeps
// those at the top level for MarshalJSON. It checks neither model keys nor the size, because older documents were stored
// without these checks. Errors are *document.FieldError.
func ReadSettings(stored []byte) (Settings, error) {
	v, err := document.Parse("", stored)
	if err != nil {
		return Settings{}, err
	}
	s := Default()
	if err := s.set(v.AllowUnknown()); err != nil {
		return Settings{}, err
	}
	known := s.fields()
	for m := range v.Members() {
		if known[m.Name] == nil {
			if s.Unknown == nil {
				s.Unknown = make(map[string]any)
			}
			s.Unknown[m.Name] = m.Value.Any()
		}
	}
	return s, nil
}

// Patch returns a copy of s changed by a document that may be partial. An absent field stays, null resets it to its
// default, a value replaces it. Security and each provider change field by field in the same way, so that a call changes
// only what it lists. A null provider is removed. A provider's key stays if the new one is absent, empty or a mask.
// Errors are *document.FieldError.
func (s Settings) Patch(data []byte) (Settings, error) {
	v, err := parse(data)
	if err != nil {
		return Settings{}, err
	}
	if err := s.set(v); err != nil {
		return Settings{}, err
	}
	if err := s.checkModelKeys(); err != nil {
		return Settings{}, err
	}
	return s, nil
}

// set changes s by a document.
func (s *Settings) set(v document.Value) error {
	if err := s.fields().Set("", v); err != nil {
		return err
	}
	return s.check()
}

// MarshalJSON writes every field, unset ones as null or their default, and the unknown fields.
func (s Settings) MarshalJSON() ([]byte, error) {
	type document Settings // without this method
	d, defaults := document(s), Default()
	for _, f := range []struct {
		field     *string
		byDefault string
	}{
		{&d.LimitPeriod, defaults.LimitPeriod},
		{&d.UnknownTier, defaults.UnknownTier},
		{&d.Enforcement, defaults.Enforcement},
		{&d.OnDisconnect, defaults.OnDisconnect},
		{&d.Security.Mode, defaults.Security.Mode},
	} {
		if *f.field == "" {
			*f.field = f.byDefault
		}
	}
	if d.RefusalStatus == 0 {
		d.RefusalStatus = defaults.RefusalStatus
	}
	d.ModelLimits = orEmpty(d.ModelLimits)
	d.Tiers = orEmpty(d.Tiers)
	d.Providers = orEmpty(d.Providers)
	d.Prices = orEmpty(d.Prices)
	d.Aliases = orEmpty(d.Aliases)
	doc, err := json.Marshal(d)
	if err != nil || len(s.Unknown) == 0 {
		return doc, err
	}
	more, err := json.Marshal(s.Unknown)
	if err != nil {
		return nil, err
	}
	return append(append(doc[:len(doc)-1], ','), more[1:]...), nil
}

// Stored returns the document to store, which has every field. A short document can become too large by that: the error is
// then a *document.FieldError.
func (s Settings) Stored() ([]byte, error) {
	doc, err := json.Marshal(s)
	if err == nil && len(doc) > maxDocument {
		err = document.Errorf("", "has %d bytes when it is stored with every field, and at most %d are allowed; use fewer tiers, model keys or prices", len(doc), maxDocument)
	}
	return doc, err
}

func orEmpty[M ~map[string]V, V any](m M) M {
	if m == nil {
		return M{}
	}
	return m
}

func (s *Settings) fields() document.Fields {
	all := s.LevelFields.Fields()
	maps.Copy(all, document.Fields{
		"name":            s.setName,
		"limitPeriod":     choice(&s.LimitPeriod, limitPeriods...),
		"tiers":           s.setTiers,
		"defaultTier":     optional(&s.DefaultTier, tierName),
		"unknownTier":     choice(&s.UnknownTier, unknownTiers...),
		"trustTierHeader": s.setTrustTierHeader,
		"refusalStatus":   status(&s.RefusalStatus, refusalStatuses...),
		"limitResponse":   LimitResponse(&s.LimitResponse),
		"allowedModels":   list(&s.AllowedModels, modelKey),
		"allowedOrigins":  list(&s.AllowedOrigins, origin),
		"enforcement":     choice(&s.Enforcement, enforcements...),
		"onDisconnect":    choice(&s.OnDisconnect, disconnects...),
		"failOpen":        document.Toggle(&s.FailOpen, false),
		"security":        s.setSecurity,
		"defaultPrompt":   optional(&s.DefaultPrompt, promptName),
		"providers":       s.setProviders,
		"prices":          byModel(&s.Prices, readPrice),
		"aliases":         s.setAliases,
	})
	return all
}

// check validates rules that involve more than one field.
func (s Settings) check() error {
	if s.DefaultTier != nil {
		if _, ok := s.Tiers[*s.DefaultTier]; !ok {
			return document.Errorf("defaultTier", "names no tier of this project: %q", *s.DefaultTier)
		}
	}
	claimed := make(map[string]string) // model pattern → provider
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		path := document.Join("providers", name)
		if err := s.Providers[name].check(path, name); err != nil {
			return err
		}
		for i, model := range s.Providers[name].Models {
			key := limit.NormalizeModel(model)
			if other, twice := claimed[key]; twice {
				return document.Errorf(fmt.Sprintf("%s.models[%d]", path, i), "is a pattern of the provider %s too: %q", other, model)
			}
			claimed[key] = name
		}
	}
	return s.checkAliases()
}

func (s *Settings) setName(path string, v document.Value) error {
	const most = 200
	switch {
	case v.Kind() == document.Null:
		s.Name = ""
	case v.Kind() != document.String:
		return document.Errorf(path, "must be a string, not %s", v.Describe())
	case len(v.Text()) > most || !document.Printable(v.Text()):
		return document.Errorf(path, "must be at most %d bytes of printable text", most)
	default:
		s.Name = v.Text()
	}
	return nil
}

func (s *Settings) setTiers(path string, v document.Value) error {
	if v.Kind() != document.Object && v.Kind() != document.Null {
		return document.Errorf(path, "must be an object or null, not %s", v.Describe())
	}
	tiers := make(map[string]TierFields)
	for m := range v.Members() {
		at := document.Join(path, m.Name)
		if err := tierName(at, m.Name); err != nil {
			return err
		}
		t := TierFields{LevelFields: LevelFields{ModelLimits: map[string]ModelLimit{}}}
		fs := t.LevelFields.Fields()
		fs["allowedModels"] = listOrNone(&t.AllowedModels, modelKey)
		fs["limitResponse"] = LimitResponse(&t.LimitResponse)
		if err := fs.Set(at, m.Value); err != nil {
			return err
		}
		tiers[m.Name] = t
	}
	s.Tiers = tiers
	return nil
}

func (s *Settings) setTrustTierHeader(path string, v document.Value) error {
	trusted := !bool(s.IgnoreTierHeader)
	err := document.Toggle(&trusted, true)(path, v)
	s.IgnoreTierHeader = opposite(!trusted)
	return err
}

func (s *Settings) setSecurity(path string, v document.Value) error {
	if v.Kind() == document.Null {
		s.Security = defaultSecurity()
		return nil
	}
	return document.Fields{
		"enabled":      document.Toggle(&s.Security.Enabled, false),
		"mode":         choice(&s.Security.Mode, guardModes...),
		"categories":   s.Security.setCategories,
		"heuristics":   document.Toggle(&s.Security.Heuristics, false),
		"outputCheck":  document.Toggle(&s.Security.OutputCheck, true),
		"toolResults":  document.Toggle(&s.Security.ToolResults, false),
		"allowPhrases": s.Security.setAllowPhrases,
	}.Set(path, v)
}

const (
	maxAllowPhrases = 100
	maxAllowPhrase  = 200 // bytes
)

// setAllowPhrases sets phrases that are never a hit; null is none.
func (s *Security) setAllowPhrases(path string, v document.Value) error {
	if v.Kind() == document.Null {
		s.AllowPhrases = []string{}
		return nil
	}
	err := listOrNone(&s.AllowPhrases, func(at, phrase string) (string, error) {
		if strings.TrimSpace(phrase) == "" || len(phrase) > maxAllowPhrase || !document.Printable(phrase) {
			return "", document.Errorf(at, "must be a phrase of at most %d bytes of printable text", maxAllowPhrase)
		}
		return strings.ToLower(phrase), nil
	})(path, v)
	if err == nil && len(s.AllowPhrases) > maxAllowPhrases {
		err = document.Errorf(path, "has %d phrases; at most %d are allowed", len(s.AllowPhrases), maxAllowPhrases)
	}
	return err
}

// setCategories accepts an empty list: then nothing in a message is a hit, and only answers are checked.
func (s *Security) setCategories(path string, v document.Value) error {
	if v.Kind() == document.Null {
		s.Categories = slices.Clone(guardCategories)
		return nil
	}
	return listOrNone(&s.Categories, func(at, name string) (string, error) {
		if !slices.Contains(guardCategories, name) {
			return "", document.Errorf(at, "must be one of %s, not %q", strings.Join(guardCategories, ", "), name)
		}
		return name, nil
	})(path, v)
}

// MaxTier is the longest name of a tier, in bytes.
const MaxTier = 64

func tierName(path, name string) error {
	if name == "" || len(name) > MaxTier || !document.Printable(name) || strings.TrimSpace(name) != name {
		return document.Errorf(path, "is not a tier's name: 1 to %d bytes of printable text without spaces around it", MaxTier)
	}
	return nil
}

func promptName(path, name string) error {
	if problem := prompt.NameProblem(name); problem != "" {
		return document.Errorf(path, "%s", problem)
	}
	return nil
}
