package api

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/proxy"
	"github.com/airatelimit/airatelimit/internal/secret"
)

func TestOnlyTheProjectsOwnSecretKeyOpensIt(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	other, otherKey := f.create(`{}`)
	if err := f.catalog.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	strange, _, _ := secret.NewSecretKey()
	tampered := f.key[:len(f.key)-1] + string('a'+('z'-f.key[len(f.key)-1])%2)
	if tampered == f.key {
		tampered = f.key[:len(f.key)-1] + "Q"
	}
	var first []byte
	for name, headers := range map[string][]string{
		"none": nil, "empty": {""}, "no scheme": {f.key}, "another scheme": {"Basic " + f.key}, "project key": {"Bearer " + f.project},
		"unknown": {"Bearer " + strange}, "wrong": {"Bearer " + tampered}, "cut": {"Bearer " + f.key[:20]}, "malformed": {"Bearer sk_ü"},
		"two": {"Bearer " + f.key, "Bearer " + otherKey}, "space inside": {"Bearer sk_ " + f.key[3:]},
	} {
		for _, path := range []string{"/api/projects/" + f.project + "/identities", "/api/projects/pk_nobody/identities/u/gift"} {
			method := map[bool]string{true: "POST", false: "GET"}[strings.HasSuffix(path, "gift")]
			r := httptest.NewRequest(method, path, strings.NewReader("not read"))
			r.Header["Authorization"] = headers
			got := do(t, f.handler, r)
			got.problem(http.StatusUnauthorized)
			if got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", name)
			}
			if first == nil {
				first = got.body
			}
			if !bytes.Equal(first, got.body) {
				t.Errorf("%s: %s, want the same as for the others: %s", name, got.body, first)
			}
		}
	}
	forbidden := f.send("GET", "/api/projects/"+other+"/identities", "")
	forbidden.problem(http.StatusForbidden)
	missing := f.send("GET", "/api/projects/pk_nobody/identities", "")
	missing.problem(http.StatusForbidden)
	if !bytes.Equal(forbidden.body, missing.body) {
		t.Errorf("another project: %s; none: %s; want no difference", forbidden.body, missing.body)
	}
	f.send("GET", "", "", "Authorization", "bearer  "+f.key).want(200)
	if log := f.log.String(); strings.Contains(log, f.key[3:]) || strings.Contains(log, tampered) {
		t.Errorf("a key is in the log:\n%s", log)
	}
}

