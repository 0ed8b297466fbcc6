// Package api is the control plane: JSON over HTTP below /api, described by the OpenAPI 3.1 document at
// /api/openapi.json, for the servers of a developer.
//
// What holds for every call:
//
//   - a secret key opens its own project and nothing else, and nothing of a request is read before it did
//   - a call changes what it lists and nothing more: a field that is unknown, there twice or in another letter case
//     refuses the whole call
//   - a change is one ledger.Change: atomic against running requests, and applied once where it has an Idempotency-Key
//   - an error is problem details (RFC 9457) that name the field; what is wrong on our side is logged and not shown
//   - no key, no name of an identity and nothing of a limit response or of metadata is logged
package api

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Ledger is what the control plane needs of a ledger.
type Ledger interface {
	Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error)
	Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error)
	List(ctx context.Context, f ledger.Find) (ledger.Found, error)
}

// Secrets finds the project that a secret key belongs to by the id in the key, or project.ErrNotFound.
type Secrets interface {
	ProjectBySecretID(ctx context.Context, id string) (project.Record, error)
}

// Options make the control plane. All but MaxBody and Bodies are required.
type Options struct {
	Ledger   Ledger
	Projects identity.Projects
	Secrets  Secrets
	Now      func() time.Time
	Log      *slog.Logger
	MaxBody  int64          // bytes of the call that sets many identities, where it is more than those of the others
	Bodies   *budget.Budget // memory for the bodies of all requests; nil: without end
}

// control is the control plane.
type control struct {
	Options
}

// New returns the handler of everything below /api. It looks at the path as it was sent (see router), so it must get
// requests before a ServeMux that would redirect odd spellings of it.
func New(o Options) http.Handler {
	rt, _ := build(o)
	return rt
}

// now is the time in the precision in which stores keep it, so that what is answered is what is read later.
func (c *control) now() time.Time { return inStore(c.Now()) }

func inStore(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
