package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/proxy"
	"github.com/airatelimit/airatelimit/internal/secret"
)

const accountsTag = "accounts"

// Meta is what a page needs to know before anybody has signed in.
type Meta struct {
	Version  string `json:"version"`
	Signup   string `json:"signup" enum:"open,first,closed" doc:"Who may get an account by a mail: anybody, the first and then who is invited, or nobody."`
	FirstRun bool   `json:"firstRun" doc:"Nobody has an account yet."`
	Mail     string `json:"mail" enum:"resend,smtp,log,none" doc:"How links are sent. log: they are in the server's log. none: an operator makes them, with airatelimit login-link."`
}

// Person is a user, as others see it.
type Person struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	CreatedAt time.Time `json:"createdAt"`
}

func personOf(u account.User) Person { return Person{u.ID, u.Email, u.CreatedAt} }

// SignedUp answers the setup.
type SignedUp struct {
	User Person `json:"user"`
}

// Asked answers a request to sign in.
type Asked struct {
	RequestID   string    `json:"requestId" doc:"Goes with the code of the mail."`
	ExpiresAt   time.Time `json:"expiresAt" doc:"The end of the link and of the code."`
	ResendAfter int       `json:"resendAfter" doc:"The seconds after which a page should offer to ask again."`
}

// SignedIn answers a proof.
type SignedIn struct {
	User Person `json:"user"`
	Next string `json:"next" doc:"The page that was asked for, else /."`
}

type setupRequest struct {
	_ struct{} `additionalProperties:"false"`

	Token string `json:"token" doc:"The token in the link that the server printed at its start."`
	Email string `json:"email" maxLength:"254" doc:"The mail address of the account."`
}

type askRequest struct {
	_ struct{} `additionalProperties:"false"`

	Email string  `json:"email" maxLength:"254" doc:"The mail address of the account."`
	Next  *string `json:"next,omitempty" nullable:"true" maxLength:"512" doc:"The page to go to afterwards: a path of this site." example:"/p/pk_7fTqLmXwBvN2sJc9KdYh3RzA/limits"`
}

type proofRequest struct {
	_ struct{} `additionalProperties:"false"`

	Token     *string `json:"token,omitempty" nullable:"true" doc:"The token of the link."`
	Email     *string `json:"email,omitempty" nullable:"true" maxLength:"254" doc:"The address that the mail went to. Needed with token in any browser but the one that asked."`
	RequestID *string `json:"requestId,omitempty" nullable:"true" doc:"The request that the code belongs to."`
	Code      *string `json:"code,omitempty" nullable:"true" doc:"The six digits of the mail. They are good only in the browser that asked." example:"418 207"`
}

// Examples of the document.
const (
	aPerson = `{"id": "us_4fTqLmXwBvN2sJc9", "email": "ann@example.com", "createdAt": "2026-11-30T14:20:00Z"}`
	aToken  = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
)

