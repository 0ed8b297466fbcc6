// Package stack runs the whole server in a test, in front of an echo provider. It keeps everything in a SQLite file, or in
// PostgreSQL where that was chosen: see pgtest.Rerun.
package stack

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/echo"
	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/server"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/sqlitetest"
)

// Options describe a stack. The zero value is a project without limits whose providers all
// are the echo provider, with a stored key each.
type Options struct {
	// Settings is the project's document, as JSON; the providers are added to it.
	Settings string
	// PassThrough leaves the stored keys out: clients bring their own.
	PassThrough bool
	// Echo configures the provider; its Recorder is the stack's.
	Echo echo.Options
	// Upstream replaces the echo provider.
	Upstream http.Handler
	// Patience, HeaderTimeout and WriteTimeout are the server's with slow clients.
	Patience      gateway.Patience
	HeaderTimeout time.Duration
	WriteTimeout  time.Duration
	// Now is the server's time; nil is the real one.
	Now func() time.Time
	// Env are further environment variables.
	Env map[string]string
}

// Stack is a running server.
type Stack struct {
	URL        string // of the server
	ProjectKey string
	SecretKey  string
	Upstream   *httptest.Server
	Seen       *echo.Recorder
	Ledger     ledger.Ledger // the server's own
	Log        *Log

	t    testing.TB
	opts Options
	dir  string
	url  string // of PostgreSQL, "" with SQLite
	stop context.CancelFunc
	done chan error
}

// Log is what the server has logged.
type Log struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	grew chan struct{} // closed when there is more
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.grew != nil {
		close(l.grew)
		l.grew = nil
	}
	return l.buf.Write(p)
}

// Await returns when the log contains text: a request's line comes when it is settled.
func (l *Log) Await(t testing.TB, text string) {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		l.mu.Lock()
		if bytes.Contains(l.buf.Bytes(), []byte(text)) {
			l.mu.Unlock()
			return
		}
		if l.grew == nil {
			l.grew = make(chan struct{})
		}
		grew := l.grew
		l.mu.Unlock()
		select {
		case <-grew:
		case <-timeout:
			t.Fatalf("the log has no %q: %s", text, l)
		}
	}
}

// String returns everything that has been logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// steering are the headers with which tests tell an upstream how to answer.
var steering = []string{"X-Echo-Fault", "X-Kind", "X-Want", "X-Form", "X-Wait", "X-Hold", "X-Model"}

// StoredKey is the key that is stored for every provider unless the stack passes keys through.
const StoredKey = "stored-provider-key-0123456789"

// New starts a stack, which ends with the test.
func New(t testing.TB, opts Options) *Stack {
	t.Helper()
	s := &Stack{t: t, opts: opts, dir: t.TempDir(), Seen: new(echo.Recorder), Log: new(Log)}
	if pgtest.Chosen() {
		s.url = Database(t)
	} else {
		migratedFile.Copy(t, s.Location())
	}
	upstream := opts.Upstream
	if upstream == nil {
		opts.Echo.Recorder = s.Seen
		p := echo.New(opts.Echo)
		t.Cleanup(p.Close)
		upstream = p
	}
	s.Upstream = httptest.NewServer(upstream)
	t.Cleanup(s.Upstream.Close)
	s.start(s.createProject)
	t.Cleanup(s.Stop)
	return s
}

// Stop ends the server as SIGTERM does.
func (s *Stack) Stop() {
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	if err := <-s.done; err != nil {
		s.t.Errorf("server: %v", err)
	}
}

// Restart ends the server and starts it on the same data.
func (s *Stack) Restart() {
	s.t.Helper()
	s.Stop()
	s.start(nil)
}

func (s *Stack) env(name string) string {
	if v, ok := s.opts.Env[name]; ok {
		return v
	}
	if v, ok := Environment(s.url)[name]; ok {
		return v
	}
	return map[string]string{"DATA_DIR": s.dir, "DRAIN_SECONDS": "5", "LOG_LEVEL": "debug"}[name]
}

// Database returns the URL of a PostgreSQL database of the test's own, whose schema is current.
func Database(t testing.TB) string {
	t.Helper()
	return migrated.Database(t)
}

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

