package api

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// browser is one that keeps cookies, at an address of its own.
type browser struct {
	f       *fixture
	ip      string
	cookies map[string]string
}

func (f *fixture) browser() *browser { return &browser{f, "192.0.2.1", map[string]string{}} }

func (b *browser) send(method, path, body string) response {
	b.f.t.Helper()
	r := httptest.NewRequestWithContext(b.f.t.Context(), method, path, strings.NewReader(body))
	r.RemoteAddr = b.ip + ":1234"
	r.Header.Set("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	got := do(b.f.t, b.f.handler, r)
	for _, c := range (&http.Response{Header: got.header}).Cookies() {
		b.cookies[c.Name] = c.Value
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		}
	}
	return got
}

// ask asks for a mail and returns the request's id.
func (b *browser) ask(email string) string {
	b.f.t.Helper()
	return decode[Asked](b.send("POST", "/api/auth/magic-link/request", `{"email": "`+email+`"}`).want(202)).RequestID
}

func (b *browser) byLink(token, email string) response {
	b.f.t.Helper()
	if email != "" {
		email = `, "email": "` + email + `"`
	}
	return b.send("POST", "/api/auth/magic-link/verify", `{"token": "`+token+`"`+email+`}`)
}

func (b *browser) byCode(request, code string) response {
	b.f.t.Helper()
	return b.send("POST", "/api/auth/magic-link/verify", `{"requestId": "`+request+`", "code": "`+code+`"}`)
}

// who is the address that the browser is signed in with, or "".
func (b *browser) who() string {
	b.f.t.Helper()
	r := b.send("GET", "/api/auth/me", "")
	if r.status == http.StatusUnauthorized {
		return ""
	}
	return decode[Me](r.want(200)).User.Email
}

// wantCode fails unless the answer is a problem with the code.
func (r response) wantCode(status int, code string) problem {
	r.t.Helper()
	p := r.problem(status)
	if p.Code != code {
		r.t.Errorf("code %s, want %s: %s", p.Code, code, r.body)
	}
	return p
}

// mailed delivers the one mail that waits.
func (f *fixture) mailed() mail.Message {
	f.t.Helper()
	sent := f.deliver()
	if len(sent) != 1 {
		f.t.Fatalf("%d mails, want one", len(sent))
	}
	return sent[0]
}

var codeInMail = regexp.MustCompile(`type the code: (\d{3}) (\d{3}) `)

// proofs are the token and the code of a mail.
func proofs(t testing.TB, m mail.Message) (token, code string) {
	t.Helper()
	_, token, ok := strings.Cut(m.Link, "https://limits.example.com/login#t=")
	found := codeInMail.FindStringSubmatch(m.Text)
	if !ok || found == nil || !strings.Contains(m.Text, m.Link) {
		t.Fatalf("link %q, text:\n%s", m.Link, m.Text)
	}
	return token, found[1] + found[2]
}

// wrongCode is a code that is not the one.
func wrongCode(code string) string {
	return string('0'+(code[0]-'0'+1)%10) + code[1:]
}

// setupToken is that of a link as the server prints it.
func (f *fixture) setupToken() string {
	f.t.Helper()
	token := secret.NewToken()
	offered, err := f.store.OfferSetup(f.t.Context(), account.Ask{ID: secret.NewID("si_"), Kind: account.BySetup, Token: secret.Hash(token),
		Expires: f.clock().Add(account.SetupTime)}, f.clock())
	if err != nil || !offered {
		f.t.Fatalf("setup offered: %t, %v", offered, err)
	}
	return token
}

func TestThePrintedLinkMakesTheFirstAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	meta := func(want Meta) {
		t.Helper()
		if got := decode[Meta](f.browser().send("GET", "/api/meta", "").want(200)); got != want {
			t.Errorf("meta %+v, want %+v", got, want)
		}
	}
	meta(Meta{"test", "first", true, "smtp"})
	late, token, other := f.setupToken(), "", ""
	f.travel(account.SetupTime)
	token, other = f.setupToken(), f.setupToken()
	b := f.browser()
	with := func(token, email string) response {
		return b.send("POST", "/api/auth/setup", `{"token": "`+token+`", "email": "`+email+`"}`)
	}
	with(late, "ann@example.com").wantCode(401, "link_expired")
	with(secret.NewToken(), "ann@example.com").wantCode(401, "link_expired")
	with("not a token", "ann@example.com").wantCode(401, "link_expired")
	with(token, "ann").faults("body.email")
	b.send("POST", "/api/auth/setup", `{}`).faults("body.token", "body.email")
	if got := decode[SignedUp](with(token, "Ann@Example.com").want(200)); got.User.Email != "ann@example.com" {
		t.Errorf("user %+v", got.User)
	}
	me := decode[Me](b.send("GET", "/api/auth/me", "").want(200))
	if diff := cmp.Diff([]MyProject{{f.project, "Test", "owner"}}, me.Projects); diff != "" {
		t.Errorf("a project that a command has made is not hers (-want +got):\n%s", diff)
	}
	for _, token := range []string{token, other, late} {
		with(token, "bob@example.com").wantCode(409, "already_set_up")
	}
	meta(Meta{"test", "first", false, "smtp"})
	if offered, err := f.store.OfferSetup(t.Context(), account.Ask{ID: "si_x", Kind: account.BySetup}, f.clock()); offered || err != nil {
		t.Errorf("setup offered again: %t, %v", offered, err)
	}
	// A link of the setup is none to sign in with.
	f.browser().byLink(other, "").wantCode(401, "link_expired")
}

