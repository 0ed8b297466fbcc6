// Package api is the control plane: JSON over HTTP below /api, described by the OpenAPI 3.1 document at
// /api/openapi.json, for the servers of a developer and for people who have signed in.
//
// Invariants of every call:
//
//   - Every operation declares who may call it (see access). The body is read after the caller was checked.
//   - A secret key opens its own project only. A session opens the projects that its user is a member of; for others they
//     do not exist.
//   - A call changes only the fields that it lists. An unknown field, a duplicate field or a wrong letter case refuses
//     the whole call.
//   - A change is one ledger.Change: atomic against running requests, and applied once if it has an Idempotency-Key.
//   - An error is problem details (RFC 9457) that name the field. Internal errors are logged and not shown.
//   - No key, no name of an identity, and nothing of a limit response or of metadata is logged.
package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/budget"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/proxy"
)

// Ledger is the part of a ledger that the control plane uses.
type Ledger interface {
	Account(ctx context.Context, key ledger.Key, period limit.Period, now time.Time) (ledger.Account, error)
	Accounts(ctx context.Context, keys []ledger.Key, period limit.Period, now time.Time) ([]ledger.Account, error)
	Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error)
	History(ctx context.Context, s ledger.Span) ([]ledger.Bucket, error)
	List(ctx context.Context, f ledger.Find) (ledger.Found, error)
}

// Secrets finds a project by the id in its secret key, or returns project.ErrNotFound.
type Secrets interface {
	ProjectBySecretID(ctx context.Context, id string) (project.Record, error)
}

// Options make the control plane. All up to Log, and those of accounts, are required by the calls that use them.
type Options struct {
	Ledger   Ledger
	Projects identity.Projects
	Secrets  Secrets
	Accounts Accounts
	Prompts  Prompts
	// Transport makes the test calls of providers' keys. It must not follow redirects.
	Transport  http.RoundTripper
	Records    Records
	Today      Today
	Reports    Reports
	Live       *live.Hub
	Operations Operations
	Runner     *Runner // runs the operations; nil if another process does
	Now        func() time.Time
	Log        *slog.Logger
	MaxBody    int64          // bytes of the bodies of the bulk call and of imports, if more than that of other calls
	Bodies     *budget.Budget // memory for the bodies of all requests; nil is unlimited
	DocsURL    string         // where the folder docs is published, for errors to refer to; "" is nowhere

	Draining func() bool // reports whether the server stops: streams then end; nil is never

	Version    string
	Signup     account.Signup
	Mail       *mail.Queue
	Pepper     []byte        // keeps the hashes of sign-in codes from being tried out; the same on every node
	PublicURL  string        // this server's address for links in mails; "" is that of the request, but not in production
	Production bool          //
	HTTPS      bool          // browsers reach the server by HTTPS
	Origins    []string      // further origins whose pages may use the control plane with a session
	Proxies    proxy.Trusted // whose X-Forwarded-For is believed

	Prices *project.PriceBook // the operator's prices, for warnings; nil is none
}

// control is the control plane.
type control struct {
	Options
	origins     *http.CrossOriginProtection
	calls       *throttle // of a user
	proofs      *throttle // tries to sign in of a block of addresses
	invitations *throttle // mails that a user may have sent to others
}

// newControl returns the control plane without its operations. An origin that is none stops the program: the
// configuration has checked them.
func newControl(o Options) *control {
	c := &control{Options: o, origins: http.NewCrossOriginProtection(),
		calls: newThrottle(time.Second/20, 100), proofs: newThrottle(2*time.Second, 60), invitations: newThrottle(3*time.Minute, 20)}
	for _, origin := range o.Origins {
		if err := c.origins.AddTrustedOrigin(origin); err != nil {
			panic("api: " + err.Error())
		}
	}
	return c
}

// clientOf returns the address of the client.
func (c *control) clientOf(r *http.Request) netip.Addr { return c.Proxies.Client(r) }

// New returns the handler of everything below /api. It routes on the path as it was sent (see router), so it must not be
// behind a ServeMux, which would redirect unusual spellings of the path.
func New(o Options) http.Handler {
	rt, _ := build(o)
	return rt
}

// now is the time in stored precision, so that an answer equals a later read.
func (c *control) now() time.Time { return inStore(c.Now()) }

func inStore(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
