package api

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/postgres"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// Databases with the tables and nothing in them.
var (
	migrated     = pgtest.Template{Prepare: migrate}
	migratedFile = sqlitetest.Template{Prepare: migrate}
)

func migrate(ctx context.Context, location string) error {
	db, err := store.Open(ctx, location)
	if err != nil {
		return err
	}
	return db.Close()
}

// closable is a ledger of either database.
type closable interface {
	ledger.Ledger
	Close() error
}

// fixture is a control plane over a database of its own, with one project.
type fixture struct {
	t       testing.TB
	handler http.Handler
	store   *store.Store
	catalog *store.Catalog
	ledger  closable
	db      *store.DB
	log     *syncBuffer

	transport http.RoundTripper

	mails  outbox
	queue  *mail.Queue
	signup account.Signup

	project, key string
	maxBody      int64 // as Options have it
	live         live.Hub

	mu  sync.Mutex
	now time.Time
}

const someProject = `{"name": "Test", "requestLimit": 5,
	"tiers": {"free": {"requestLimit": 10}, "pro": {"requestLimit": 500}}}`

func setup(t testing.TB, settings string) *fixture {
	t.Helper()
	ctx := t.Context()
	keys, err := secret.NewKeyring(bytes.Repeat([]byte{7}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(ctx, location(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	f := &fixture{t: t, store: store.New(db, keys), db: db, log: &syncBuffer{}, now: noon, signup: account.SignupFirst}
	f.queue = mail.NewQueue(&f.mails, slog.New(slog.NewTextHandler(f.log, nil)))
	f.transport = testTransport(t)
	f.ledger = f.open()
	t.Cleanup(func() { _ = f.ledger.Close() })
	f.project, f.key = f.create(settings)
	if f.catalog, err = store.NewCatalog(ctx, f.store); err != nil {
		t.Fatal(err)
	}
	f.serve()
	return f
}

// location is where a test's database is, or is made by [store.Open].
func location(t testing.TB) string {
	t.Helper()
	if pgtest.Chosen() {
		return migrated.Database(t) + "&pool_max_conns=6"
	}
	path := filepath.Join(t.TempDir(), "test.db")
	migratedFile.Copy(t, path)
	return path
}

func (f *fixture) open() (l closable) {
	f.t.Helper()
	var err error
	if f.db.Pool != nil {
		l, err = postgres.Open(context.Background(), f.db.Pool, postgres.Options{})
	} else {
		l, err = sqlite.Open(context.Background(), f.db.Ledger, f.db.LedgerRead, f.db.Read)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}

func (f *fixture) serve() {
	f.handler = New(f.options())
}

// options are those of the control plane, for tests that change some of them.
func (f *fixture) options() Options {
	return Options{Ledger: f.ledger, Projects: f.catalog, Secrets: f.store, Accounts: f.store, Prompts: f.store, Transport: f.transport, Records: f.store, Today: store.NewRollups(f.db, f.clock), Operations: f.store, Now: f.clock,
		Reports: store.NewRollups(f.db, f.clock), Live: &f.live, Log: slog.New(slog.NewTextHandler(f.log, nil)), MaxBody: f.maxBody,
		Version: "test", Signup: f.signup, Mail: f.queue, Pepper: []byte("pepper"), PublicURL: "https://limits.example.com"}
}

// outbox keeps mails in place of sending them.
type outbox struct {
	mu   sync.Mutex
	sent []mail.Message
}

func (*outbox) Kind() string { return "smtp" }

func (o *outbox) Send(_ context.Context, m mail.Message) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, m)
	return "", nil
}

// deliver sends what waits to be sent, and returns it.
func (f *fixture) deliver() []mail.Message {
	done, cancel := context.WithCancel(context.Background())
	cancel()
	f.queue.Run(done)
	f.mails.mu.Lock()
	defer f.mails.mu.Unlock()
	sent := f.mails.sent
	f.mails.sent = nil
	return sent
}

// signIn makes a session of a user and returns its cookie, as the value of a Cookie header. With a role the user is a
// member of the fixture's project.
func (f *fixture) signIn(email string, role account.Role) (cookie string) {
	f.t.Helper()
	ctx, now := f.t.Context(), f.clock()
	u, err := f.store.EnsureUser(ctx, email, now)
	if err == nil && role != "" {
		err = f.store.AddMember(ctx, f.project, u, role, now)
	}
	link, token := secret.Hash(secret.NewToken()), secret.NewToken()
	if err == nil {
		_, err = f.store.OfferLogin(ctx, account.Ask{ID: secret.NewID("si_"), Kind: account.ByOperator, Email: email, Token: link, Expires: now.Add(account.LinkTime)}, now)
	}
	if err == nil {
		_, err = f.store.SignInByLink(ctx, account.Proof{Token: link, Email: email}, account.SignupClosed,
			account.NewSession{Token: secret.Hash(token), IP: "192.0.2.1", Agent: "test"}, now)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return plainCookie + "=" + token
}

// as is send of a person: with the cookie of a session in place of the secret key.
func (f *fixture) as(cookie, method, path, body string, header ...string) response {
	f.t.Helper()
	return f.send(method, path, body, append([]string{"Authorization", "", "Cookie", cookie}, header...)...)
}

// restart closes the ledger and opens it again, with nothing in memory.
func (f *fixture) restart() {
	f.t.Helper()
	if err := f.ledger.Close(); err != nil {
		f.t.Fatal(err)
	}
	f.ledger = f.open()
	f.serve()
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

// travel moves the clock.
func (f *fixture) travel(by time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(by)
}

// create makes a project and returns its keys.
func (f *fixture) create(settings string) (pk, sk string) {
	f.t.Helper()
	s, err := project.ParseSettings([]byte(settings))
	if err != nil {
		f.t.Fatal(err)
	}
	rec, sk, err := f.store.CreateProject(f.t.Context(), s)
	if err != nil {
		f.t.Fatal(err)
	}
	return rec.Key, sk
}

// response is an answer, read.
type response struct {
	t      testing.TB
	status int
	header http.Header
	body   []byte
}

// send sends a request with the secret key and further headers as name, value pairs; an empty value removes the header.
// Paths are below the project's identities unless
// they start with /api.
func (f *fixture) send(method, path, body string, header ...string) response {
	f.t.Helper()
	if !strings.HasPrefix(path, "/api") {
		path = "/api/projects/" + f.project + "/identities" + path
	}
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+f.key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			r.Header.Del(header[i])
		}
	}
	return do(f.t, f.handler, r)
}

func do(t testing.TB, h http.Handler, r *http.Request) response {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return response{t, w.Code, w.Header(), w.Body.Bytes()}
}

// want fails unless the status is that, and returns the answer.
func (r response) want(status int) response {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d; body: %s", r.status, status, r.body)
	}
	return r
}

func decode[T any](r response) T {
	r.t.Helper()
	var v T
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		r.t.Fatalf("answer is not JSON: %v: %s", err, r.body)
	}
	return v
}

// problem returns the problem details that the answer has to be.
func (r response) problem(status int) problem {
	r.t.Helper()
	r.want(status)
	if got := r.header.Get("Content-Type"); got != problemType {
		r.t.Errorf("Content-Type %q, want %q", got, problemType)
	}
	p := decode[problem](r)
	if p.Status != status || p.Title != http.StatusText(status) || p.Detail == "" {
		r.t.Errorf("problem %+v, want status %d, its title and a detail", p, status)
	}
	return p
}

// fault fails unless the answer is a 400 that complains of exactly these locations.
func (r response) faults(locations ...string) problem {
	r.t.Helper()
	p := r.problem(http.StatusBadRequest)
	var got []string
	for _, e := range p.Errors {
		got = append(got, e.Location)
		if e.Message == "" {
			r.t.Errorf("%s: no message", e.Location)
		}
	}
	if strings.Join(got, " ") != strings.Join(locations, " ") {
		r.t.Errorf("errors at %q, want %q; body: %s", got, locations, r.body)
	}
	return p
}

// reserve admits a request of an identity, as the gateway does.
func (f *fixture) reserve(name string) *ledger.Reservation {
	f.t.Helper()
	p, err := f.catalog.Project(f.t.Context(), f.project)
	if err != nil {
		f.t.Fatal(err)
	}
	key := ledger.Key{Project: f.project, Identity: name}
	s, _, err := f.ledger.Settings(f.t.Context(), key)
	if err != nil {
		f.t.Fatal(err)
	}
	levels := limit.Levels{Project: p.Level}
	if s != nil {
		levels.Identity = &s.Level
	}
	rules := limit.Resolve(levels, "gpt-4o", p.Period, false)
	res, err := f.ledger.Reserve(f.t.Context(), ledger.Request{Key: key, Settings: s, Rules: &rules, Now: f.clock(),
		Ask: limit.Ask{Estimate: limit.Amounts{limit.Requests: 1, limit.Tokens: 100}}})
	if err != nil {
		f.t.Fatal(err)
	}
	return res
}

// use makes an identity known by a request that used so much.
func (f *fixture) use(name string, tokens, micros int64) {
	f.t.Helper()
	res := f.reserve(name)
	if res.Decision.Refusal != limit.Admitted {
		f.t.Fatalf("request refused: %v", res.Decision.Refusal)
	}
	err := f.ledger.Settle(f.t.Context(), res, ledger.Actual{
		Amounts: limit.Amounts{limit.Requests: 1, limit.Tokens: tokens, limit.Cost: micros}})
	if err == nil {
		err = res.Durable(f.t.Context())
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// at returns the path of an identity, and of something below it.
func at(name, below string) string { return "/" + url.PathEscape(name) + below }

// audit returns the entries of an identity as "action|reason|detail".
func (f *fixture) audit(name string) []string {
	f.t.Helper()
	rows, err := f.db.Read.QueryContext(f.t.Context(),
		`SELECT action || '|' || reason || '|' || detail FROM audit WHERE project_id = $1 AND identity = $2 ORDER BY id`, f.project, name)
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			f.t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