// Environment is what a server on PostgreSQL needs; with "" it is on SQLite, and needs nothing.
func Environment(databaseURL string) map[string]string {
	if databaseURL == "" {
		return nil
	}
	return map[string]string{
		"DATABASE_URL": databaseURL, "DATABASE_POOL_SIZE": "6",
		"JWT_SECRET":     "5c0f2b7e9a41d386cf1240b8e67d93a5f8b20c6e41d79a3562e8f0b4c1d7a935",
		"ENCRYPTION_KEY": "9e1d47b0c8f263a57d40e9b1f6c8352a0b7d94e8c15f63a2d8b04e7f19c6a350",
	}
}

// Beside starts another server on the same data, which ends with the test. A SQLite file has one server: there it is an
// error.
func (s *Stack) Beside() (*Stack, error) {
	n := &Stack{ProjectKey: s.ProjectKey, SecretKey: s.SecretKey, Upstream: s.Upstream, Seen: s.Seen, Log: new(Log),
		t: s.t, opts: s.opts, dir: s.dir, url: s.url}
	if err := n.run(nil); err != nil {
		return nil, err
	}
	s.t.Cleanup(n.Stop)
	return n, nil
}

func (s *Stack) start(setup func(context.Context, *store.Store) error) {
	s.t.Helper()
	if err := s.run(setup); err != nil {
		s.t.Fatalf("start: %v", err)
	}
}

// run returns when the server serves, or does not.
func (s *Stack) run(setup func(context.Context, *store.Store) error) error {
	cfg, err := config.Load(s.env)
	if err != nil {
		return err
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready := make(chan net.Addr, 1)
	s.stop, s.done = cancel, make(chan error, 1)
	go func() {
		s.done <- server.Run(ctx, cfg, server.Options{
			Log: slog.New(slog.NewTextHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})), Listener: ln,
			Setup: setup, Ledger: func(l ledger.Ledger) { s.Ledger = l },
			Patience: s.opts.Patience, HeaderTimeout: s.opts.HeaderTimeout, WriteTimeout: s.opts.WriteTimeout, Now: s.opts.Now, Ready: func(a net.Addr) { ready <- a },
		})
	}()
	select {
	case a := <-ready:
		s.URL = "http://" + a.String()
		return nil
	case err := <-s.done:
		cancel()
		s.stop = nil
		return errors.Join(err, ln.Close())
	}
}

