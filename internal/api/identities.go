package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

const (
	identitiesTag  = "identities"
	identitiesPath = "/api/projects/{projectId}/identities"
	identityPath   = identitiesPath + "/{identity}"

	maxBulk = 1000
)

// Identity is an identity's settings, credits and usage.
type Identity struct {
	Identity string  `json:"identity" doc:"The name of the end user, as the app sends it in x-identity."`
	Tier     *string `json:"tier" doc:"The tier that your server has set. It overrides x-tier. Null: none is set."`
	project.LevelFields
	GiftedTokens   int64           `json:"giftedTokens" doc:"The token credits that are left."`
	GiftedRequests int64           `json:"giftedRequests" doc:"The request credits that are left."`
	GiftedCostUSD  json.Number     `json:"giftedCostUsd" doc:"The cost credits that are left, in USD."`
	UnlimitedUntil *time.Time      `json:"unlimitedUntil" doc:"Until this time no limit refuses a request."`
	LimitResponse  map[string]any  `json:"limitResponse" nullable:"true" doc:"Fields of the error when a limit is reached. They override the tier's and the project's."`
	Metadata       json.RawMessage `json:"metadata" doc:"Data of your own: an object or null."`
	Enabled        bool            `json:"enabled" doc:"Whether the identity may make requests."`
	Usage          ledger.Totals   `json:"usage" doc:"The usage in the current period."`
	CreatedAt      time.Time       `json:"createdAt"`
	UpdatedAt      time.Time       `json:"updatedAt" doc:"The time of the last change through this API."`

	Warnings []project.Warning `json:"warnings,omitempty" doc:"After a change: settings that were applied and are probably mistakes, such as a misspelt model."`
}

// identityOf shows an account.
func identityOf(a *ledger.Account) Identity {
	s := settingsOf(a)
	id := Identity{
		Identity: a.Key.Identity, LevelFields: project.FieldsOf(s.Level),
		GiftedTokens: a.State.Credits[limit.Tokens], GiftedRequests: a.State.Credits[limit.Requests],
		GiftedCostUSD:  ledger.Figure(limit.Cost, a.State.Credits[limit.Cost]),
		UnlimitedUntil: unlimitedUntil(a), LimitResponse: s.LimitResponse, Metadata: s.Metadata, Enabled: !s.Disabled,
		Usage: ledger.TotalsOf(a.State.Total()), CreatedAt: inStore(a.CreatedAt), UpdatedAt: inStore(a.UpdatedAt),
	}
	if s.Tier != "" {
		id.Tier = &s.Tier
	}
	if id.Metadata == nil {
		id.Metadata = json.RawMessage("null")
	}
	return id
}

// settingsOf returns a copy of an account's settings.
func settingsOf(a *ledger.Account) ledger.Settings {
	if a.Settings == nil {
		return ledger.Settings{}
	}
	return *a.Settings
}

func unlimitedUntil(a *ledger.Account) *time.Time {
	if a.State.UnlimitedUntil.IsZero() {
		return nil
	}
	until := a.State.UnlimitedUntil.UTC()
	return &until
}