func TestALinkSignsInOnceAndACodeToo(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", "")
	b := f.browser()
	asked := decode[Asked](b.send("POST", "/api/auth/magic-link/request", `{"email": "Ann@example.com ", "next": "/p/x?a=b#c"}`).want(202))
	if want := (Asked{asked.RequestID, noon.Add(15 * time.Minute), 60}); asked != want {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
	m := f.mailed()
	token, code := proofs(t, m)
	if m.To != "ann@example.com" || m.Key != asked.RequestID || !strings.Contains(m.Text, "from Chrome on macOS") {
		t.Errorf("mail %+v", m)
	}
	// A scanner fetches the link, and posts it with all that it knows.
	b.send("GET", "/api/auth/magic-link/verify?token="+token, "").want(405)
	f.browser().byLink(token, "").wantCode(401, "address_needed")
	f.browser().byLink(token, "bob@example.com").wantCode(401, "address_needed")
	got := decode[SignedIn](b.byLink(token, "").want(200))
	if got.User.Email != "ann@example.com" || got.Next != "/p/x?a=b#c" || b.who() != "ann@example.com" {
		t.Errorf("signed in %+v", got)
	}
	b.byLink(token, "").wantCode(401, "link_used")
	f.browser().byLink(token, "ann@example.com").wantCode(401, "link_used")
	// The code is a proof of its own, in the browser that asked.
	f.browser().byCode(asked.RequestID, code).wantCode(401, "code_wrong")
	first := b.cookies[plainCookie]
	b.byCode(asked.RequestID, code[:3]+" "+code[3:]).want(200)
	b.byCode(asked.RequestID, code).wantCode(401, "link_used")
	// The second session has taken the place of the first.
	f.as(plainCookie+"="+first, "GET", "/api/auth/me", "").wantCode(401, "not_signed_in")
	if b.who() != "ann@example.com" {
		t.Error("the second sign-in did not work")
	}
	if log := f.log.String(); strings.Contains(log, token) || strings.Contains(log, code) || strings.Contains(log, "ann@") || strings.Contains(log, first) {
		t.Errorf("a proof, a session or an address is in the log:\n%s", log)
	}
}

func TestALinkWorksInAnotherBrowserWithItsAddress(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", "")
	f.browser().ask("ann@example.com")
	token, _ := proofs(t, f.mailed())
	phone := f.browser()
	if phone.byLink(token, "ANN@example.com").want(200); phone.who() != "ann@example.com" {
		t.Error("not signed in")
	}
}

func TestProofsEnd(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", "")
	b := f.browser()
	first := b.ask("ann@example.com")
	oldToken, oldCode := proofs(t, f.mailed())
	second := b.ask("ann@example.com")
	token, code := proofs(t, f.mailed())
	b.byLink(oldToken, "").wantCode(401, "link_used") // a later one was asked for
	f.travel(account.LinkTime - time.Second)
	b.byCode(first, oldCode).want(200) // in the same browser
	f.travel(time.Second)
	b.byLink(token, "").wantCode(401, "link_expired")
	b.byCode(second, code).wantCode(401, "link_expired")
	b.byLink(secret.NewToken(), "ann@example.com").wantCode(401, "link_expired")
	b.byCode("si_nobody", code).wantCode(401, "code_wrong")
	if p := b.byCode("si_nobody", code).wantCode(401, "code_wrong"); p.TriesLeft == nil || *p.TriesLeft != 0 {
		t.Errorf("problem %+v", p)
	}
}

func TestCodesAreTriedFiveTimesAndTenTimesADay(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", "")
	left := func(r response) int {
		t.Helper()
		p := r.wantCode(401, "code_wrong")
		if p.TriesLeft == nil {
			t.Fatalf("no triesLeft: %s", r.body)
		}
		return *p.TriesLeft
	}
	attacker := f.browser() // asks for an address that is not his
	for round, want := range [][]int{{4, 3, 2, 1, 0, 0}, {4, 3, 2, 1, 0, 0}, {0, 0}} {
		request := attacker.ask("ann@example.com")
		_, code := proofs(t, f.mailed())
		for i, want := range want {
			if got := left(attacker.byCode(request, wrongCode(code))); got != want {
				t.Errorf("round %d, try %d: %d tries left, want %d", round, i, got, want)
			}
		}
		// The right one comes too late.
		if got := left(attacker.byCode(request, code)); got != 0 {
			t.Errorf("round %d: %d tries left for the right code, want 0", round, got)
		}
		f.travel(account.PerAddressTime)
	}
	// The link goes on to work, and so does the code after a day.
	b := f.browser()
	request := b.ask("ann@example.com")
	token, code := proofs(t, f.mailed())
	if got := left(b.byCode(request, code)); got != 0 {
		t.Errorf("%d tries left, want 0: codes are off for the address", got)
	}
	b.byLink(token, "").want(200)
	f.travel(account.WrongTime)
	request = b.ask("ann@example.com")
	_, code = proofs(t, f.mailed())
	b.byCode(request, code).want(200)
}

// at calls the same many times at once, and counts the answers by status and code.
func atOnce(n int, call func() response) map[string]int {
	var mu sync.Mutex
	var all sync.WaitGroup
	got := map[string]int{}
	for range n {
		all.Go(func() {
			r := call()
			text := fmt.Sprint(r.status)
			if r.status >= 400 {
				text += " " + decode[problem](r).Code
			}
			mu.Lock()
			defer mu.Unlock()
			got[text]++
		})
	}
	all.Wait()
	return got
}

// post is a call with cookies that leaves them as they are, so that it may run many times at once.
func (b *browser) post(path, body string) response {
	return (&browser{b.f, b.ip, maps.Clone(b.cookies)}).send("POST", path, body)
}

func TestProofsAreGoodOnceEvenIfTwoArriveTogether(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	setup := f.setupToken()
	const n = 6
	users := 0
	got := atOnce(n, func() response {
		return f.browser().post("/api/auth/setup", `{"token": "`+setup+`", "email": "ann@example.com"}`)
	})
	if diff := cmp.Diff(map[string]int{"200": 1, "409 already_set_up": n - 1}, got); diff != "" {
		t.Errorf("setup (-want +got):\n%s", diff)
	}
	if err := f.db.Read.QueryRow(`SELECT count(*) FROM users`).Scan(&users); err != nil || users != 1 {
		t.Errorf("%d users, %v, want 1", users, err)
	}
	b := f.browser()
	request := b.ask("ann@example.com")
	token, code := proofs(t, f.mailed())
	want := map[string]int{"200": 1, "401 link_used": n - 1}
	for proof, body := range map[string]string{"link": `{"token": "` + token + `"}`, "code": `{"requestId": "` + request + `", "code": "` + code + `"}`} {
		if diff := cmp.Diff(want, atOnce(n, func() response { return b.post("/api/auth/magic-link/verify", body) })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", proof, diff)
		}
	}
	// Guesses that arrive together are as few as guesses that do not.
	request = b.ask("ann@example.com")
	_, code = proofs(t, f.mailed())
	body := `{"requestId": "` + request + `", "code": "` + wrongCode(code) + `"}`
	if got := atOnce(12, func() response { return b.post("/api/auth/magic-link/verify", body) }); got["401 code_wrong"] != 12 {
		t.Errorf("guesses: %v", got)
	}
	var wrong int
	if err := f.db.Read.QueryRow(`SELECT wrong_codes FROM sign_ins WHERE id = $1`, request).Scan(&wrong); err != nil || wrong != account.MaxTries {
		t.Errorf("%d wrong codes counted, %v, want %d", wrong, err, account.MaxTries)
	}
}

func TestSignupSaysWhoGetsAnAccount(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		signup        account.Signup
		somebody      bool // has an account
		invited, want bool
	}{
		{account.SignupOpen, true, false, true}, {account.SignupOpen, false, false, true},
		{account.SignupFirst, false, false, true}, {account.SignupFirst, true, false, false}, {account.SignupFirst, true, true, true},
		{account.SignupClosed, false, false, false}, {account.SignupClosed, true, true, false},
	} {
		t.Run(fmt.Sprintf("%s/somebody=%t/invited=%t", tc.signup, tc.somebody, tc.invited), func(t *testing.T) {
			t.Parallel()
			f := setup(t, someProject)
			f.signup = tc.signup
			f.serve()
			if tc.somebody {
				f.signIn("ann@example.com", account.Owner)
			}
			if tc.invited {
				_, err := f.store.Invite(t.Context(), account.Invitation{ID: "in_1", Project: f.project, Email: "bob@example.com", Role: account.Viewer, ExpiresAt: noon.Add(time.Hour)}, [32]byte{})
				if err != nil {
					t.Fatal(err)
				}
			}
			b := f.browser()
			b.ask("bob@example.com")
			sent := f.deliver()
			if (len(sent) == 1) != tc.want {
				t.Fatalf("%d mails, want one: %t", len(sent), tc.want)
			}
			if tc.want {
				token, _ := proofs(t, sent[0])
				b.byLink(token, "").want(200)
				if got := b.who(); got != "bob@example.com" {
					t.Errorf("signed in as %q", got)
				}
			}
		})
	}
}

