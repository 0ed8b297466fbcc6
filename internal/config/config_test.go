package config

import (
	"bufio"
	"log/slog"
	"maps"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func from(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

var comparers = cmp.Options{
	cmpopts.IgnoreUnexported(Config{}),
	cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
	cmp.Comparer(func(a, b *url.URL) bool { return a == b || a != nil && b != nil && a.String() == b.String() }),
}

func TestLoadOfAnEmptyEnvironmentIsTheDefaults(t *testing.T) {
	t.Parallel()
	got, err := Load(from(nil))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Host: "127.0.0.1", Port: 3000, Signup: SignupFirst, DataDir: "data", Database: File(filepath.Join("data", "airatelimit.db")),
		AllowPrivateUpstreams: true, MaxBodyBytes: 32 << 20, BodyMemoryBytes: 256 << 20, Drain: 30 * time.Second, UpstreamTimeout: 10 * time.Minute,
		LogLevel: slog.LevelInfo,
	}
	if diff := cmp.Diff(want, got, comparers); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
}

func TestLoadReadsEveryVariable(t *testing.T) {
	t.Parallel()
	got, err := Load(from(map[string]string{
		"APP_ENV": "Production", "HOST": "[::1]", "PORT": "8080", "PUBLIC_URL": "https://limits.example.com/", "PUBLIC_DOCS_URL": "https://example.com/docs/", "SIGNUP": "closed",
		"CORS_ORIGIN": "https://Admin.Example.com:443/, http://localhost:5173", "DATA_DIR": "/var/lib/x/",
		"DATABASE_URL": "sqlite:/srv/y.db", "SMTP_URL": "smtp://u:p@mail:587", "EMAIL_FROM": "A <a@example.com>",
		"TRUSTED_PROXIES": "10.1.2.3/8, ::1", "MAX_BODY_MB": "1", "BODY_MEMORY_MB": "64", "DRAIN_SECONDS": "0", "UPSTREAM_TIMEOUT_SECONDS": "5",
		"ALLOW_PRIVATE_UPSTREAMS": "true", "LOG_LEVEL": "debug",
		"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/", "PPROF_ADDR": "[::1]:6060", "METRICS_TOKEN": "m",
		"JWT_SECRET": key1, "ENCRYPTION_KEY": key2, "ENCRYPTION_KEY_PREVIOUS": key1 + ",Zx8kPq2vLm5nRt7wYb3cHd6fJg9sKa4e",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Production: true, Host: "::1", Port: 8080, PublicURL: "https://limits.example.com", DocsURL: "https://example.com/docs", Signup: SignupClosed,
		CORSOrigins: []string{"https://admin.example.com", "http://localhost:5173"}, DataDir: "/var/lib/x",
		Database: File("/srv/y.db"), SMTPURL: &url.URL{Scheme: "smtp", Host: "mail:587", User: url.UserPassword("u", "p")},
		EmailFrom:      "A <a@example.com>",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		MaxBodyBytes:   1 << 20, BodyMemoryBytes: 64 << 20, UpstreamTimeout: 5 * time.Second, AllowPrivateUpstreams: true,
		LogLevel: slog.LevelDebug, LogJSON: true,
		TracesURL: "http://collector:4318/v1/traces", ProfilesAddr: "[::1]:6060", MetricsToken: "m",
	}
	if diff := cmp.Diff(want, got, comparers); diff != "" {
		t.Errorf("Load (-want +got):\n%s", diff)
	}
	s, err := got.Secrets()
	if err != nil {
		t.Fatal(err)
	}
	if string(s.JWT) != key1 || len(s.Encryption) != 32 || len(s.EncryptionOld) != 2 || string(s.EncryptionOld[1][:2]) != "Zx" {
		t.Errorf("Secrets: %d, %d bytes and %d old keys; want those given", len(s.JWT), len(s.Encryption), len(s.EncryptionOld))
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value, want string }{
		{"PORT", "http", `PORT is "http": give a whole number from 0 to 65535`},
		{"PORT", "65536", "PORT is"},
		{"PORT", "postgresql://u:hunter2@db/x", "PORT is something else"},
		{"PORT", `"3000"`, "PORT has quotes around its value"},
		{"NODE_ENV", `"production"`, "NODE_ENV has quotes around its value, which would be a part of it: remove them"},
		{"NODE_ENV", "'production", "NODE_ENV has quotes"},
		{"NODE_ENV", "prod", `NODE_ENV is "prod": give one of production, development, test, or leave it empty`},
		{"APP_ENV", "staging", `APP_ENV is "staging": give one of`},
		{"HOST", "127.0.0.1:3000", `HOST is "127.0.0.1:3000": give an address such as 127.0.0.1 or ::1, without a port`},
		{"HOST", "https://limits.example.com", "HOST is"},
		{"HOST", "*", `HOST is "*"`},
		{"CORS_ORIGIN", "https://u:hunter2@b.example", "CORS_ORIGIN has something else"},
		{"JWT_SECRET", `"` + key1 + `"`, "JWT_SECRET has quotes"},
		{"TRUSTED_PROXIES", `"10.0.0.0/8"`, "TRUSTED_PROXIES has quotes"},
		{"DATABASE_URL", `"postgresql://u:hunter2@db/x"`, "DATABASE_URL has quotes"},
		{"DATABASE_URL", "postgresql://u:p@hunter2@db/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:p@ss/hunter2@db/x", "with % codes for / ? # @ in the password"},
		{"DATABASE_URL", "postgresql://u:p@hunter2/y?z@db/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:p@hunter2!x/y", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:hunter2%zz@db/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:[hunter2]@db/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"PUBLIC_URL", "limits.example.com", "PUBLIC_URL is not the address of a site"},
		{"PUBLIC_URL", "https://x.example/?a=b", "PUBLIC_URL is not"},
		{"PUBLIC_DOCS_URL", "https://x.example/docs#errors", "PUBLIC_DOCS_URL is not the address of a site"},
		{"CORS_ORIGIN", "*", `CORS_ORIGIN has "*"`},
		{"CORS_ORIGIN", "https://a.example,b.example", `CORS_ORIGIN has "b.example"`},
		{"SIGNUP", "yes", `SIGNUP is "yes": give one of open, first, closed`},
		{"DATABASE_URL", "postgresql:hunter2", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:hunter2@db", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:hunter2/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:12/hunter2@db/x", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql:///hunter2", "DATABASE_URL is not an address of PostgreSQL"},
		{"DATABASE_URL", "postgresql://u:hunter2@db/x?sslmode=prefer", "DATABASE_URL has sslmode=prefer, with which an attacker in between can turn encryption off"},
		{"DATABASE_URL", "postgresql://u:hunter2@db/x?sslmode=allow", "write sslmode=verify-full"},
		{"DATABASE_URL", "postgresql://u:hunter2@db/x?sslmode=yes", "DATABASE_URL has an sslmode that PostgreSQL does not know"},
		{"DATABASE_POOL_SIZE", "3", `DATABASE_POOL_SIZE is "3": give a whole number of connections from 4 to 1000`},
		{"DATABASE_URL", "mysql://u:hunter2@db/x", "DATABASE_URL has an unknown form"},
		{"DATABASE_URL", "sqlite://data/x.db", "DATABASE_URL names no file"},
		{"DATABASE_URL", "sqlite:", "DATABASE_URL names no file"},
		{"DATABASE_URL", "sqlite::memory:", "DATABASE_URL names a database in memory"},
		{"RESEND_API_KEY", "re_123", "EMAIL_FROM is not set"},
		{"SMTP_URL", "mail:hunter2", "SMTP_URL is not the address of a mail server"},
		{"SMTP_URL", "smtp://u:12/hunter2@mail", "SMTP_URL is not the address of a mail server"},
		{"SMTP_URL", "smtp://u:p?hunter2@mail", "SMTP_URL is not the address of a mail server"},
		{"EMAIL_FROM", "me", `EMAIL_FROM is "me"`},
		{"TRUSTED_PROXIES", "10.0.0.0/8,lan", `TRUSTED_PROXIES has "lan"`},
		{"BODY_MEMORY_MB", "0", "BODY_MEMORY_MB is"},
		{"MAX_BODY_MB", "0", "MAX_BODY_MB is"},
		{"MAX_BODY_MB", "32MB", `MAX_BODY_MB is "32MB": give a whole number of megabytes from 1 to 1024`},
		{"DRAIN_SECONDS", "30s", `DRAIN_SECONDS is "30s": give a whole number of seconds from 0 to 86400`},
		{"UPSTREAM_TIMEOUT_SECONDS", "0", "UPSTREAM_TIMEOUT_SECONDS is"},
		{"ALLOW_PRIVATE_UPSTREAMS", "maybe", "ALLOW_PRIVATE_UPSTREAMS is"},
		{"LOG_LEVEL", "loud", "LOG_LEVEL is"},
		{"LOG_FORMAT", "xml", "LOG_FORMAT is"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "OTEL_EXPORTER_OTLP_ENDPOINT is not the address of a collector"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:hunter2@collector", "OTEL_EXPORTER_OTLP_ENDPOINT is not"},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is not"},
		{"PPROF_ADDR", ":6060", `PPROF_ADDR is ":6060", which is not a loopback address with a port`},
		{"PPROF_ADDR", "0.0.0.0:6060", "PPROF_ADDR is"},
		{"PPROF_ADDR", "127.0.0.1", "PPROF_ADDR is"},
		{"PPROF_ADDR", "10.0.0.1:6060", "PPROF_ADDR is"},
		{"PPROF_ADDR", "localhost:http", "PPROF_ADDR is"},
		{"JWT_SECRET", "hunter2", "JWT_SECRET is 7 bytes long, and must be 32 or more: make one with `openssl rand -hex 32`"},
		{"ENCRYPTION_KEY", "hunter2", "ENCRYPTION_KEY must be 64 hex digits or 32 characters, and has 7: make one with `openssl rand -hex 32`"},
		{"ENCRYPTION_KEY_PREVIOUS", key1 + ",hunter2", "ENCRYPTION_KEY_PREVIOUS: its key 2 must be"},
	} {
		t.Run(tc.name+"="+tc.value, func(t *testing.T) {
			t.Parallel()
			_, err := Load(from(map[string]string{tc.name: tc.value}))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v, want %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("error quotes a secret: %v", err)
			}
		})
	}
}

func TestLoadReportsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Load(from(map[string]string{"NODE_ENV": "production", "PORT": "x", "SIGNUP": "x"}))
	if err == nil {
		t.Fatal("no error")
	}
	var names []string
	for line := range strings.Lines(err.Error()) {
		names = append(names, strings.Fields(line)[0])
	}
	if want := []string{"PORT", "SIGNUP", "JWT_SECRET"}; !slices.Equal(names, want) {
		t.Errorf("problems with %v, want %v", names, want)
	}
}

func TestProductionNeedsNoEncryptionKey(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, err := Load(from(map[string]string{"NODE_ENV": "production", "JWT_SECRET": key1, "DATA_DIR": dir}))
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Secrets()
	if err != nil || s.Encryption != nil {
		t.Errorf("Secrets: a key of %d bytes, %v, want none", len(s.Encryption), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 0 {
		t.Errorf("production has made %v", files)
	}
	_, err = Load(from(map[string]string{"NODE_ENV": "production", "JWT_SECRET": key1, "ENCRYPTION_KEY_PREVIOUS": key2}))
	if err == nil || !strings.Contains(err.Error(), "ENCRYPTION_KEY is not set, but ENCRYPTION_KEY_PREVIOUS is") {
		t.Errorf("an earlier key alone: %v, want it refused", err)
	}
}

// Outside production the secrets are made and kept, PostgreSQL or not; who runs several nodes is told.
func TestWhatIsKeptIsTold(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		env  map[string]string
		want []string
	}{
		{map[string]string{"DATABASE_URL": "postgresql://localhost/x"}, []string{"JWT_SECRET", "ENCRYPTION_KEY"}},
		{map[string]string{"DATABASE_URL": "postgresql://localhost/x", "JWT_SECRET": key1}, []string{"ENCRYPTION_KEY"}},
		{map[string]string{"NODE_ENV": "production", "JWT_SECRET": key1}, nil},
	} {
		c, err := Load(from(tc.env))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Kept(); !slices.Equal(got, tc.want) {
			t.Errorf("%v: kept %v, want %v", tc.env, got, tc.want)
		}
	}
}

func TestHost(t *testing.T) {
	t.Parallel()
	production := map[string]string{"NODE_ENV": "production", "JWT_SECRET": key1}
	for host, want := range map[string]string{"": "", "0.0.0.0": "0.0.0.0", "::": "::", "localhost": "localhost", "node-1.internal": "node-1.internal"} {
		production["HOST"] = host
		c, err := Load(from(production))
		if err != nil || c.Host != want {
			t.Errorf("in production HOST=%q: %q, %v, want %q", host, c.Host, err, want)
		}
	}
	if c, err := Load(from(map[string]string{"NODE_ENV": "test"})); err != nil || c.Host != "127.0.0.1" {
		t.Errorf("outside production: %q, %v, want 127.0.0.1", c.Host, err)
	}
}

// The documented variables are those that are read.
func TestEnvExampleListsExactlyWhatLoadReads(t *testing.T) {
	t.Parallel()
	read := map[string]bool{}
	if _, err := Load(func(name string) string { read[name] = true; return "" }); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join("..", "..", ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	values := map[string]string{}
	comment := false
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		name, value, isVar := strings.Cut(line, "=")
		switch {
		case strings.HasPrefix(line, "#"):
			comment = true
		case line == "":
			comment = false
		case !isVar:
			t.Errorf("not a variable: %q", line)
		default:
			if !comment {
				t.Errorf("%s has no comment", name)
			}
			if !read[name] {
				t.Errorf("%s is listed and not read", name)
			}
			values[name] = value
		}
	}
	for name := range read {
		if _, ok := values[name]; !ok {
			t.Errorf("%s is read and not listed", name)
		}
	}
	got, err := Load(from(values))
	if err != nil {
		t.Fatalf("Load of .env.example: %v", err)
	}
	defaults, _ := Load(from(nil))
	if diff := cmp.Diff(defaults, got, comparers); diff != "" {
		t.Errorf(".env.example is not the defaults (-default +example):\n%s", diff)
	}
}

func TestPriceBookIsReadAndChecked(t *testing.T) {
	t.Parallel()
	file := func(doc string) string {
		name := filepath.Join(t.TempDir(), "prices.json")
		if err := os.WriteFile(name, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	c, err := Load(from(map[string]string{"PRICE_BOOK": file(`{"m": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 2}, "n-*": {"imageUsd": 0.04}}`)}))
	if err != nil || c.Prices.Models() != 2 {
		t.Errorf("%d models, error %v; want 2", c.Prices.Models(), err)
	}
	if c, err := Load(from(nil)); err != nil || c.Prices != nil {
		t.Errorf("without a file: %v, error %v", c.Prices, err)
	}
	for name, tc := range map[string]struct{ path, want string }{
		"no file":       {filepath.Join(t.TempDir(), "none.json"), "PRICE_BOOK: the file cannot be read: "},
		"a folder":      {t.TempDir(), "PRICE_BOOK: the file cannot be read: "},
		"no JSON":       {file("prices"), "the document is not valid JSON"},
		"a wrong entry": {file(`{"gpt-9": {"inputUsdPerMillion": 1}}`), "gpt-9: outputUsdPerMillion is missing"},
		"a wrong field": {file(`{"gpt-9": {"feesUsdPerThousand": {"webSearch": -1}}}`), "gpt-9.feesUsdPerThousand.webSearch: must be USD from 0, not -1"},
	} {
		if _, err := Load(from(map[string]string{"PRICE_BOOK": tc.path})); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "PRICE_BOOK") {
			t.Errorf("%s: error %v, want %q in it", name, err, tc.want)
		}
	}
}

// Docker's env files keep quotes, which would become a part of whatever the variable holds.
func TestQuotesAreRefusedInEveryVariable(t *testing.T) {
	t.Parallel()
	var names []string
	if _, err := Load(func(name string) string { names = append(names, name); return "" }); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		for _, value := range []string{`"x"`, `'x'`, "`x`", `"x`, `x'`, ` "x" `} {
			_, err := Load(from(map[string]string{name: value}))
			if err == nil || !strings.Contains(err.Error(), name+" has quotes around its value") {
				t.Errorf("%s=%s: %v, want its quotes refused", name, value, err)
			}
		}
	}
	if c, err := Load(from(map[string]string{"EMAIL_FROM": `"Ann's app" <ann@example.com>`})); err != nil || c.EmailFrom == "" {
		t.Errorf("a name in quotes before an address: %v, want it taken", err)
	}
}

// A variable that is refused for its quotes is not also one that is missing.
func TestAQuotedSecretIsRefusedOnce(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"NODE_ENV": "production", "JWT_SECRET": `"` + key1 + `"`, "ENCRYPTION_KEY": "'" + key1 + "'", "ENCRYPTION_KEY_PREVIOUS": key1}
	_, err := Load(func(name string) string { return vars[name] })
	if err == nil || strings.Contains(err.Error(), "is not set") || strings.Count(err.Error(), "quotes around its value") != 2 {
		t.Errorf("Load: %v; want the quotes of each named, and nothing missing", err)
	}
}

// Links in mails of production lead to PUBLIC_URL alone, so mail needs it there.
func TestMailInProductionNeedsTheServersAddress(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		vars map[string]string
		want string // in the error; "" for none
	}{
		"Without":     {map[string]string{"NODE_ENV": "production"}, "PUBLIC_URL is not set"},
		"With":        {map[string]string{"NODE_ENV": "production", "PUBLIC_URL": "https://limits.example.com"}, ""},
		"Wrong":       {map[string]string{"NODE_ENV": "production", "PUBLIC_URL": "limits"}, "PUBLIC_URL is not the address of a site"},
		"Development": {map[string]string{}, ""},
	} {
		for _, by := range []map[string]string{{"SMTP_URL": "smtp://mail"}, {"RESEND_API_KEY": "re_x"}} {
			vars := maps.Clone(tc.vars)
			maps.Copy(vars, by)
			vars["EMAIL_FROM"], vars["JWT_SECRET"] = "a@example.com", key1
			_, err := Load(from(vars))
			if tc.want == "" != (err == nil) || err != nil && (!strings.Contains(err.Error(), tc.want) || strings.Count(err.Error(), "\n") > 0) {
				t.Errorf("%s, %v: %v, want %q", name, by, err, tc.want)
			}
		}
	}
}

func TestBrowsersReachTheServerByHTTPSIfItsAddressSaysSo(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		public     string
		production bool
		want       bool
	}{
		{"", false, false}, {"", true, true}, {"http://limits.lan", true, false}, {"https://limits.example.com", false, true}, {"https://limits.example.com", true, true},
	} {
		if got := (Config{PublicURL: tc.public, Production: tc.production}).HTTPS(); got != tc.want {
			t.Errorf("%+v: %t", tc, got)
		}
	}
}