// Identities is a page of the list of identities.
type Identities struct {
	Items        []Identity `json:"items"`
	Total        *int       `json:"total" doc:"How many there are in all; null where they are too many to be counted."`
	TotalAtLeast *int       `json:"totalAtLeast" doc:"If total is null: the number of identities is this or greater."`
	NextCursor   *string    `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
	Limit        int        `json:"limit"`
	Offset       int        `json:"offset"`
}

// InProject is the parameter of every operation. It is exported because huma finds parameters only in exported embedded
// structs.
type InProject struct {
	Project string `path:"projectId" doc:"The project's key (pk_…)." example:"pk_7fTqLmXwBvN2sJc9KdYh3RzA"`
}

// OfIdentity are the parameters of an operation on one identity.
type OfIdentity struct {
	InProject
	Identity string `path:"identity" doc:"The name of the end user, percent-encoded." minLength:"1" maxLength:"512" example:"user-123"`
}

// Once is the parameter of operations that accept an Idempotency-Key.
type Once struct {
	Key string `header:"Idempotency-Key" maxLength:"255" pattern:"^[ -~]+$" patternDescription:"printable ASCII" doc:"Applies a call once, even if it is sent several times. A repetition gets the first answer."`
}

// name returns the identity in the path, as x-identity would name it. Only a new identity must keep today's rules for
// names, which checkNew checks.
func (p OfIdentity) name() (string, error) {
	name := strings.TrimSpace(p.Identity)
	if !keepable(name) {
		return "", checkNew(name)
	}
	return name, nil
}

// keepable reports whether the store may hold an identity of this name. Earlier versions took names that are refused today.
func keepable(name string) bool {
	return name != "" && len(name) <= identity.MaxIdentity && utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
}

// checkNew refuses the name in the path if no identity may be created with it.
func checkNew(name string) error { return checkNewAt("path.identity", name) }

// checkNewAt is checkNew for a name at another place of the request.
func checkNewAt(location, name string) error {
	if problem := identity.Problem(name); problem != "" {
		return wrong(location, "%s", problem)
	}
	return nil
}

// unknown is the error for an identity in the path that does not exist.
func unknown(name string) error { return cmp.Or(checkNew(name), ledger.ErrUnknown) }

// Dry is the parameter of operations that can be tried.
type Dry struct {
	DryRun bool `query:"dryRun" doc:"Changes nothing. The answer is the one that the call would get."`
}

// Resolve implements huma.Resolver: every change of the call is tried only.
func (d *Dry) Resolve(ctx huma.Context) []error {
	callOf(ctx.Context()).dry = d.DryRun
	return nil
}

// Reasoned is the parameter of a change that may have a reason.
type Reasoned struct {
	Reason string `query:"reason" maxLength:"500" doc:"The reason, for the audit trail."`
}

// Resolve implements huma.Resolver: it checks the reason as that of a body is checked.
func (r *Reasoned) Resolve(huma.Context) []error {
	if len(r.Reason) > maxReason || !identity.Printable(r.Reason) {
		return []error{&huma.ErrorDetail{Location: "query.reason", Message: fmt.Sprintf("must be at most %d bytes of printable text", maxReason)}}
	}
	return nil
}

// answer is the answer of an operation.
type answer[T any] struct {
	Status int
	Body   stored[T]
}

func (c *control) identities(doc huma.API) {
	tags := []string{identitiesTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "listIdentities", Method: http.MethodGet, Path: identitiesPath, Tags: tags,
		Summary: "List identities",
		Description: "The list is in the order of the names, byte by byte, or with sort=recent by updatedAt. With match=contains, tier, enabled or has " +
			"a call looks at 100,000 names (with sort=recent at 5,000, in the order of usage at 400), so that a page may have fewer items than limit and still a nextCursor. " +
			"The order of usage is that of the reports: the last seconds may be missing, a reset takes nothing back, and with an hourly period it is that of the day. " +
			"The identities without usage follow, by name. An identity that overtakes the cursor between two pages is on neither.",
	}, example{response: `{"items": [` + anIdentity + `], "total": 1, "totalAtLeast": null, "nextCursor": null, "limit": 50, "offset": 0}`}, nil, c.list)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "setIdentity", Method: http.MethodPost, Path: identitiesPath, Tags: tags,
		Summary:     "Create or update an identity",
		Description: "The answer is 201 if the identity is new, else 200. An absent field keeps its value.",
		Responses:   map[string]*huma.Response{"201": created(doc)},
	}, example{`{"identity": "user-123", ` + someSettings + `}`, anIdentity}, []int{http.StatusConflict}, c.set)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "setIdentities", Method: http.MethodPost, Path: identitiesPath + "/bulk", Tags: tags,
		Summary: "Create or update many identities",
		Description: "If one item is not valid, no item is applied, and errors name the wrong ones. With mode=each the valid items are applied, " +
			"and the answer is {results, applied, failed} instead. The body may have MAX_BODY_MB (32 MB by default). Bodies of other calls may have 1 MB.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{jsonType: {
			Schema: bulkAnswer(doc), Example: json.RawMessage(`{"items": [` + anIdentity + `], "count": 1}`)}}}},
	}, example{request: `{"items": [{"identity": "user-123", ` + someSettings + `}]}`},
		[]int{http.StatusConflict}, c.setMany)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getIdentity", Method: http.MethodGet, Path: identityPath, Tags: tags, Summary: "Read an identity",
	}, example{response: anIdentity}, []int{http.StatusNotFound}, c.get)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "updateIdentity", Method: http.MethodPut, Path: identityPath, Tags: tags,
		Summary:     "Change or create an identity",
		Description: "An absent field keeps its value. Null resets a field to the inherited value. The answer is 201 if the identity is new.",
		Responses:   map[string]*huma.Response{"201": created(doc)},
	}, example{`{` + someSettings + `}`, anIdentity}, nil, c.update)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "deleteIdentity", Method: http.MethodDelete, Path: identityPath, Tags: tags,
		Summary:     "Delete an identity",
		Description: "The call deletes settings, credits and promotion. Usage stays: only a reset clears it.",
	}, example{}, []int{http.StatusNotFound}, c.delete)
}

// created describes the answer of a call that has created an identity.
func created(doc huma.API) *huma.Response {
	return &huma.Response{Description: "Created", Content: map[string]*huma.MediaType{jsonType: {
		Schema: stored[Identity]{}.Schema(doc.OpenAPI().Components.Schemas), Example: json.RawMessage(anIdentity)}}}
}

type setInput struct {
	InProject
	Once
	Dry
	Body body[newIdentity]
}

func (c *control) set(ctx context.Context, in *setInput) (*answer[Identity], error) {
	p := projectOf(ctx)
	ch, err := readNew(p, in.Body.data)
	if err != nil {
		return nil, err
	}
	return c.apply(ctx, in.of("set", "", in.Body.data), ch)
}

type getInput struct{ OfIdentity }

func (c *control) get(ctx context.Context, in *getInput) (*answer[Identity], error) {
	a, err := c.account(ctx, in.OfIdentity)
	if err != nil {
		return nil, err
	}
	return show(identityOf(&a))
}

type updateInput struct {
	OfIdentity
	Dry
	Body body[IdentityFields]
}

func (c *control) update(ctx context.Context, in *updateInput) (*answer[Identity], error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	ch, err := readUpdate(projectOf(ctx), name, in.Body.data)
	if err != nil {
		return nil, err
	}
	return c.apply(ctx, nil, ch)
}

// apply creates an identity and answers 201, or changes it and answers 200.
func (c *control) apply(ctx context.Context, o *ledger.Once, ch *settingsChange) (*answer[Identity], error) {
	return change[Identity](ctx, c, o, []string{ch.identity}, func(as []*ledger.Account, now time.Time) (outcome, error) {
		status := http.StatusOK
		if !as[0].Known {
			status = http.StatusCreated
		}
		if err := ch.check(as[0]); err != nil {
			return outcome{}, err
		}
		entry := ch.apply(as[0], now)
		return outcome{status, ch.shown(as[0]), []ledger.Entry{entry}}, nil
	})
}

type deleteInput struct {
	OfIdentity
	Dry
	Reasoned
}

func (c *control) delete(ctx context.Context, in *deleteInput) (*struct{}, error) {
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	_, err = changeKnown[Identity](ctx, c, nil, name, func(a *ledger.Account, _ time.Time) (outcome, error) {
		entry, err := forget(a, in.Reason)
		return outcome{http.StatusNoContent, nil, []ledger.Entry{entry}}, err
	})
	return nil, err
}

// forget deletes all of an account but its usage, and returns the entry for the audit trail.
func forget(a *ledger.Account, reason string) (ledger.Entry, error) {
	lost, err := json.Marshal(ledger.TotalsOf(a.State.Credits))
	a.Known, a.Settings = false, nil
	a.State.Credits, a.State.UnlimitedUntil = limit.Amounts{}, time.Time{}
	a.CreatedAt, a.UpdatedAt = time.Time{}, time.Time{}
	return ledger.Entry{Identity: a.Key.Identity, Action: ledger.ActionDeleteIdentity, Reason: reason, Detail: json.RawMessage(`{"credits":` + string(lost) + `}`)}, err
}

// account reads the account of a known identity.
func (c *control) account(ctx context.Context, id OfIdentity) (ledger.Account, error) {
	name, err := id.name()
	if err != nil {
		return ledger.Account{}, err
	}
	p := projectOf(ctx)
	a, err := c.Ledger.Account(ctx, ledger.Key{Project: p.Key, Identity: name}, p.Period, c.now())
	if err == nil && !a.Known {
		err = unknown(name)
	}
	return a, err
}

// show answers 200 with v.
func show[T any](v T) (*answer[T], error) {
	text, err := encode(v)
	return &answer[T]{http.StatusOK, stored[T]{text}}, err
}
