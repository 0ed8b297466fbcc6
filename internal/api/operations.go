package api

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

const (
	operationsPath = "/api/projects/{projectId}/operations"
	operationPath  = operationsPath + "/{operationId}"

	maxNamed = 10_000 // identities that a call names
	listSize = 10_000 // identities that are listed at a time
)

// operationRequest describes an operation to begin.
type operationRequest struct {
	_ struct{} `additionalProperties:"false"`

	Action   string           `json:"action" enum:"gift,promo,reset,enable,disable,setTier,delete" doc:"What to do to each identity, as the call for one identity does it."`
	Items    []string         `json:"items,omitempty" nullable:"true" maxItems:"10000" doc:"The identities. Give this or filter."`
	Filter   *operationFilter `json:"filter,omitempty" doc:"Chooses the identities as the parameters of the list do. {} is all of them."`
	Expected *int64           `json:"expected,omitempty" nullable:"true" minimum:"0" doc:"How many identities you expect; if there are more or fewer, nothing is done. Needed with filter: a call with dryRun=true answers the number."`
	Params   map[string]any   `json:"params,omitempty" nullable:"true" doc:"gift: tokens, requests, costUsd. promo: unlimitedUntil. reset: resetTokens, resetRequests. setTier: tier."`
	Reason   *string          `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the audit trail of each identity."`
}

// operationFilter are the parameters of the list of identities that choose some.
type operationFilter struct {
	_ struct{} `additionalProperties:"false"`

	Q       string `json:"q,omitempty" nullable:"true" maxLength:"512"`
	Match   string `json:"match,omitempty" nullable:"true" enum:"prefix,contains,exact"`
	Tier    string `json:"tier,omitempty" nullable:"true" maxLength:"64"`
	Enabled *bool  `json:"enabled,omitempty" nullable:"true"`
	Has     string `json:"has,omitempty" nullable:"true" enum:"override,credits,promo"`
}

// Started answers a call that begins an operation.
type Started struct {
	OperationID string `json:"operationId" doc:"Empty for a dry run."`
	Matched     int64  `json:"matched" doc:"How many identities it is about."`
}

// Operation is the progress of an operation.
type Operation struct {
	OperationID string              `json:"operationId"`
	Action      string              `json:"action" doc:"One of those of a call, or import."`
	State       operation.State     `json:"state" enum:"preparing,running,done,cancelled,interrupted" doc:"interrupted: the operation waited too long for its database. Changes that were applied stay."`
	Matched     int64               `json:"matched"`
	Applied     int64               `json:"applied" doc:"Each identity is changed once, also when a node stops in the middle."`
	Failed      int64               `json:"failed"`
	Problems    []operation.Failure `json:"problems" doc:"Some of those of the failed ones."`
	Reason      *string             `json:"reason"`
	CreatedAt   time.Time           `json:"createdAt"`
	UpdatedAt   time.Time           `json:"updatedAt"`
}

func shownOperation(o operation.Operation) Operation {
	shown := Operation{OperationID: o.ID, Action: o.Definition.Action, State: o.State, Matched: o.Matched, Applied: o.Applied, Failed: o.Failed,
		Problems: o.Problems, CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt}
	if o.Definition.Reason != "" {
		shown.Reason = &o.Definition.Reason
	}
	if shown.Problems == nil {
		shown.Problems = []operation.Failure{}
	}
	return shown
}

const (
	aStart      = `{"operationId": "op_7fTqLmXwBvN2sJc9KdYh3RzA", "matched": 1}`
	anOperation = `{"operationId": "op_7fTqLmXwBvN2sJc9KdYh3RzA", "action": "gift", "state": "done", "matched": 1, "applied": 1, "failed": 0, "problems": [], ` +
		`"reason": "The app was down", "createdAt": "2026-11-22T17:05:00Z", "updatedAt": "2026-11-22T17:05:01Z"}`
)

