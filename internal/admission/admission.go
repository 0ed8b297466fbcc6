// Package admission holds the decisions about a request that do not need the request's body, and the writer of refusals. The
// gateway takes these decisions; the control plane explains and previews them. Both call the same functions, so an explanation
// cannot differ from what the gateway does.
//
// Nothing here reads or changes an account: the ledger decides, and the caller passes its decision.
package admission

import (
	"fmt"
	"net/http"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Subject is the caller of a request and what applies to it.
type Subject struct {
	Project  *project.Snapshot
	Identity string
	Settings *ledger.Settings // of the identity; nil if nothing is set
	Tier     *project.Tier    // nil for none
}

// TierName returns the name of the tier, or "".
func (s Subject) TierName() string {
	if s.Tier != nil {
		return s.Tier.Name
	}
	return ""
}

// Levels returns the levels that set the subject's limits.
func (s Subject) Levels() limit.Levels { return identity.Levels(s.Project, s.Settings, s.Tier) }

// Rules returns the limits in force for a model, named as it is sent to the provider.
func (s Subject) Rules(model string) limit.Rules {
	return limit.Resolve(s.Levels(), limit.NormalizeModel(model), s.Project.Period, s.Project.Strict)
}

// CheckModel refuses a model that the project, or the tier, does not allow. param is the field that names the model.
func (s Subject) CheckModel(param, model string) error {
	if s.Project.Allowed(s.Tier, model) {
		return nil
	}
	message := fmt.Sprintf("This app does not allow the model %q. GET /v1/models lists the models that it allows.", model)
	if s.Project.Allowed(nil, model) {
		message = fmt.Sprintf("The tier %q does not allow the model %q. GET /v1/models, with the same headers, lists the models that it allows.", s.TierName(), model)
	}
	return &wire.Error{Status: http.StatusForbidden, Code: "model_not_allowed", Param: param, Message: message}
}

// CheckEnabled refuses a disabled identity.
func (s Subject) CheckEnabled() error {
	if s.Settings == nil || !s.Settings.Disabled {
		return nil
	}
	refused := &wire.Error{Status: http.StatusForbidden, Code: "identity_disabled",
		Message: "This account has been disabled. Contact the app's support."}
	// No limit refused the request, and its body was not read: the variables about them are empty.
	respond(refused, project.MergeLimitResponse(s.Settings.LimitResponse), map[string]string{
		"identity": s.Identity, "tier": s.Settings.Tier, "period": s.Project.Period.String(),
		"usage": "", "limit": "", "remaining": "", "limitType": "", "model": "", "resetsAt": ""})
	return refused
}

// CheckPrice refuses a model without a known price if a cost limit is in force. A limit of 0 refuses whatever the price.
func CheckPrice(rules *limit.Rules, model string, priced bool) error {
	if l, ok := rules.Limit(limit.Cost); priced || !ok || l.Blocks() {
		return nil
	}
	return Unpriced(model)
}

// Unpriced is the refusal of a model without a known price under a cost limit.
func Unpriced(model string) error {
	return &wire.Error{Status: http.StatusBadRequest, Code: "unpriced_model", Param: "model",
		Message: fmt.Sprintf("A cost limit applies and the price of %q is not known. The app's developer can set one in the project's settings: "+
			`"prices": {%q: {"inputUsdPerMillion": 1, "outputUsdPerMillion": 2}}.`, model, model)}
}

// StoredPrompt returns the enabled stored prompt of a name, or the refusal of a request that it applies to.
func StoredPrompt(p *project.Snapshot, name string) (*prompt.Prompt, error) {
	stored := p.Prompt(name)
	switch {
	case stored == nil || !stored.Enabled:
		return nil, &wire.Error{Status: http.StatusBadRequest, Code: "unknown_system_prompt", Param: "systemPrompt",
			Message: fmt.Sprintf("The project has no system prompt named %q, or it is disabled.", name)}
	case stored.Err != nil:
		return nil, &wire.Error{Status: http.StatusServiceUnavailable, Code: "unavailable", Param: "systemPrompt",
			Message: "The stored prompt cannot be opened. The app's developer has to act; the server's log says why."}
	}
	return stored, nil
}
