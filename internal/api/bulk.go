package api

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// BulkIdentities answers a bulk call.
type BulkIdentities struct {
	Items []Identity `json:"items" doc:"The identities, in the order of the request."`
	Count int        `json:"count"`
}

// BulkResults answers a bulk call with mode=each.
type BulkResults struct {
	Results []BulkResult `json:"results" doc:"The results, in the order of the request."`
	Applied int          `json:"applied" doc:"How many items were applied."`
	Failed  int          `json:"failed" doc:"How many were not, because they are not valid."`
}

// BulkResult is the result of one item.
type BulkResult struct {
	Index    int            `json:"index" doc:"The place of the item in the request, from 0."`
	Identity string         `json:"identity" doc:"Empty if the item names none."`
	Status   int            `json:"status" doc:"201 if the identity is new, 200 if it was changed, 400 if the item is not valid." enum:"200,201,400"`
	Errors   []fieldProblem `json:"errors,omitempty" doc:"What is wrong with the item."`
}

// bulkAnswer is the schema of the bulk call's answers.
func bulkAnswer(doc huma.API) *huma.Schema {
	schemas := doc.OpenAPI().Components.Schemas
	return &huma.Schema{OneOf: []*huma.Schema{
		schemas.Schema(reflect.TypeFor[BulkIdentities](), true, ""), schemas.Schema(reflect.TypeFor[BulkResults](), true, "")}}
}

type setManyInput struct {
	InProject
	Once
	Dry
	Mode string `query:"mode" enum:"all,each" default:"all" doc:"all: all items or none. each: every item that is valid, one after the other; an identity may be there several times."`
	Body body[newIdentities]
}

func (c *control) setMany(ctx context.Context, in *setManyInput) (*answer[any], error) {
	if in.Mode == "each" {
		return c.setEach(ctx, in)
	}
	items, err := readMany(projectOf(ctx), in.Body.data)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(items))
	for i := range items {
		names[i] = items[i].change.identity
	}
	return change[any](ctx, c, in.of("setMany", "", in.Body.data), names, func(as []*ledger.Account, now time.Time) (outcome, error) {
		all, entries := BulkIdentities{Items: make([]Identity, len(as)), Count: len(as)}, make([]ledger.Entry, len(as))
		var wrong fieldProblems
		for i, a := range as {
			ch := items[i].change
			wrong = append(wrong, problemsOf(ch.check(a))...)
			entries[i] = ch.apply(a, now)
			all.Items[i] = ch.shown(a)
		}
		if len(wrong) > 0 {
			return outcome{}, wrong[:min(len(wrong), maxProblems)]
		}
		return outcome{http.StatusOK, all, entries}, nil
	})
}

// setEach applies the valid items in one change of the ledger: they need not wait for each other, and either all of them are
// kept, or the call fails.
func (c *control) setEach(ctx context.Context, in *setManyInput) (*answer[any], error) {
	items, err := readItems(projectOf(ctx), in.Body.data)
	if err != nil {
		return nil, err
	}
	var names []string
	place := map[string]int{} // of a name in names
	for i := range items {
		name := items[i].change.identity
		if _, there := place[name]; !there && len(items[i].problems) == 0 {
			place[name] = len(names)
			names = append(names, name)
		}
	}
	apply := func(as []*ledger.Account, now time.Time) (outcome, error) {
		all := BulkResults{Results: make([]BulkResult, len(items))}
		var entries []ledger.Entry
		for i, it := range items {
			r := BulkResult{Index: i, Identity: it.change.identity, Status: http.StatusBadRequest, Errors: it.problems}
			if len(r.Errors) == 0 {
				a := as[place[it.change.identity]]
				if r.Errors = problemsOf(it.change.check(a)); len(r.Errors) == 0 {
					r.Status = http.StatusOK
					if !a.Known {
						r.Status = http.StatusCreated
					}
					entries = append(entries, it.change.apply(a, now))
					all.Applied++
				}
			}
			all.Results[i] = r
		}
		all.Failed = len(items) - all.Applied
		return outcome{http.StatusOK, all, entries}, nil
	}
	if len(names) == 0 {
		out, err := apply(nil, c.now())
		if err != nil {
			return nil, err
		}
		return show[any](out.body)
	}
	return change[any](ctx, c, in.of("setEach", "", in.Body.data), names, apply)
}

// problemsOf returns the problems of an error that is fieldProblems or nil.
func problemsOf(err error) fieldProblems {
	ps, _ := errors.AsType[fieldProblems](err)
	return slices.Clone(ps)
}