func (c *control) signIn(doc huma.API) {
	tags := []string{accountsTag}
	register(c, doc, accessOpen, huma.Operation{
		OperationID: "getMeta", Method: http.MethodGet, Path: "/api/meta", Tags: tags, Summary: "Read what a page needs before sign-in",
	}, example{response: `{"version": "1.0.0", "signup": "first", "firstRun": false, "mail": "smtp"}`}, nil, c.meta)

	register(c, doc, accessOpen, huma.Operation{
		OperationID: "setUp", Method: http.MethodPost, Path: "/api/auth/setup", Tags: tags, Summary: "Make the first account",
		Description: "While nobody has an account, the server prints a link at its start. Its token works once, for 30 minutes. " +
			"The account becomes the owner of all projects without a member. The answer sets a session's cookie.",
	}, example{`{"token": "` + aToken + `", "email": "ann@example.com"}`, `{"user": ` + aPerson + `}`},
		[]int{http.StatusUnauthorized, http.StatusConflict, http.StatusTooManyRequests}, c.setUp)

	register(c, doc, accessOpen, huma.Operation{
		OperationID: "requestMagicLink", Method: http.MethodPost, Path: "/api/auth/magic-link/request", Tags: tags, Summary: "Ask for a mail to sign in",
		Description:   "The answer is the same whether or not the address has an account. One mail has a link and a code, which both end after 15 minutes. An address may ask three times in 15 minutes.",
		DefaultStatus: http.StatusAccepted,
		Responses: map[string]*huma.Response{"202": success[Asked](doc, "Accepted",
			`{"requestId": "si_4fTqLmXwBvN2sJc9", "expiresAt": "2026-11-30T14:35:00Z", "resendAfter": 60}`)},
	}, example{request: `{"email": "ann@example.com", "next": "/projects"}`}, []int{http.StatusTooManyRequests}, c.ask)

	register(c, doc, accessOpen, huma.Operation{
		OperationID: "verifyMagicLink", Method: http.MethodPost, Path: "/api/auth/magic-link/verify", Tags: tags, Summary: "Sign in with a link's token or a code",
		Description: "Send token, or requestId and code. Each works once. The code is good only in the browser that asked, and for five tries. " +
			"The token also needs email in any other browser. The answer sets a session's cookie.",
	}, example{`{"token": "` + aToken + `", "email": "ann@example.com"}`, `{"user": ` + aPerson + `, "next": "/projects"}`},
		[]int{http.StatusUnauthorized, http.StatusTooManyRequests}, c.verify)
}

// success describes an answer that is not 200.
func success[T any](doc huma.API, description, text string) *huma.Response {
	return &huma.Response{Description: description, Content: map[string]*huma.MediaType{jsonType: {
		Schema: stored[T]{}.Schema(doc.OpenAPI().Components.Schemas), Example: json.RawMessage(text)}}}
}

func (c *control) meta(ctx context.Context, _ *struct{}) (*answer[Meta], error) {
	some, err := c.Accounts.HasUsers(ctx)
	if err != nil {
		return nil, away(err)
	}
	return show(Meta{Version: c.Version, Signup: string(c.Signup), FirstRun: !some, Mail: c.Mail.Kind()})
}

type setupInput struct{ Body body[setupRequest] }

func (c *control) setUp(ctx context.Context, in *setupInput) (*answer[SignedUp], error) {
	var token, email string
	if err := readBody(in.Body.data, document.Fields{"token": aTokenIn(&token), "email": addressIn(&email)}); err != nil {
		return nil, err
	}
	if err := needed("token", token, "email", email); err != nil {
		return nil, err
	}
	if err := c.tryProof(ctx); err != nil {
		return nil, err
	}
	cookie, session := c.newSession(ctx)
	got, err := c.Accounts.SetUp(ctx, secret.Hash(token), email, session, c.now())
	if err != nil {
		return nil, away(err)
	}
	c.open(ctx, cookie)
	return show(SignedUp{personOf(got.Session.User)})
}

type askInput struct{ Body body[askRequest] }

// ask does the same for every address. Whether there is an account is looked up later, where no caller waits.
func (c *control) ask(ctx context.Context, in *askInput) (*answer[Asked], error) {
	var email, next string
	if err := readBody(in.Body.data, document.Fields{"email": addressIn(&email), "next": optional(pageIn(&next))}); err != nil {
		return nil, err
	}
	if err := needed("email", email); err != nil {
		return nil, err
	}
	r, now := callOf(ctx).request, c.now()
	browser, token, code := c.browserOf(r), secret.NewToken(), account.NewCode()
	if browser == "" {
		browser = secret.NewToken()
	}
	a := account.Ask{ID: secret.NewID("si_"), Kind: account.ByMail, Email: email, Next: next, Block: proxy.Block(c.clientOf(r)),
		Token: secret.Hash(token), Browser: secret.Hash(browser), Expires: now.Add(account.LinkTime)}
	a.Code = account.HashCode(c.Pepper, a.ID, code)
	if err := c.Accounts.AskSignIn(ctx, a, now); err != nil {
		return nil, away(err)
	}
	m := mail.SignIn{Request: a.ID, To: email, Base: c.base(r), Token: token, Code: code, Device: account.Device(r.UserAgent()), Asked: now, Expires: a.Expires}
	posted := c.Mail.Post(func(ctx context.Context) (mail.Message, bool, error) {
		may, err := c.Accounts.MaySignIn(ctx, email, c.Signup, now)
		return m.Message(), may, err
	})
	if !posted {
		return nil, tooManyMails()
	}
	callOf(ctx).setCookie(c.cookie(c.cookieName()+browserSuffix, browser, int(account.LinkTime.Seconds())))
	return accepted(Asked{a.ID, a.Expires, int(account.ResendAfter.Seconds())})
}