func (c *control) operations(doc huma.API) {
	tags := []string{identitiesTag}
	register(c, doc, accessChange, huma.Operation{
		OperationID: "startOperation", Method: http.MethodPost, Path: operationsPath, Tags: tags,
		Summary: "Change many identities in the background",
		Description: "The identities are chosen now and changed in batches of 500, each identity once. The answer of a dry run is 200. " +
			"A call that is repeated with its Idempotency-Key begins nothing new.",
		Responses: map[string]*huma.Response{"202": started(doc)},
	}, example{request: `{"action": "gift", "items": ["user-123"], "params": {"tokens": 10000}, "reason": "The app was down"}`, response: aStart},
		[]int{http.StatusConflict}, c.startOperation)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "getOperation", Method: http.MethodGet, Path: operationPath, Tags: tags, Summary: "Read the progress of an operation",
	}, example{response: anOperation}, []int{http.StatusNotFound}, c.getOperation)
	register(c, doc, accessChange, huma.Operation{
		OperationID: "cancelOperation", Method: http.MethodPost, Path: operationPath + "/cancel", Tags: tags, Summary: "Stop an operation",
		Description: "No further batch begins. Changes that were applied stay. An operation that has ended is not changed.",
	}, example{response: anOperation}, []int{http.StatusNotFound}, c.cancelOperation)
}

// started describes the answer of a call that has begun an operation.
func started(doc huma.API) *huma.Response {
	return &huma.Response{Description: "Accepted", Content: map[string]*huma.MediaType{jsonType: {
		Schema: stored[Started]{}.Schema(doc.OpenAPI().Components.Schemas), Example: json.RawMessage(aStart)}}}
}

type startInput struct {
	InProject
	Once
	Dry
	Body body[operationRequest]
}

// operationOrder is a checked operationRequest.
type operationOrder struct {
	action   string
	names    []string // without filter
	filter   *Filter
	expected *int64
	params   json.RawMessage
	reason   string
}

func (c *control) startOperation(ctx context.Context, in *startInput) (*answer[Started], error) {
	p := projectOf(ctx)
	o, err := readOrder(p, in.Body.data)
	if err != nil {
		return nil, err
	}
	if err := c.checkNamed(ctx, o.names); err != nil {
		return nil, err
	}
	each := c.named(o.names)
	if o.filter != nil {
		f, err := o.filter.find(p.Key, c.now())
		if err != nil {
			return nil, err
		}
		each = c.matching(f)
	}
	if !in.DryRun && o.filter != nil && o.expected == nil {
		return nil, wrong("body.expected", "is missing: with a filter give the number of identities that you expect; a call with dryRun=true answers it")
	}
	if in.DryRun {
		matched, err := countBatches(ctx, each)
		if err != nil {
			return nil, err
		}
		return show(Started{Matched: matched})
	}
	d := operation.Definition{Action: o.action, Params: o.params, Reason: o.reason}
	return c.start(ctx, in.of("operation", "", in.Body.data), d, each, o.expected)
}

// checkNamed refuses names that are not allowed today, unless an earlier version has made identities with them.
func (c *control) checkNamed(ctx context.Context, names []string) error {
	var odd []string
	for _, name := range names {
		if checkNew(name) != nil {
			odd = append(odd, name)
		}
	}
	if len(odd) == 0 {
		return nil
	}
	there, err := c.known(ctx, projectOf(ctx), odd, c.now())
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, a := range there {
		known[a.Key.Identity] = true
	}
	for _, name := range odd {
		if !known[name] {
			return checkNewAt(document.Index("body.items", slices.Index(names, name)), name)
		}
	}
	return nil
}

// batches calls do for each batch of items, until there is none.
type batches func(ctx context.Context, do func(items []json.RawMessage) error) error

func countBatches(ctx context.Context, each batches) (n int64, err error) {
	err = each(ctx, func(items []json.RawMessage) error {
		n += int64(len(items))
		return nil
	})
	return n, err
}