// Document returns the settings with every provider pointing at the upstream.
func (s *Stack) Document() []byte {
	doc := map[string]any{"name": "test"}
	if s.opts.Settings != "" {
		if err := json.Unmarshal([]byte(s.opts.Settings), &doc); err != nil {
			s.t.Fatalf("settings: %v", err)
		}
	}
	providers, _ := doc["providers"].(map[string]any)
	all := map[string]any{}
	for _, v := range project.Vendors() {
		base, err := url.Parse(v.BaseURL)
		if err != nil {
			s.t.Fatal(err)
		}
		p := map[string]any{"baseUrl": s.Upstream.URL + base.Path, "forwardHeaders": steering}
		if !s.opts.PassThrough {
			p["key"] = StoredKey
		}
		all[v.Name] = p
	}
	for name, own := range providers {
		p, builtIn := all[name].(map[string]any)
		fields, ok := own.(map[string]any)
		if builtIn && ok {
			maps.Copy(p, fields)
		} else {
			all[name] = own
		}
	}
	doc["providers"] = all
	if _, ok := doc["name"]; !ok {
		doc["name"] = "test"
	}
	b, err := json.Marshal(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return b
}

func (s *Stack) createProject(ctx context.Context, st *store.Store) error {
	settings, err := project.ParseSettings(s.Document())
	if err != nil {
		return err
	}
	rec, sk, err := st.CreateProject(ctx, settings)
	if err != nil {
		return err
	}
	s.ProjectKey, s.SecretKey = rec.Key, sk
	return nil
}

// Store opens the project's records beside the running server, as the command line does.
func (s *Stack) Store() *store.Store {
	s.t.Helper()
	cfg, err := config.Load(s.env)
	if err != nil {
		s.t.Fatal(err)
	}
	secrets, err := cfg.Secrets()
	if err != nil {
		s.t.Fatal(err)
	}
	keys, err := secret.NewKeyring(secrets.Encryption)
	if err != nil {
		s.t.Fatal(err)
	}
	return store.New(s.open(), keys)
}

func (s *Stack) open() *store.DB {
	s.t.Helper()
	db, err := store.Open(context.Background(), s.Location())
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	return db
}

// Alter changes the database beside the server, which sees it when a project changes next.
func (s *Stack) Alter(statement string, args ...any) {
	s.t.Helper()
	if _, err := s.open().Write.Exec(statement, args...); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

// Stored is the project's settings as the database has them.
func (s *Stack) Stored() (settings string) {
	s.t.Helper()
	if err := s.open().Read.QueryRow(`SELECT settings FROM projects WHERE id = $1`, s.ProjectKey).Scan(&settings); err != nil {
		s.t.Fatal(err)
	}
	return settings
}

// Announce makes the server look at the project anew, as after a change.
func (s *Stack) Announce() {
	s.t.Helper()
	// A server that sees the new value looks for projects that have it.
	s.Alter(`UPDATE projects SET revision = (SELECT value + 1 FROM revision) WHERE id = $1`, s.ProjectKey)
	s.Alter(`UPDATE revision SET value = value + 1`)
}

// Dir is the server's DATA_DIR.
func (s *Stack) Dir() string { return s.dir }

// Location is that of the database, for store.Open.
func (s *Stack) Location() string {
	if s.url != "" {
		return s.url
	}
	return filepath.Join(s.dir, "airatelimit.db")
}

// Request makes a request of the data plane, from an identity. Headers come in pairs.
func (s *Stack) Request(method, path, identity, body string, headers ...string) *http.Request {
	s.t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, s.URL+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("x-project-key", s.ProjectKey)
	if identity != "" {
		req.Header.Set("x-identity", identity)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.opts.PassThrough {
		req.Header.Set("Authorization", "Bearer client-provider-key")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return req
}

// Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON decodes the body.
func (a Answer) JSON(t testing.TB) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(a.Body), &v); err != nil {
		t.Fatalf("answer is not JSON: %v: %q", err, a.Body)
	}
	return v
}

// Do sends a request and reads the answer.
func (s *Stack) Do(req *http.Request) Answer {
	s.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: read: %v", req.Method, req.URL.Path, err)
	}
	return Answer{resp.StatusCode, resp.Header, string(body)}
}

// Post sends a body to the data plane.
func (s *Stack) Post(path, identity, body string, headers ...string) Answer {
	s.t.Helper()
	return s.Do(s.Request(http.MethodPost, path, identity, body, headers...))
}

// Usage asks what an identity has used.
func (s *Stack) Usage(identity string, headers ...string) map[string]any {
	s.t.Helper()
	a := s.Do(s.Request(http.MethodGet, "/v1/usage", identity, "", headers...))
	if a.Status != http.StatusOK {
		s.t.Fatalf("usage: status %d: %s", a.Status, a.Body)
	}
	return a.JSON(s.t)
}

// Chat asks for a chat completion.
func (s *Stack) Chat(identity, model string, headers ...string) Answer {
	s.t.Helper()
	return s.Post("/v1/chat/completions", identity, `{"model":"`+model+`","messages":[{"role":"user","content":"hello there"}]}`, headers...)
}

// Control calls the control plane with the project's secret key.
func (s *Stack) Control(method, path, body string, headers ...string) Answer {
	s.t.Helper()
	req := s.Request(method, "/api/projects/"+s.ProjectKey+path, "", body, headers...)
	req.Header.Del("x-project-key")
	if req.Header.Get("Authorization") == "" || s.opts.PassThrough {
		req.Header.Set("Authorization", "Bearer "+s.SecretKey)
	}
	return s.Do(req)
}

// WantStatus checks an answer's status.
func WantStatus(t testing.TB, a Answer, want int) {
	t.Helper()
	if a.Status != want {
		t.Fatalf("status %d, want %d: %.500s", a.Status, want, a.Body)
	}
}

// WantError checks the status and the code of an error.
func WantError(t testing.TB, a Answer, status int, code string) {
	t.Helper()
	WantStatus(t, a, status)
	if _, got := ErrorOf(t, a); got != code {
		t.Fatalf("code %q, want %q: %s", got, code, a.Body)
	}
}

// ErrorOf returns the error object and the code of an answer in any dialect.
func ErrorOf(t testing.TB, a Answer) (object map[string]any, code string) {
	t.Helper()
	object, ok := a.JSON(t)["error"].(map[string]any)
	if !ok {
		t.Fatalf("status %d, no error in %s", a.Status, a.Body)
	}
	code, _ = object["code"].(string)
	if details, ok := object["details"].([]any); ok && len(details) > 0 {
		reason, _ := details[0].(map[string]any)["reason"].(string)
		code = strings.ToLower(reason)
	}
	return object, code
}
