package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	maxMetadata = 16 << 10 // bytes of compact JSON
	maxReason   = 500      // bytes
)

// IdentityFields are the settings of an identity. An absent field stays, null resets it to the default.
type IdentityFields struct {
	_ struct{} `additionalProperties:"false"`

	Tier               *string                     `json:"tier,omitempty" nullable:"true" maxLength:"64" doc:"A tier of the project. It overrides x-tier. Null: x-tier or the project's default applies."`
	RequestLimit       *int64                      `json:"requestLimit,omitempty" nullable:"true" minimum:"-1" maximum:"1e15" doc:"Requests in a period. Null inherits, -1 is unlimited, 0 leaves only credits. The same holds for all limits."`
	TokenLimit         *int64                      `json:"tokenLimit,omitempty" nullable:"true" minimum:"-1" maximum:"1e15" doc:"Tokens in a period."`
	CostLimitUSD       *project.USD                `json:"costLimitUsd,omitempty" nullable:"true" minimum:"-1" maximum:"1e9" doc:"Cost in a period, in USD with at most six decimals."`
	RequestsPerMinute  *int64                      `json:"requestsPerMinute,omitempty" nullable:"true" minimum:"-1" maximum:"1e9" doc:"The burst limit: the size of a bucket of requests, which refills evenly."`
	ConcurrentRequests *int64                      `json:"concurrentRequests,omitempty" nullable:"true" minimum:"-1" maximum:"1e9" doc:"Requests that may run at once."`
	ModelLimits        map[string]modelLimitFields `json:"modelLimits,omitempty" nullable:"true" doc:"Limits by model key. A model's name covers the model under all its names. A * at the end stands for any rest of a name. The key * alone covers every model that no other key covers, and counts these together. A new value replaces all keys."`
	LimitResponse      map[string]any              `json:"limitResponse,omitempty" nullable:"true" doc:"Fields of the error when a limit is reached: message, deepLink, upgradeUrl and any others."`
	Metadata           map[string]any              `json:"metadata,omitempty" nullable:"true" doc:"Data of your own, at most 16 KB. It has no effect."`
	Enabled            *bool                       `json:"enabled,omitempty" nullable:"true" doc:"Whether the identity may make requests. Null is true."`
	Reason             *string                     `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the audit trail."`
}

// modelLimitFields describes the limits of one key of modelLimits.
type modelLimitFields struct {
	_ struct{} `additionalProperties:"false"`

	RequestLimit *int64       `json:"requestLimit,omitempty" nullable:"true" minimum:"-1" maximum:"1e15" doc:"Requests in a period. 0 blocks the model, even with credits."`
	TokenLimit   *int64       `json:"tokenLimit,omitempty" nullable:"true" minimum:"-1" maximum:"1e15" doc:"Tokens in a period. 0 blocks the model."`
	CostLimitUSD *project.USD `json:"costLimitUsd,omitempty" nullable:"true" minimum:"-1" maximum:"1e9" doc:"Cost in a period, in USD. 0 blocks the model."`
}

// newIdentity describes an identity to be created or updated.
type newIdentity struct {
	_ struct{} `additionalProperties:"false"`

	Identity string `json:"identity" minLength:"1" maxLength:"512" doc:"The name of the end user: 1 to 512 bytes of printable UTF-8. Spaces around it are cut off."`
	IdentityFields
}

// newIdentities describes a bulk call.
type newIdentities struct {
	_ struct{} `additionalProperties:"false"`

	Items []newIdentity `json:"items" minItems:"1" maxItems:"1000" doc:"The identities. Each may be there once."`
}

// levelFields copy the values of one field of the limits.
var levelFields = map[string]func(into *limit.Level, from limit.Level){
	"requestLimit":       func(into *limit.Level, from limit.Level) { into.Caps[limit.Requests] = from.Caps[limit.Requests] },
	"tokenLimit":         func(into *limit.Level, from limit.Level) { into.Caps[limit.Tokens] = from.Caps[limit.Tokens] },
	"costLimitUsd":       func(into *limit.Level, from limit.Level) { into.Caps[limit.Cost] = from.Caps[limit.Cost] },
	"requestsPerMinute":  func(into *limit.Level, from limit.Level) { into.RequestsPerMinute = from.RequestsPerMinute },
	"concurrentRequests": func(into *limit.Level, from limit.Level) { into.ConcurrentRequests = from.ConcurrentRequests },
	"modelLimits":        func(into *limit.Level, from limit.Level) { into.Models = from.Models },
}

// settingsChange is a valid change of one identity's settings.
type settingsChange struct {
	identity string
	at       string // where the request names the identity
	edits    []func(*ledger.Settings)
	reason   string
	detail   map[string]any // for the audit trail: numbers; for free text, only the fact that it was set
	warnings []project.Warning
}

