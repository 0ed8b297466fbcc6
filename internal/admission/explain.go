package admission

import (
	"errors"
	"net/http"
	"time"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// Question asks what a request would get.
type Question struct {
	Project *project.Snapshot
	Account ledger.Account // of the identity, in the project's period and at Now
	Tier    string         // that the request claims; "" for none
	Model   *string        // that the request names; nil: any without a limit of its own
	Needs   limit.Amounts  // what the request may use; Requests is not read
	Now     time.Time
}

// The sources of a tier.
const (
	TierOfIdentity = "identity" // set by the developer's server
	TierOfRequest  = "request"  // claimed in x-tier
	TierByDefault  = "default"  // the project's defaultTier
	NoTier         = "none"     // the project's own limits apply
)

// Explanation is what a request would get, and why.
type Explanation struct {
	Subject
	TierFrom string
	Target   provider.Target // zero if the question names no model, or no provider has it
	Model    string          // as it is sent to the provider
	Priced   bool            // the price of Model is known

	Refused *wire.Error // what the request would get; nil if it would be admitted

	// The following are zero if the tier is refused.
	Rules    limit.Rules
	Decision limit.Decision // of the limits; in force unless something before them refuses
}

// Explain decides as the gateway does on a request of a chat with the estimate, and changes nothing. Only what depends on
// the body or the key of a request is left out.
func Explain(q Question) Explanation {
	e := Explanation{Subject: Subject{Project: q.Project, Identity: q.Account.Key.Identity, Settings: q.Account.Settings}}
	e.refuse(e.CheckEnabled())
	if !q.Project.TrustTierHeader {
		q.Tier = ""
	}
	var err error
	if e.Tier, err = identity.Tier(q.Project, q.Account.Settings, q.Tier); err != nil {
		e.refuse(err)
		return e
	}
	e.TierFrom = e.tierFrom(q.Tier)
	if q.Model != nil {
		e.route(*q.Model)
		e.refuse(e.checkDefaultPrompt())
	}
	e.Rules = e.Subject.Rules(e.Model)
	if q.Model != nil && !q.Account.State.Unlimited(q.Now) {
		e.refuse(CheckPrice(&e.Rules, e.Model, e.Priced))
	}
	ask := limit.Ask{Tier: e.TierName(), Estimate: q.Needs}
	ask.Estimate[limit.Requests] = 1
	if q.Project.Strict {
		ask.Minimum = ask.Estimate
	}
	e.Decision = limit.Decide(&q.Account.State, &e.Rules, ask, q.Now)
	if e.Decision.Refusal != limit.Admitted {
		e.refuse(e.Refusal(&e.Decision, e.Model, q.Now))
	}
	return e
}

// refuse notes a refusal. The first one counts.
func (e *Explanation) refuse(err error) {
	refused, ok := errors.AsType[*wire.Error](err)
	if ok && e.Refused == nil {
		e.Refused = refused
	}
}

func (e *Explanation) tierFrom(claimed string) string {
	switch {
	case e.Tier == nil:
		return NoTier
	case e.Settings != nil && e.Settings.Tier == e.Tier.Name:
		return TierOfIdentity
	case (e.Settings == nil || e.Settings.Tier == "") && claimed == e.Tier.Name:
		return TierOfRequest
	}
	return TierByDefault
}

// route finds the provider of a model, and checks that the model is allowed.
func (e *Explanation) route(model string) {
	var err error
	if e.Target, e.Model, err = e.chat(model); err == nil {
		err = e.CheckModel("model", e.Model)
	}
	e.refuse(err)
	_, e.Priced = e.Project.PriceAt(e.Target.Provider, e.Model)
}

// checkDefaultPrompt refuses a chat if the project's default prompt cannot be applied.
func (s Subject) checkDefaultPrompt() error {
	if s.Project.DefaultPrompt == "" {
		return nil
	}
	_, err := StoredPrompt(s.Project, s.Project.DefaultPrompt)
	return err
}

// chat returns the destination of a chat with a model, or an alias, and the model as it is sent there. All providers serve
// chats. With the error, sent is the model's name.
func (s Subject) chat(model string) (to provider.Target, sent string, err error) {
	if a, ok := s.Project.Alias(model); ok {
		model = a.Models(s.Identity, s.Tier)[0]
	}
	ep, err := wire.Match(http.MethodPost, "/v1/chat/completions")
	if err != nil {
		return to, model, err
	}
	if to, err = provider.Route(s.Project, ep, model, ""); err != nil {
		return to, model, err
	}
	return to, to.Model, nil
}

// SentModel returns a model's name, or an alias, as it is sent to its provider, or the name itself if it has none.
func (s Subject) SentModel(model string) string {
	_, sent, _ := s.chat(model)
	return sent
}