// Somebody who is not to have an account gets none, even with the right proof: the reasons may have changed meanwhile.
func TestAProofOfAnAddressThatMayHaveNoAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signup = account.SignupOpen
	f.serve()
	b := f.browser()
	request := b.ask("bob@example.com")
	token, code := proofs(t, f.mailed())
	f.signup = account.SignupClosed
	f.serve()
	b.byLink(token, "").wantCode(401, "link_expired")
	if p := b.byCode(request, code).wantCode(401, "code_wrong"); *p.TriesLeft != account.MaxTries-1 {
		t.Errorf("%d tries left", *p.TriesLeft)
	}
	if some, err := f.store.HasUsers(t.Context()); some || err != nil {
		t.Errorf("users: %t, %v", some, err)
	}
}

// watched notes which of the accounts' functions a call uses.
type watched struct {
	Accounts
	mu    sync.Mutex
	calls []string
}

func (w *watched) note(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls = append(w.calls, name)
}

func (w *watched) take() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := strings.Join(w.calls, " ")
	w.calls = nil
	return calls
}

func (w *watched) AskSignIn(ctx context.Context, a account.Ask, now time.Time) error {
	w.note("AskSignIn")
	return w.Accounts.AskSignIn(ctx, a, now)
}

func (w *watched) MaySignIn(ctx context.Context, email string, s account.Signup, now time.Time) (bool, error) {
	w.note("MaySignIn")
	return w.Accounts.MaySignIn(ctx, email, s, now)
}

func (w *watched) HasUsers(ctx context.Context) (bool, error) {
	w.note("HasUsers")
	return w.Accounts.HasUsers(ctx)
}