func TestARegeneratedKeyReplacesTheOldOneAtOnce(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("GET", "", "").want(200)
	fresh, _, err := f.store.RegenerateSecret(t.Context(), f.project, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.send("GET", "", "").problem(401)
	f.key = fresh
	f.send("GET", "", "").want(200)
	if err := f.store.DeleteProject(t.Context(), f.project); err != nil {
		t.Fatal(err)
	}
	f.send("GET", "", "").problem(401)
}

func TestAReplacedKeyWorksUntilItsGraceIsOver(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	old := f.key
	cause := ledger.Cause{By: ledger.Actor{Kind: ledger.CLI}, At: f.clock()}
	fresh, _, err := f.store.RegenerateSecret(ledger.WithCause(t.Context(), cause), f.project, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	f.key = fresh
	f.send("GET", "", "").want(200)
	f.key = old
	f.send("GET", "", "").want(200)
	f.send("GET", "", "", "Authorization", "Bearer "+old[:len(old)-1]+"_").problem(401)
	f.travel(time.Minute)
	f.send("GET", "", "").problem(401)
	f.key = fresh
	f.send("GET", "", "").want(200)
}

// operations are all operations of the control plane, by "METHOD /path".
func operations(doc huma.API) map[string]*huma.Operation {
	all := map[string]*huma.Operation{}
	for path, item := range controlPaths(doc) {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "PUT": item.Put, "DELETE": item.Delete, "PATCH": item.Patch} {
			if op != nil {
				all[method+" "+path] = op
			}
		}
	}
	return all
}

// Every operation, called by every kind of caller, lets in exactly those whom its access names.
func TestEveryOperationKnowsItsCallers(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	f := setup(t, someProject)
	ended := f.signIn("owner@example.com", account.Owner)
	f.travel(account.SessionTime)
	person := func(cookie string) []string { return []string{"Authorization", "", "Cookie", cookie} }
	callers := map[string][]string{
		"nobody": {"Authorization", ""}, "a key": nil, "a wrong key": {"Authorization", "Bearer sk_x"},
		"a stranger": person(f.signIn("stranger@example.com", "")), "a viewer": person(f.signIn("viewer@example.com", account.Viewer)),
		"an admin": person(f.signIn("admin@example.com", account.Admin)), "an owner": person(f.signIn("owner@example.com", account.Owner)),
		"a made-up cookie": person(plainCookie + "=" + secret.NewToken()), "an ended session": person(ended),
	}
	const keyless, sessionless, notByKey, hidden, small = "401 invalid_secret_key", "401 not_signed_in", "403 session_required", "404 unknown_project", "403 role_too_small"
	refusals := map[access]map[string]string{ // all others are let in
		accessOpen:     {},
		accessSignedIn: {"nobody": sessionless, "a key": notByKey, "a wrong key": notByKey},
		accessMember:   {"nobody": sessionless, "a key": notByKey, "a wrong key": notByKey, "a stranger": hidden},
		accessRead:     {"nobody": keyless, "a wrong key": keyless, "a stranger": hidden},
		accessChange:   {"nobody": keyless, "a wrong key": keyless, "a stranger": hidden, "a viewer": small},
		accessOwner:    {"nobody": sessionless, "a key": notByKey, "a wrong key": notByKey, "a stranger": hidden, "a viewer": small, "an admin": small},
	}
	for pattern, op := range operations(doc) {
		a, ok := op.Metadata[accessKey].(access)
		if !ok || refusals[a] == nil {
			t.Errorf("%s declares no access", pattern)
		}
		method, path, _ := strings.Cut(pattern, " ")
		if (a.role() != "") != strings.Contains(path, "{projectId}") {
			t.Errorf("%s needs the role %q", pattern, a.role())
		}
		at := wildcards.ReplaceAllString(strings.ReplaceAll(path, "{projectId}", f.project), "x")
		for name, headers := range callers {
			// Every call is wrong in a way that is found after the caller was let in, so that none changes anything.
			r := f.send(method, at, "", append([]string{"Idempotency-Key", " "}, headers...)...)
			want := refusals[a][name]
			if want == "" && a != accessOpen && (name == "a made-up cookie" || name == "an ended session") {
				want = sessionless
			}
			want = cmp.Or(want, "400 invalid_request")
			if got := fmt.Sprint(r.status, " ", decode[problem](r).Code); got != want {
				t.Errorf("%s by %s: %s, want %s", pattern, name, got, want)
			}
		}
	}
}

func TestAnOperationWithoutAccessCannotBeMounted(t *testing.T) {
	t.Parallel()
	rt, doc := build(Options{})
	defer func() {
		if recover() == nil {
			t.Error("an operation was mounted that does not say who may call it")
		}
	}()
	huma.Register(doc, huma.Operation{OperationID: "x", Method: "GET", Path: "/api/x"}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	_ = rt
}

// A session sees its own user's projects, and of others not even whether they exist.
func TestForStrangersAProjectDoesNotExist(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	other, _ := f.create(`{}`)
	ann := f.signIn("ann@example.com", account.Owner)
	f.as(ann, "GET", "", "").want(200)
	hidden := f.as(ann, "GET", "/api/projects/"+other+"/identities", "")
	hidden.problem(404)
	missing := f.as(ann, "GET", "/api/projects/pk_nobody/identities", "")
	missing.problem(404)
	if !bytes.Equal(hidden.body, missing.body) {
		t.Errorf("another's project: %s; none: %s; want no difference", hidden.body, missing.body)
	}
	if err := f.store.DeleteProject(t.Context(), f.project); err != nil {
		t.Fatal(err)
	}
	if deleted := f.as(ann, "GET", "", ""); !bytes.Equal(deleted.body, missing.body) {
		t.Errorf("a deleted project: %s; none: %s; want no difference", deleted.body, missing.body)
	}
}

func TestASecretKeyBeatsACookie(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("GET", "", "", "Cookie", f.signIn("ann@example.com", "")).want(200)
	f.send("GET", "", "", "Cookie", f.signIn("ann@example.com", account.Owner), "Authorization", "Bearer sk_x").problem(401)
}

// A page of another site can make a browser send a call with the session's cookie. It must change nothing.
func TestOtherSitesCannotUseASession(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	const body = `{"identity": "u"}`
	for name, headers := range map[string][]string{
		"CrossSite": {"Sec-Fetch-Site", "cross-site"}, "SameSite": {"Sec-Fetch-Site", "same-site"},
		"OldBrowser": {"Origin", "https://evil.example"}, "OpaqueOrigin": {"Origin", "null"},
	} {
		if p := f.as(ann, "POST", "", body, headers...).problem(403); p.Code != "cross_origin" {
			t.Errorf("%s: %s", name, p.Code)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		f.as(ann, "POST", "", body, "Content-Type", kind).problem(415)
	}
	f.send("GET", "/u", "").problem(404)
	f.as(ann, "POST", "", body, "Sec-Fetch-Site", "same-origin").want(201)
	f.as(ann, "POST", "", body, "Origin", "http://example.com").want(200) // the host of the test's requests
	f.as(ann, "GET", "/u", "", "Sec-Fetch-Site", "cross-site").want(200)  // it reads, and the page cannot see it
	f.send("POST", "", body, "Content-Type", "").want(200)                // a server, as before
	f.send("POST", "", body, "Sec-Fetch-Site", "cross-site").want(200)    // no browser adds a secret key by itself
}

func TestPagesOfFurtherOriginsMayUseASession(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	o := f.options()
	o.Origins = []string{"https://admin.example.com"}
	f.handler = New(o)
	const origin = "https://admin.example.com"
	allowed := func(r response) bool {
		return r.header.Get("Access-Control-Allow-Origin") == origin && r.header.Get("Access-Control-Allow-Credentials") == "true"
	}
	if r := f.as(ann, "POST", "", `{"identity": "u"}`, "Origin", origin, "Sec-Fetch-Site", "cross-site").want(201); !allowed(r) {
		t.Errorf("headers %v", r.header)
	}
	if r := f.send("OPTIONS", "", "", "Authorization", "", "Origin", origin, "Access-Control-Request-Method", "PUT").want(204); !allowed(r) ||
		!strings.Contains(r.header.Get("Access-Control-Allow-Methods"), "PATCH") || !strings.Contains(r.header.Get("Access-Control-Allow-Headers"), "If-Match") {
		t.Errorf("preflight: headers %v", r.header)
	}
	for _, other := range []string{"https://evil.example", "https://admin.example.com.evil.example", "null", "http://admin.example.com"} {
		f.as(ann, "POST", "", `{"identity": "u"}`, "Origin", other, "Sec-Fetch-Site", "cross-site").problem(403)
		r := f.send("OPTIONS", "", "", "Authorization", "", "Origin", other, "Access-Control-Request-Method", "PUT").want(405)
		if r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("Vary") != "Origin" {
			t.Errorf("%s: headers %v", other, r.header)
		}
	}
}

// A session lives as long as it is used once in thirty days, and a call seldom writes.
func TestSessionsSlide(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	o := f.options()
	o.Proxies = proxy.Trusted{netip.MustParsePrefix("192.0.2.0/24")} // of the test's requests
	f.handler = New(o)
	ann := f.signIn("ann@example.com", account.Viewer)
	f.travel(account.TouchAfter - time.Second)
	if r := f.as(ann, "GET", "", "").want(200); r.header.Get("Set-Cookie") != "" {
		t.Errorf("a cookie within the hour: %s", r.header.Get("Set-Cookie"))
	}
	for range 3 {
		f.travel(account.SessionTime - account.TouchAfter)
		r := f.as(ann, "GET", "", "", "X-Forwarded-For", "198.51.100.7").want(200)
		want := ann + "; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
		if got := r.header.Get("Set-Cookie"); got != want {
			t.Errorf("cookie %q, want %q", got, want)
		}
	}
	u, err := f.store.EnsureUser(t.Context(), "ann@example.com", f.clock())
	if err != nil {
		t.Fatal(err)
	}
	all, err := f.store.Sessions(t.Context(), u.ID, f.clock())
	if err != nil || len(all) != 1 || all[0].IP != "198.51.100.7" || !all[0].SeenAt.Equal(f.clock()) {
		t.Errorf("sessions %+v, %v", all, err)
	}
	f.travel(account.SessionTime)
	f.as(ann, "GET", "", "").problem(401)
}

// brokenAccounts cannot be reached, or only cannot be written.
type brokenAccounts struct {
	Accounts
	reads bool
}

func (b brokenAccounts) Session(ctx context.Context, token [32]byte, project string, now time.Time) (account.Session, account.Role, error) {
	if b.reads {
		return b.Accounts.Session(ctx, token, project, now)
	}
	return account.Session{}, "", errors.New("hush")
}

func (brokenAccounts) TouchSession(context.Context, string, string, time.Time) error {
	return errors.New("hush")
}

func TestAnAwayDatabaseEndsNoSession(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Viewer)
	f.travel(2 * account.TouchAfter)
	for reads, status := range map[bool]int{false: 503, true: 200} {
		o := f.options()
		o.Accounts = brokenAccounts{f.store, reads}
		f.handler = New(o)
		if r := f.as(ann, "GET", "", "").want(status); strings.Contains(string(r.body), "hush") || r.header.Get("Set-Cookie") != "" {
			t.Errorf("headers %v, body %s", r.header, r.body)
		}
	}
}

// The cookie's name and attributes depend on how browsers reach the server.
func TestCookiesAreAsStrictAsBrowsersAllow(t *testing.T) {
	t.Parallel()
	got := map[string]string{}
	for name, o := range map[string]Options{
		"http": {}, "https": {HTTPS: true}, "https, further origins": {HTTPS: true, Origins: []string{"https://a.example"}},
		"http, further origins": {Origins: []string{"https://a.example"}},
	} {
		c := newControl(o)
		got[name] = c.cookie(c.cookieName(), "v", 60).String()
	}
	want := map[string]string{
		"http":                   "airatelimit=v; Path=/; Max-Age=60; HttpOnly; SameSite=Lax",
		"https":                  "__Host-airatelimit=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=Lax",
		"https, further origins": "__Host-airatelimit=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None",
		"http, further origins":  "airatelimit=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("cookies (-want +got):\n%s", diff)
	}
}