// apply changes an account, marks it as known, and returns the entry for the audit trail.
func (ch *settingsChange) apply(a *ledger.Account, now time.Time) ledger.Entry {
	action := ledger.ActionUpdateIdentity
	if !a.Known {
		action = ledger.ActionCreateIdentity
		a.CreatedAt = now
	}
	s := settingsOf(a)
	for _, edit := range ch.edits {
		edit(&s)
	}
	a.Known, a.Settings, a.UpdatedAt = true, &s, now
	detail, _ := json.Marshal(ch.detail) // of strings, booleans and checked JSON
	return ledger.Entry{Identity: ch.identity, Action: action, Reason: ch.reason, Detail: detail}
}

// changes reports whether a change makes an identity known, or alters its settings.
func (ch *settingsChange) changes(a *ledger.Account) bool {
	if !a.Known {
		return true
	}
	s := settingsOf(a)
	for _, edit := range ch.edits {
		edit(&s)
	}
	return inFull(settingsOf(a)) != inFull(s)
}

// inFull writes settings so that equal ones are equal texts.
func inFull(s ledger.Settings) string {
	if len(s.Level.Models) == 0 {
		s.Level.Models = nil
	}
	text, _ := s.Text() // of checked JSON
	return text
}

// check refuses to create an identity with a name that is not allowed today. An identity of an earlier version keeps its name.
func (ch *settingsChange) check(a *ledger.Account) error {
	if a.Known {
		return nil
	}
	return checkNewAt(ch.at, ch.identity)
}

// shown returns the changed identity with the warnings of the change.
func (ch *settingsChange) shown(a *ledger.Account) Identity {
	id := identityOf(a)
	id.Warnings = ch.warnings
	return id
}

// readNew reads the body of a call that creates or updates.
func readNew(p *project.Snapshot, data []byte) (*settingsChange, error) {
	v, err := parse(data)
	if err != nil {
		return nil, err
	}
	ch, ps := readItem(p, "body", v)
	if len(ps) > 0 {
		return nil, ps
	}
	return ch, nil
}

// item is one item of a bulk call.
type item struct {
	change   *settingsChange
	problems fieldProblems
}

// readItems reads the body of a bulk call. Its items may have problems.
func readItems(p *project.Snapshot, data []byte) ([]item, error) {
	const at = "body.items"
	var values []document.Value // at most maxBulk of them
	count := 0
	err := readBody(data, document.Fields{"items": func(_ string, v document.Value) error {
		if v.Kind() != document.Array {
			return fmt.Errorf("must be an array, not %s", v.Describe())
		}
		for item := range v.Items() {
			if count++; count <= maxBulk {
				values = append(values, item)
			}
		}
		return nil
	}})
	switch {
	case err != nil:
		return nil, err
	case count == 0 || count > maxBulk:
		return nil, wrong(at, "must have 1 to %d items, not %d", maxBulk, count)
	}
	items := make([]item, len(values))
	for i, v := range values {
		items[i].change, items[i].problems = readItem(p, document.Index(at, i), v)
	}
	return items, nil
}

// readMany is readItems for a call that applies all items or none.
func readMany(p *project.Snapshot, data []byte) ([]item, error) {
	items, err := readItems(p, data)
	if err == nil {
		err = allValid(items)
	}
	return items, err
}

// allValid returns the problems of all items. An identity that is there twice is one of them.
func allValid(items []item) error {
	seen := make(map[string]int, len(items))
	var all fieldProblems
	for i, it := range items {
		if len(all) >= maxProblems {
			break
		}
		all = append(all, it.problems...)
		first, twice := seen[it.change.identity]
		switch {
		case twice && it.change.identity != "":
			all = append(all, fieldProblem{it.change.at, fmt.Sprintf("is that of items[%d] too", first)})
		default:
			seen[it.change.identity] = i
		}
	}
	if len(all) > 0 {
		return all
	}
	return nil
}

// readItem reads an object that names its identity. at is its location in the body.
func readItem(p *project.Snapshot, at string, v document.Value) (*settingsChange, fieldProblems) {
	ch := &settingsChange{detail: map[string]any{}, at: at + ".identity"}
	if len(v.Raw()) > maxBody {
		return ch, fieldProblems{{at, fmt.Sprintf("has more than %d bytes; make it smaller", maxBody)}}
	}
	fs, named := ch.fields(p), false
	fs["identity"] = func(_ string, v document.Value) (err error) {
		named = true
		ch.identity, err = readName(v)
		return err
	}
	ps := readObject(at, v, fs)
	if !named && v.Kind() == document.Object {
		ps = append(ps, fieldProblem{at + ".identity", "is missing"})
	}
	return ch, ps
}

// readUpdate reads the body of a call whose path names the identity. The body may repeat it.
func readUpdate(p *project.Snapshot, name string, data []byte) (*settingsChange, error) {
	ch := &settingsChange{identity: name, at: "path.identity", detail: map[string]any{}}
	fs := ch.fields(p)
	fs["identity"] = func(_ string, v document.Value) error {
		if v.Kind() != document.String || strings.TrimSpace(v.Text()) != name {
			return errors.New("must be the one in the path, or left out: an identity keeps its name")
		}
		return nil
	}
	return ch, readBody(data, fs)
}