// named makes batches of names.
func (c *control) named(names []string) batches {
	return func(_ context.Context, do func(items []json.RawMessage) error) error {
		for part := range slices.Chunk(names, operation.BatchSize) {
			items := make([]json.RawMessage, len(part))
			for i, name := range part {
				text, err := encode(name)
				if err != nil {
					return err
				}
				items[i] = text
			}
			if err := do(items); err != nil {
				return err
			}
		}
		return nil
	}
}

// matching makes batches of the identities that a query finds, in the order of their names.
func (c *control) matching(f ledger.Find) batches {
	f.Limit, f.Uncounted = listSize, true
	return func(ctx context.Context, do func(items []json.RawMessage) error) error {
		for {
			found, err := c.Ledger.List(ctx, f)
			if err == nil {
				err = c.named(found.Names)(ctx, do)
			}
			if f.After = found.Next; err != nil || f.After == "" {
				return err
			}
		}
	}
}

// start stores an operation with its batches and lets it run.
func (c *control) start(ctx context.Context, once *ledger.Once, d operation.Definition, each batches, expected *int64) (*answer[Started], error) {
	p, by, now := projectOf(ctx), callOf(ctx), c.now()
	d.Actor, d.RequestID = by.caller.actor(), by.id
	o := operation.Operation{Project: p.Key, ID: secret.NewID("op_"), Definition: d, CreatedAt: now}
	if once != nil { // a repetition gets the same id, and finds the operation
		sum := sha256.Sum256([]byte(p.Key + "\x00" + once.Key))
		o.ID, o.Fingerprint = "op_"+strings.ToLower(base32.StdEncoding.EncodeToString(sum[:20])), once.Fingerprint
	}
	there, created, err := c.Operations.CreateOperation(ctx, o)
	switch {
	case err != nil:
		return nil, away(err)
	case !created && there.Fingerprint != o.Fingerprint:
		return nil, ledger.ErrReused
	case !created && there.State == operation.Preparing:
		return nil, fmt.Errorf("%w: the same call is being prepared", ledger.ErrUnavailable)
	case !created:
		return accepted(Started{there.ID, there.Matched})
	}
	matched, err := c.prepare(ctx, o, each)
	if err == nil && expected != nil && matched != *expected {
		err = refuse(http.StatusConflict, "count_changed", "The call is about %d identities, not %d as expected. Look at them again; "+
			"a call with dryRun=true answers their number.", matched, *expected)
	}
	if err == nil {
		err = away(c.Operations.StartOperation(ctx, o.Project, o.ID, matched, c.now()))
	}
	if err != nil {
		return nil, errors.Join(err, c.Operations.DropOperation(context.WithoutCancel(ctx), o.Project, o.ID))
	}
	if c.Runner != nil {
		c.Runner.Wake()
	}
	return accepted(Started{o.ID, matched})
}

// prepare stores the batches of an operation and returns how many items they have.
func (c *control) prepare(ctx context.Context, o operation.Operation, each batches) (matched int64, err error) {
	const together = 20 // batches in a transaction
	var waiting [][]json.RawMessage
	var n int64
	store := func() error {
		err := c.Operations.AddBatches(ctx, o.Project, o.ID, n, waiting)
		n += int64(len(waiting))
		waiting = nil
		return away(err)
	}
	err = each(ctx, func(items []json.RawMessage) error {
		matched += int64(len(items))
		if waiting = append(waiting, items); len(waiting) < together {
			return nil
		}
		return store()
	})
	if err == nil && len(waiting) > 0 {
		err = store()
	}
	return matched, err
}