// An address with an account and one without cannot be told apart: the answers are equal, all that the call waits for is
// equal, and whether there is an account is looked up only after the answer.
func TestSigningInDoesNotTellWhoHasAnAccount(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", account.Owner)
	w := &watched{Accounts: f.store}
	o := f.options()
	o.Accounts = w
	f.handler = New(o)
	ids := regexp.MustCompile(`si_\w+|req_\w+|=\w{43};`)
	shape := func(r response) string {
		h := r.header.Clone()
		h.Del("X-Request-Id")
		return ids.ReplaceAllString(fmt.Sprintln(r.status, h, string(r.body)), "…")
	}
	var known, unknown []string
	for email, got := range map[string]*[]string{"ann@example.com": &known, "bob@example.com": &unknown} {
		b := f.browser()
		b.ip = map[string]string{"ann@example.com": "192.0.2.1", "bob@example.com": "198.51.100.1"}[email]
		var request string
		for range account.PerAddress + 1 {
			r := b.send("POST", "/api/auth/magic-link/request", `{"email": "`+email+`"}`)
			*got = append(*got, shape(r), w.take())
			if r.status == 202 {
				request = decode[Asked](r).RequestID
			}
		}
		for range account.MaxTries + 1 {
			*got = append(*got, shape(b.byCode(request, "000000")))
		}
		*got = append(*got, shape(b.byCode(request, "000000")), shape(b.byLink(secret.NewToken(), email)))
	}
	if diff := cmp.Diff(known, unknown); diff != "" {
		t.Errorf("the known address and the unknown one differ:\n%s", diff)
	}
	if !slices.Contains(known, "AskSignIn") || slices.ContainsFunc(known, func(s string) bool { return strings.Contains(s, "MaySignIn") }) {
		t.Errorf("looked up before the answer: %q", known)
	}
	if sent := f.deliver(); len(sent) != account.PerAddress || sent[0].To != "ann@example.com" {
		t.Errorf("%d mails, want %d to the known address", len(sent), account.PerAddress)
	}
	if calls := w.take(); strings.Count(calls, "MaySignIn") != 2*account.PerAddress {
		t.Errorf("looked up: %s", calls)
	}
}

func TestMailsAreLimitedByAddressAndByClient(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	b := f.browser()
	ask := func(email string) response {
		return b.send("POST", "/api/auth/magic-link/request", `{"email": "`+email+`"}`)
	}
	for range account.PerAddress {
		ask("ann@example.com").want(202)
		f.travel(time.Minute)
	}
	r := ask("Ann@Example.com")
	r.wantCode(429, "too_many_calls")
	if got := r.header.Get("Retry-After"); got != "720" { // the first was three minutes ago
		t.Errorf("Retry-After %s, want 720", got)
	}
	f.travel(12 * time.Minute)
	ask("ann@example.com").want(202)
	// Neighbours share the limit of their block, whatever they claim of themselves.
	for i := range account.PerBlock - account.PerAddress - 1 {
		b.ip = fmt.Sprintf("192.0.2.%d", i+1)
		ask(fmt.Sprintf("user-%d@example.com", i)).want(202)
	}
	ask("one-more@example.com").wantCode(429, "too_many_calls")
	forged := httptest.NewRequest("POST", "/api/auth/magic-link/request", strings.NewReader(`{"email": "one-more@example.com"}`))
	forged.Header.Set("Content-Type", "application/json")
	forged.Header.Set("X-Forwarded-For", "203.0.113.7")
	forged.RemoteAddr = "192.0.2.9:1"
	do(t, f.handler, forged).wantCode(429, "too_many_calls")
	b.ip = "198.51.100.1"
	ask("one-more@example.com").want(202)
	f.travel(time.Hour)
	b.ip = "192.0.2.1"
	ask("another@example.com").want(202)
}

func TestTriesToSignInAreLimitedByClient(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	b := f.browser()
	for range 60 {
		b.byLink(secret.NewToken(), "").want(401)
	}
	b.byLink(secret.NewToken(), "").wantCode(429, "too_many_calls")
	f.travel(2 * time.Second)
	b.byLink(secret.NewToken(), "").want(401)
	b.ip = "198.51.100.1"
	b.byLink(secret.NewToken(), "").want(401)
}

func TestSignInRequestsAreChecked(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	b := f.browser()
	for body, at := range map[string]string{
		`{}`: "body.email", `{"email": null}`: "body.email", `{"email": 1}`: "body.email", `{"email": "ann"}`: "body.email",
		`{"email": "a@b.c\r\nBcc: x@y.z"}`: "body.email", `{"email": "a@b.c", "admin": true}`: "body.admin",
		`{"email": "a@b.c", "next": "https://evil.example"}`: "body.next", `{"email": "a@b.c", "next": "//evil.example"}`: "body.next",
		`{"email": "a@b.c", "next": "/\\evil.example"}`: "body.next", `{"email": "a@b.c", "next": "/a\nb"}`: "body.next",
	} {
		b.send("POST", "/api/auth/magic-link/request", body).faults(at)
	}
	for _, body := range []string{`{}`, `{"token": "a", "requestId": "b", "code": "123456"}`, `{"requestId": "b"}`, `{"code": "123456"}`, `{"token": "a", "code": "123456"}`} {
		b.send("POST", "/api/auth/magic-link/verify", body).faults("body")
	}
	for _, code := range []string{"12345", "1234567", "12345x", "１２３４５６", ""} {
		b.byCode("si_1", code).want(400)
	}
	if sent := f.deliver(); len(sent) != 0 {
		t.Errorf("%d mails", len(sent))
	}
}

