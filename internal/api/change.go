package api

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// outcome is the answer to a change, with its entries for the audit trail.
type outcome struct {
	status int
	body   any
	audit  []ledger.Entry
}

// change applies a change to identities of the caller's project, all or none. apply gets their accounts in the order of
// names. It must be a pure function of them, because it may run more than once. If the client disconnects, a change that
// has begun is still completed, so that a repeated call finds it applied.
func change[T any](ctx context.Context, c *control, o *ledger.Once, names []string,
	apply func(accounts []*ledger.Account, now time.Time) (outcome, error)) (*answer[T], error) {
	p, now, by := projectOf(ctx), c.now(), callOf(ctx)
	keys := make([]ledger.Key, len(names))
	for i, name := range names {
		keys[i] = ledger.Key{Project: p.Key, Identity: name}
	}
	if by.dry {
		return try[T](ctx, c, keys, apply)
	}
	done, err := c.Ledger.Change(context.WithoutCancel(ctx), ledger.Change{
		Keys: keys, Period: p.Period, Now: now, Once: o,
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			out, err := apply(accounts, now)
			if err != nil {
				return ledger.Outcome{}, err
			}
			text, err := encode(out.body)
			for i := range out.audit {
				out.audit[i].Actor, out.audit[i].RequestID = by.caller.actor(), by.id
			}
			return ledger.Outcome{Status: out.status, Body: text, Audit: out.audit}, err
		},
	})
	if err != nil {
		return nil, err
	}
	return &answer[T]{done.Status, stored[T]{done.Body}}, nil
}

// errDry ends a change that is only tried.
var errDry = errors.New("a dry run changes nothing")

// try returns the answer that a change would get, and changes nothing.
func try[T any](ctx context.Context, c *control, keys []ledger.Key,
	apply func(accounts []*ledger.Account, now time.Time) (outcome, error)) (*answer[T], error) {
	p, now := projectOf(ctx), c.now()
	var out outcome
	_, err := c.Ledger.Change(ctx, ledger.Change{Keys: keys, Period: p.Period, Now: now,
		Apply: func(accounts []*ledger.Account) (_ ledger.Outcome, err error) {
			if out, err = apply(accounts, now); err == nil {
				err = errDry
			}
			return ledger.Outcome{}, err
		}})
	if !errors.Is(err, errDry) {
		return nil, err
	}
	text, err := encode(out.body)
	return &answer[T]{out.status, stored[T]{text}}, err
}

// changeOrCreate is change for one identity, which is created if it is unknown: a purchase may come before the identity's
// first request.
func changeOrCreate[T any](ctx context.Context, c *control, o *ledger.Once, name string,
	apply func(a *ledger.Account, now time.Time) (outcome, error)) (*answer[T], error) {
	return change[T](ctx, c, o, []string{name}, func(accounts []*ledger.Account, now time.Time) (outcome, error) {
		a := accounts[0]
		if a.Known {
			return apply(a, now)
		}
		if err := checkNew(name); err != nil {
			return outcome{}, err
		}
		a.Known, a.CreatedAt = true, now
		out, err := apply(a, now)
		out.audit = append([]ledger.Entry{{Identity: name, Action: ledger.ActionCreateIdentity}}, out.audit...)
		return out, err
	})
}

// changeKnown is change for one identity, which must be known.
func changeKnown[T any](ctx context.Context, c *control, o *ledger.Once, name string,
	apply func(a *ledger.Account, now time.Time) (outcome, error)) (*answer[T], error) {
	return change[T](ctx, c, o, []string{name}, func(accounts []*ledger.Account, now time.Time) (outcome, error) {
		if !accounts[0].Known {
			return outcome{}, unknown(name)
		}
		return apply(accounts[0], now)
	})
}

// of returns the ledger.Once of a request, or nil if it has no Idempotency-Key. The fingerprint covers the operation, the
// identity in the path and the body. Keys are separate for each project.
func (o Once) of(operation, identity string, body []byte) *ledger.Once {
	if o.Key == "" {
		return nil
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(operation), []byte(identity), body} {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	out := &ledger.Once{Key: o.Key}
	h.Sum(out.Fingerprint[:0])
	return out
}