// readOrder reads the body of a call that begins an operation.
func readOrder(p *project.Snapshot, data []byte) (o operationOrder, err error) {
	err = readBody(data, document.Fields{
		"action": func(_ string, v document.Value) error {
			if o.action = ""; v.Kind() == document.String {
				o.action = v.Text()
			}
			if !slices.Contains(actionNames, o.action) {
				return fmt.Errorf("must be one of %s", strings.Join(actionNames, ", "))
			}
			return nil
		},
		"items":    optional(func(_ string, v document.Value) error { return o.readNames(v) }),
		"filter":   optional(o.readFilter),
		"expected": optional(func(_ string, v document.Value) error { return readCount(&o.expected, v) }),
		"params": optional(func(_ string, v document.Value) error {
			o.params = v.Raw()
			return nil
		}),
		"reason": optional(text(&o.reason, maxReason)),
	})
	switch {
	case err != nil:
	case o.action == "":
		err = wrong("body.action", "is missing")
	case (o.names == nil) == (o.filter == nil):
		err = wrong("body", "needs items or filter, and not both")
	}
	if err == nil {
		_, err = actionOf(p, o.action, o.params, o.reason)
	}
	return o, err
}

// readNames reads the identities of an operation, each once.
func (o *operationOrder) readNames(v document.Value) error {
	if v.Kind() != document.Array {
		return fmt.Errorf("must be an array, not %s", v.Describe())
	}
	o.names = []string{}
	seen := map[string]bool{}
	count := 0
	for item := range v.Items() {
		if count++; count > maxNamed {
			return fmt.Errorf("has more than %d items; give a filter, import a file, or send several calls", maxNamed)
		}
		name, err := readName(item)
		if err != nil {
			return fmt.Errorf("item %d %w", count-1, err)
		}
		if !seen[name] {
			seen[name] = true
			o.names = append(o.names, name)
		}
	}
	if count == 0 {
		return errors.New("is empty")
	}
	return nil
}

// readFilter reads a filter as the list of identities reads its parameters.
func (o *operationOrder) readFilter(path string, v document.Value) error {
	f := &Filter{}
	o.filter = f
	oneOf := func(into *string, names ...string) document.Setter {
		return optional(func(_ string, v document.Value) error {
			if *into = ""; v.Kind() == document.String {
				*into = v.Text()
			}
			if !slices.Contains(names, *into) {
				return fmt.Errorf("must be one of %s", strings.Join(names, ", "))
			}
			return nil
		})
	}
	return document.Fields{
		"q": optional(func(_ string, v document.Value) error {
			if v.Kind() != document.String || len(v.Text()) > 512 {
				return errors.New("must be a string of at most 512 bytes")
			}
			f.Q = v.Text()
			return nil
		}),
		"match": oneOf(&f.Match, "prefix", "contains", "exact"),
		"tier":  optional(text(&f.Tier, project.MaxTier)),
		"enabled": optional(func(path string, v document.Value) error {
			var enabled bool
			err := document.Toggle(&enabled, true)(path, v)
			f.Enabled = map[bool]string{true: "true", false: "false"}[enabled]
			return err
		}),
		"has": oneOf(&f.Has, "override", "credits", "promo"),
	}.Set(path, v)
}

// readCount sets a whole number, 0 or more.
func readCount(into **int64, v document.Value) error {
	var n int64
	if string(v.Raw()) != "0" {
		if err := positive(&n)("", v); err != nil {
			return errors.New("must be a whole number, 0 or more")
		}
	}
	*into = &n
	return nil
}

// OfOperation are the parameters of a call about one operation.
type OfOperation struct {
	InProject
	ID string `path:"operationId" doc:"The operationId of the call that began it." example:"op_7fTqLmXwBvN2sJc9KdYh3RzA"`
}

type operationInput struct{ OfOperation }

func (c *control) getOperation(ctx context.Context, in *operationInput) (*answer[Operation], error) {
	o, err := c.Operations.Operation(ctx, projectOf(ctx).Key, in.ID)
	if err != nil {
		return nil, away(err)
	}
	return show(shownOperation(o))
}

type cancelInput struct{ OfOperation }

func (c *control) cancelOperation(ctx context.Context, in *cancelInput) (*answer[Operation], error) {
	o, err := c.Operations.EndOperation(c.causeOf(ctx, ""), projectOf(ctx).Key, in.ID, operation.Cancelled, c.now())
	if err != nil {
		return nil, away(err)
	}
	return show(shownOperation(o))
}
