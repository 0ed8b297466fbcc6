package api

import (
	"cmp"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
)

// action is what an operation does to one account. It returns the entries for the audit trail.
type action func(a *ledger.Account, now time.Time) ([]ledger.Entry, error)

// actionNames are the actions that a call can ask for.
var actionNames = []string{"gift", "promo", "reset", "enable", "disable", "setTier", "delete"}

// actionOf returns what an operation does. The errors are about body.params.
func actionOf(p *project.Snapshot, name string, params json.RawMessage, reason string) (action, error) {
	do, err := readAction(p, name, params, reason)
	if ps, ok := errors.AsType[fieldProblems](err); ok {
		for i := range ps {
			ps[i].Location = "body.params" + strings.TrimPrefix(ps[i].Location, "body")
		}
		return nil, ps
	}
	return do, err
}

func readAction(p *project.Snapshot, name string, params json.RawMessage, reason string) (action, error) {
	if len(params) == 0 {
		params = json.RawMessage("{}")
	}
	switch name {
	case "gift":
		given, _, err := readGift(params)
		return creating(func(a *ledger.Account, now time.Time) (ledger.Entry, error) { return giveTo(a, given, reason, now) }), err
	case "promo":
		until, _, err := readPromo(params)
		return creating(func(a *ledger.Account, now time.Time) (ledger.Entry, error) { return promote(a, until, reason, now) }), err
	case "reset":
		tokens, requests, _, err := readReset(params)
		return creating(func(a *ledger.Account, now time.Time) (ledger.Entry, error) {
			_, entry, err := takeBack(a, requests, tokens, reason, now)
			return entry, err
		}), err
	case "delete":
		return deleteKnown(reason), readBody(params, document.Fields{})
	case "enable", "disable":
		return setting(p, json.RawMessage(`{"enabled": `+map[string]string{"enable": "true", "disable": "false"}[name]+`}`), reason, params)
	}
	var tier json.RawMessage
	err := readBody(params, document.Fields{"tier": func(_ string, v document.Value) error {
		tier = v.Raw()
		return nil
	}})
	if err == nil && tier == nil {
		err = wrong("body.tier", "is missing; null removes the tier")
	}
	if err != nil {
		return nil, err
	}
	return setting(p, json.RawMessage(`{"tier": `+string(tier)+`}`), reason, nil)
}

// creating makes an unknown identity known before it is changed, as the calls for one identity do.
func creating(do func(a *ledger.Account, now time.Time) (ledger.Entry, error)) action {
	return func(a *ledger.Account, now time.Time) (entries []ledger.Entry, err error) {
		if !a.Known {
			if err := checkNew(a.Key.Identity); err != nil {
				return nil, err
			}
			a.Known, a.CreatedAt = true, now
			entries = append(entries, ledger.Entry{Identity: a.Key.Identity, Action: ledger.ActionCreateIdentity})
		}
		entry, err := do(a, now)
		return append(entries, entry), err
	}
}

func deleteKnown(reason string) action {
	return func(a *ledger.Account, _ time.Time) ([]ledger.Entry, error) {
		if !a.Known {
			return nil, wrong("identity", "is unknown")
		}
		entry, err := forget(a, reason)
		return []ledger.Entry{entry}, err
	}
}

// setting changes settings, as PUT does. params must be empty.
func setting(p *project.Snapshot, body json.RawMessage, reason string, params json.RawMessage) (action, error) {
	if params != nil {
		if err := readBody(params, document.Fields{}); err != nil {
			return nil, err
		}
	}
	ch, err := readUpdate(p, "", body)
	if err != nil {
		return nil, err
	}
	return func(a *ledger.Account, now time.Time) ([]ledger.Entry, error) {
		one := *ch
		one.identity, one.at, one.reason = a.Key.Identity, "identity", reason
		if err := one.check(a); err != nil {
			return nil, err
		}
		return []ledger.Entry{one.apply(a, now)}, nil
	}, nil
}

// batch is a batch that can be applied: the accounts to change, and what to do with each.
type batch struct {
	names   []string
	actions []action
}

// readBatch reads the items of a batch: names, or for an import the fields of identities.
func readBatch(p *project.Snapshot, d operation.Definition, items []json.RawMessage) (b batch, failed []operation.Failure, err error) {
	var same action
	if d.Action != importAction {
		if same, err = actionOf(p, d.Action, d.Params, d.Reason); err != nil {
			return b, nil, err
		}
	}
	for _, item := range items {
		var name string
		do := same
		if d.Action == importAction {
			var ps fieldProblems
			if name, do, ps = readImported(p, item, d.Reason); len(ps) > 0 {
				failed = append(failed, operation.Failure{Identity: name, Message: ps.Error()})
				continue
			}
		} else if err := json.Unmarshal(item, &name); err != nil {
			return b, nil, err
		}
		b.names, b.actions = append(b.names, name), append(b.actions, do)
	}
	return b, failed, nil
}

// importAction is the action of operations that an import begins.
const importAction = operation.Import

// readImported reads an item of an import. Settings that are as they should be are left alone.
func readImported(p *project.Snapshot, item json.RawMessage, reason string) (name string, do action, ps fieldProblems) {
	ch, ps := readRow(p, item)
	ch.reason = cmp.Or(ch.reason, reason)
	return ch.identity, func(a *ledger.Account, now time.Time) ([]ledger.Entry, error) {
		if err := ch.check(a); err != nil {
			return nil, err
		}
		if !ch.changes(a) {
			return nil, nil
		}
		return []ledger.Entry{ch.apply(a, now)}, nil
	}, ps
}

// readRow reads the object that a row of an import has become.
func readRow(p *project.Snapshot, item json.RawMessage) (*settingsChange, fieldProblems) {
	v, err := document.Parse("row", item)
	if field, ok := errors.AsType[*document.FieldError](err); ok {
		return &settingsChange{}, fieldProblems{{field.Path, field.Problem}}
	}
	return readItem(p, "row", v)
}