// readName reads a name that an identity may have. Only a new one must keep today's rules: see check.
func readName(v document.Value) (string, error) {
	if v.Kind() != document.String {
		return "", fmt.Errorf("must be a string, not %s", v.Describe())
	}
	name := strings.TrimSpace(v.Text())
	if !keepable(name) {
		return "", errors.New(identity.Problem(name))
	}
	return name, nil
}

// fields are the members that a developer may set for an identity.
func (ch *settingsChange) fields(p *project.Snapshot) document.Fields {
	fs := document.Fields{
		"tier":          func(_ string, v document.Value) error { return ch.setTier(p, v) },
		"limitResponse": func(path string, v document.Value) error { return ch.setLimitResponse(p, path, v) },
		"metadata":      ch.setMetadata,
		"enabled":       ch.setEnabled,
		"reason":        optional(text(&ch.reason, maxReason)),
	}
	for name, take := range levelFields {
		fs[name] = func(path string, v document.Value) error {
			var given project.LevelFields
			if err := given.Fields()[name](path, v); err != nil {
				return err
			}
			if err := p.CheckModelKeys(path, given.ModelLimits); err != nil {
				return err
			}
			ch.detail[name] = v.Raw()
			ch.warnings = append(ch.warnings, p.IdentityWarnings(given, nil)...)
			from := given.Level()
			ch.edit(func(s *ledger.Settings) { take(&s.Level, from) })
			return nil
		}
	}
	return fs
}

func (ch *settingsChange) edit(e func(*ledger.Settings)) { ch.edits = append(ch.edits, e) }

func (ch *settingsChange) setTier(p *project.Snapshot, v document.Value) error {
	var tier string
	if err := optional(text(&tier, project.MaxTier))("", v); err != nil {
		return err
	}
	if _, known := p.Tier(tier); !known && v.Kind() != document.Null {
		if len(p.Tiers) == 0 {
			return errors.New("is not a tier: the project has none")
		}
		return fmt.Errorf("is not a tier of the project; there are %s", strings.Join(slices.Sorted(maps.Keys(p.Tiers)), ", "))
	}
	ch.detail["tier"] = v.Raw()
	ch.edit(func(s *ledger.Settings) { s.Tier = tier })
	return nil
}

func (ch *settingsChange) setLimitResponse(p *project.Snapshot, path string, v document.Value) error {
	var response map[string]any
	if err := project.LimitResponse(&response)(path, v); err != nil {
		return err
	}
	ch.detail["limitResponse"] = response != nil
	ch.warnings = append(ch.warnings, p.IdentityWarnings(project.LevelFields{}, response)...)
	ch.edit(func(s *ledger.Settings) { s.LimitResponse = response })
	return nil
}

func (ch *settingsChange) setMetadata(_ string, v document.Value) error {
	var compact bytes.Buffer
	switch v.Kind() {
	case document.Null:
	case document.Object:
		if err := json.Compact(&compact, v.Raw()); err != nil {
			return err
		}
	default:
		return fmt.Errorf("must be an object or null, not %s", v.Describe())
	}
	if compact.Len() > maxMetadata {
		return fmt.Errorf("has %d bytes; at most %d are allowed", compact.Len(), maxMetadata)
	}
	ch.detail["metadata"] = compact.Len() > 0
	ch.edit(func(s *ledger.Settings) { s.Metadata = compact.Bytes() })
	return nil
}

func (ch *settingsChange) setEnabled(path string, v document.Value) error {
	var enabled bool
	if err := document.Toggle(&enabled, true)(path, v); err != nil {
		return err
	}
	ch.detail["enabled"] = enabled
	ch.edit(func(s *ledger.Settings) { s.Disabled = !enabled })
	return nil
}

const (
	someSettings = `"tier": null, "requestLimit": 500, "tokenLimit": -1, "costLimitUsd": 2.5, "requestsPerMinute": 20, "concurrentRequests": null, ` +
		`"modelLimits": {"gpt-4o": {"requestLimit": 50}}, "limitResponse": {"message": "That was it for today."}, ` +
		`"metadata": {"plan": "pro-2026"}, "enabled": true`

	anIdentity = `{"identity": "user-123", ` +
		`"tier": null, "requestLimit": 500, "tokenLimit": -1, "costLimitUsd": 2.5, "requestsPerMinute": 20, "concurrentRequests": null, ` +
		`"modelLimits": {"gpt-4o": {"requestLimit": 50, "tokenLimit": null, "costLimitUsd": null}}, ` +
		`"giftedTokens": 10000, "giftedRequests": 0, "giftedCostUsd": 0, "unlimitedUntil": null, ` +
		`"limitResponse": {"message": "That was it for today."}, "metadata": {"plan": "pro-2026"}, "enabled": true, ` +
		`"usage": {"requests": 9, "tokens": 5120, "costUsd": 0.0123}, ` +
		`"createdAt": "2026-11-01T09:30:00Z", "updatedAt": "2026-11-22T17:05:00Z"}`
)