// accepted answers 202 with v.
func accepted[T any](v T) (*answer[T], error) {
	text, err := encode(v)
	return &answer[T]{http.StatusAccepted, stored[T]{text}}, err
}

type verifyInput struct{ Body body[proofRequest] }

func (c *control) verify(ctx context.Context, in *verifyInput) (*answer[SignedIn], error) {
	p, err := readProof(in.Body.data)
	if err != nil {
		return nil, err
	}
	if err := c.tryProof(ctx); err != nil {
		return nil, err
	}
	var browser [32]byte // the zero value is nobody's
	if cookie := c.browserOf(callOf(ctx).request); cookie != "" {
		browser = secret.Hash(cookie)
	}
	cookie, session := c.newSession(ctx)
	var got account.SignedIn
	if p.token != "" {
		got, err = c.Accounts.SignInByLink(ctx, account.Proof{Token: secret.Hash(p.token), Browser: browser, Email: p.email}, c.Signup, session, c.now())
	} else {
		guess := account.Guess{Request: p.request, Code: account.HashCode(c.Pepper, p.request, p.code), Browser: browser}
		got, err = c.Accounts.SignInByCode(ctx, guess, c.Signup, session, c.now())
	}
	if err != nil {
		return nil, away(err)
	}
	c.open(ctx, cookie)
	next := got.Next
	if next == "" {
		next = "/"
	}
	return show(SignedIn{personOf(got.Session.User), next})
}

// proof is a link's token, or a code.
type proof struct{ token, email, request, code string }

func readProof(data []byte) (p proof, err error) {
	err = readBody(data, document.Fields{
		"token": optional(aTokenIn(&p.token)), "email": optional(addressIn(&p.email)),
		"requestId": optional(text(&p.request, 64)), "code": optional(codeIn(&p.code)),
	})
	switch byLink, byCode := p.token != "", p.request != "" && p.code != ""; {
	case err != nil:
		return p, err
	case byLink == byCode, byLink && p.request+p.code != "":
		return p, wrong("body", "must have token, or requestId and code")
	}
	return p, nil
}

// tryProof bounds how often a client may try to sign in.
func (c *control) tryProof(ctx context.Context) error {
	return c.proofs.refuse(proxy.Block(c.clientOf(callOf(ctx).request)), c.now())
}

// newSession draws the value of a session's cookie.
func (c *control) newSession(ctx context.Context) (cookie string, s account.NewSession) {
	r := callOf(ctx).request
	cookie = secret.NewToken()
	return cookie, account.NewSession{Token: secret.Hash(cookie), IP: c.clientOf(r).String(), Agent: agentOf(r)}
}

// maxAgent is how many bytes of a User-Agent are kept.
const maxAgent = 256