// In production, the address in a link never comes from the request.
func TestLinksLeadToThisServer(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		public     string
		production bool
		host, want string
	}{
		"PublicURL":  {"https://limits.example.com/x", false, "evil.example", "https://limits.example.com/x"},
		"Production": {"", true, "evil.example", ""},
		"Request":    {"", false, "localhost:3000", "http://localhost:3000"},
		"IPv6":       {"", false, "[::1]:3000", "http://[::1]:3000"},
		"OddHost":    {"", false, "a/b@c", "http://localhost"},
	} {
		c := newControl(Options{PublicURL: tc.public, Production: tc.production})
		if got := c.base(&http.Request{Host: tc.host}); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestAFullQueueOfMailsSaysSo(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for f.queue.Post(func(context.Context) (mail.Message, bool, error) { return mail.Message{}, false, nil }) {
	}
	r := f.browser().send("POST", "/api/auth/magic-link/request", `{"email": "ann@example.com"}`)
	if r.wantCode(503, "unavailable"); r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann, annsPhone, bob := f.signIn("ann@example.com", ""), f.signIn("ann@example.com", ""), f.signIn("bob@example.com", "")
	list := func(cookie string) (ids []string, current string) {
		t.Helper()
		for _, s := range decode[Sessions](f.as(cookie, "GET", "/api/auth/sessions", "").want(200)).Items {
			if ids = append(ids, s.ID); s.Current {
				current = s.ID
			}
			if s.IP != "192.0.2.1" || s.UserAgent != "test" || !s.CreatedAt.Equal(noon) {
				t.Errorf("session %+v", s)
			}
		}
		return ids, current
	}
	all, mine := list(ann)
	_, phone := list(annsPhone)
	_, bobs := list(bob)
	if len(all) != 2 || mine == phone {
		t.Errorf("sessions %q, current %q and %q", all, mine, phone)
	}
	f.as(ann, "DELETE", "/api/auth/sessions/"+bobs, "").wantCode(404, "unknown_session")
	f.as(ann, "DELETE", "/api/auth/sessions/"+phone, "").want(204)
	f.as(annsPhone, "GET", "/api/auth/me", "").wantCode(401, "not_signed_in")
	third := f.signIn("ann@example.com", "")
	f.as(ann, "DELETE", "/api/auth/sessions", "").want(204)
	f.as(third, "GET", "/api/auth/me", "").want(401)
	f.as(bob, "GET", "/api/auth/me", "").want(200)
	if r := f.as(ann, "DELETE", "/api/auth/sessions/"+mine, "").want(204); !strings.Contains(r.header.Get("Set-Cookie"), plainCookie+"=; Path=/; Max-Age=0") {
		t.Errorf("the cookie stays: %q", r.header.Get("Set-Cookie"))
	}
	f.as(ann, "GET", "/api/auth/me", "").want(401)
	for range 2 { // a second time it does nothing
		if r := f.as(bob, "POST", "/api/auth/logout", "").want(204); !strings.Contains(r.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("the cookie stays: %q", r.header.Get("Set-Cookie"))
		}
	}
	f.as(bob, "GET", "/api/auth/me", "").want(401)
}

func TestAUsersCallsAreLimited(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann, phone, bob := f.signIn("ann@example.com", account.Viewer), f.signIn("ann@example.com", ""), f.signIn("bob@example.com", account.Viewer)
	for i := range 100 {
		f.as([]string{ann, phone}[i%2], "GET", "/api/auth/me", "").want(200)
	}
	r := f.as(ann, "GET", "", "")
	r.wantCode(429, "too_many_calls")
	if r.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
	f.as(bob, "GET", "", "").want(200)
	f.travel(50 * time.Millisecond)
	f.as(ann, "GET", "", "").want(200)
	f.as(ann, "GET", "", "").want(429)
	for range 150 { // a server is not limited here
		f.send("GET", "/nobody", "").want(404)
	}
}