// agentOf returns the browser's User-Agent, without what cannot be printed.
func agentOf(r *http.Request) string {
	agent := strings.Map(func(c rune) rune {
		if c > unicode.MaxASCII || !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, r.UserAgent())
	return agent[:min(len(agent), maxAgent)]
}

// open gives the caller its new session, in place of the one that it may have had.
func (c *control) open(ctx context.Context, cookie string) {
	current := callOf(ctx)
	if old := current.caller; old.kind == callerSession {
		if err := c.Accounts.EndSession(ctx, old.session.User.ID, old.session.ID); err != nil && !errors.Is(err, account.ErrNotFound) {
			c.logFailure(ctx, slog.LevelWarn, "former session not ended", err)
		}
	}
	current.setCookie(c.cookie(c.cookieName(), cookie, int(account.SessionTime.Seconds())))
}

// accountProblem turns an error of package account into the answer, or returns nil.
func accountProblem(err error) *problem {
	var (
		code account.CodeWrong
		many account.TooMany
	)
	switch {
	case errors.As(err, &code):
		p := refuse(http.StatusUnauthorized, "code_wrong", "The code is not the one of the mail, or was typed in another browser than the one that asked. Tries left: %d. Without any, use the link.", code.TriesLeft)
		p.TriesLeft = &code.TriesLeft
		return p
	case errors.As(err, &many):
		return tooMany(many.RetryAfter)
	case errors.Is(err, account.ErrLinkUsed):
		return refuse(http.StatusUnauthorized, "link_used", "The link or the code was used, or a later one was asked for. Ask for a new one.")
	case errors.Is(err, account.ErrLinkExpired), errors.Is(err, account.ErrClosed):
		return refuse(http.StatusUnauthorized, "link_expired", "The link or the code has ended. Ask for a new one.")
	case errors.Is(err, account.ErrOtherBrowser):
		return refuse(http.StatusUnauthorized, "address_needed", "The link was asked for in another browser. Send the address that the mail went to as email, too.")
	case errors.Is(err, account.ErrAlreadySetUp):
		return refuse(http.StatusConflict, "already_set_up", "There is an account already. Sign in by mail, or ask an operator for a link: airatelimit login-link.")
	case errors.Is(err, account.ErrTooManyProjects):
		return refuse(http.StatusConflict, "too_many_projects", "You own %d projects, as many as one account may have. Delete one first, or make another account an owner of some.", account.MaxProjects)
	}
	return nil
}

// base is the address of this server for links in mails. Without PUBLIC_URL it is that of the request, but never in
// production: whoever sends the request chooses its Host.
func (c *control) base(r *http.Request) string {
	if c.PublicURL != "" || c.Production {
		return c.PublicURL
	}
	if !hostInURL.MatchString(r.Host) {
		return "http://localhost"
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

var hostInURL = regexp.MustCompile(`^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:[0-9]{1,5})?$`)

// addressIn sets a mail address, in the form in which it is kept.
func addressIn(into *string) document.Setter {
	return func(_ string, v document.Value) (err error) {
		if v.Kind() != document.String {
			return fmt.Errorf("must be a string, not %s", v.Describe())
		}
		address, ok := account.Address(v.Text())
		if !ok {
			return errors.New("must be a mail address, such as ann@example.com")
		}
		*into = address
		return nil
	}
}

// aTokenIn sets a token. Another text is no error of the field: it opens nothing, as an old token does.
func aTokenIn(into *string) document.Setter {
	return func(path string, v document.Value) error {
		if err := text(into, 256)(path, v); err != nil {
			return err
		}
		if *into == "" {
			return errors.New("must not be empty")
		}
		return nil
	}
}

// codeIn sets six digits, which people type with spaces.
func codeIn(into *string) document.Setter {
	return func(path string, v document.Value) error {
		var typed string
		if err := text(&typed, 32)(path, v); err != nil {
			return err
		}
		typed = strings.NewReplacer(" ", "", "-", "").Replace(typed)
		if !sixDigits.MatchString(typed) {
			return errors.New("must be the six digits of the mail")
		}
		*into = typed
		return nil
	}
}

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// pageIn sets the path of a page of this site. A browser takes // and /\ for the beginning of another site's address.
func pageIn(into *string) document.Setter {
	return func(path string, v document.Value) error {
		var page string
		if err := text(&page, 512)(path, v); err != nil {
			return err
		}
		if !strings.HasPrefix(page, "/") || strings.HasPrefix(page, "//") || strings.Contains(page, `\`) || !identity.Printable(page) {
			return errors.New("must be a path of this site, such as /projects")
		}
		*into = page
		return nil
	}
}

// needed refuses a body without one of the fields, which are given as name, value pairs.
func needed(fields ...string) error {
	var ps fieldProblems
	for i := 0; i < len(fields); i += 2 {
		if fields[i+1] == "" {
			ps = append(ps, fieldProblem{"body." + fields[i], "is missing"})
		}
	}
	if len(ps) > 0 {
		return ps
	}
	return nil
}
