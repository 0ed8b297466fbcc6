// Package config reads the environment into one checked struct.
//
// Invariants: only [Load] reads the environment; a Config that Load returns needs no further checks; no error quotes a
// value that may be a secret.
package config

import (
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// Config is the operator's settings. Its fields follow the variables of .env.example.
type Config struct {
	// Production is set if NODE_ENV or APP_ENV is "production", or if both are empty in a program built for production.
	Production bool
	// Host is the address to listen on; "" listens on all.
	Host string
	// Port is the listener's port; 0 lets the system choose.
	Port int
	// PublicURL is this server's public address, without a trailing slash; "" means the address of the request.
	PublicURL string
	// DocsURL is the public address of the folder docs, without a trailing slash, for errors to refer to; "" for none.
	DocsURL string
	// CORSOrigins are further origins that may use the control plane with a session.
	CORSOrigins []string
	// Signup says who may create an account.
	Signup Signup

	// DataDir is the folder of all local files: the SQLite file, unless DATABASE_URL is set, and generated keys.
	DataDir string
	// Database says where projects and usage are stored.
	Database Database

	// ResendAPIKey or SMTPURL sends mail. Without both, links are printed in the log, but in production nowhere.
	ResendAPIKey string
	SMTPURL      *url.URL
	// EmailFrom is the sender of mail, as "name <address>" or an address.
	EmailFrom string

	// TrustedProxies are the proxies whose X-Forwarded-For is trusted.
	TrustedProxies []netip.Prefix
	// AllowPrivateUpstreams allows private addresses for a project's own provider.
	AllowPrivateUpstreams bool
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// BodyMemoryBytes is the memory for the bodies of all requests together.
	BodyMemoryBytes int64
	// Prices override the built-in price book; nil overrides nothing.
	Prices *project.PriceBook
	// Drain is how long running requests may continue after SIGTERM.
	Drain time.Duration
	// UpstreamTimeout is how long a provider may take to its first byte, and then between bytes.
	UpstreamTimeout time.Duration

	// LogLevel is the lowest level that is logged.
	LogLevel slog.Level
	// LogJSON selects JSON lines; otherwise the log is text.
	LogJSON bool

	// MetricsToken is the token that /metrics requires; "" requires none.
	MetricsToken string
	// TracesURL is the collector's URL, path included; "" sends no traces.
	TracesURL string
	// ProfilesAddr is the loopback address that serves pprof; "" serves none.
	ProfilesAddr string

	secrets Secrets // those set in the environment
}

// Signup says who may create an account.
type Signup string

// The values of SIGNUP.
const (
	SignupOpen   Signup = "open"   // anybody
	SignupFirst  Signup = "first"  // the first account only, then by invitation
	SignupClosed Signup = "closed" // nobody
)

// HTTPS reports whether browsers reach the server by HTTPS: PUBLIC_URL says so, or without one production does. Only then
// do they take a cookie that must not travel in the clear.
func (c Config) HTTPS() bool {
	if c.PublicURL == "" {
		return c.Production
	}
	return strings.HasPrefix(c.PublicURL, "https://")
}

// Load reads the environment through getenv ([os.Getenv] in production). Its error joins all problems. Each is a sentence
// that names the variable and the remedy.
func Load(getenv func(string) string) (Config, error) {
	e := &env{get: getenv}
	c := Config{
		Production:      e.production("NODE_ENV", "APP_ENV"),
		Host:            e.host("HOST"),
		Port:            int(e.integer("PORT", "", 3000, 0, 65535)),
		PublicURL:       e.publicURL("PUBLIC_URL"),
		DocsURL:         e.publicURL("PUBLIC_DOCS_URL"),
		CORSOrigins:     e.origins("CORS_ORIGIN"),
		Signup:          Signup(e.oneOf("SIGNUP", string(SignupFirst), string(SignupOpen), string(SignupFirst), string(SignupClosed))),
		DataDir:         filepath.Clean(e.text("DATA_DIR", "data")),
		ResendAPIKey:    e.text("RESEND_API_KEY", ""),
		SMTPURL:         e.smtpURL("SMTP_URL"),
		EmailFrom:       e.address("EMAIL_FROM"),
		TrustedProxies:  e.prefixes("TRUSTED_PROXIES"),
		MaxBodyBytes:    e.integer("MAX_BODY_MB", "megabytes", 32, 1, 1024) << 20,
		BodyMemoryBytes: e.integer("BODY_MEMORY_MB", "megabytes", 256, 1, 1<<20) << 20,
		Drain:           e.seconds("DRAIN_SECONDS", 30, 0),
		UpstreamTimeout: e.seconds("UPSTREAM_TIMEOUT_SECONDS", 600, 1),
	}
	if c.Host == "" && !c.Production && builtFor == "" {
		c.Host = "127.0.0.1"
	}
	c.Database = e.database("DATABASE_URL", filepath.Join(c.DataDir, "airatelimit.db")).
		pooled(int(e.integer("DATABASE_POOL_SIZE", "connections", 16, MinConnections, 1000)))
	c.Prices = e.prices("PRICE_BOOK")
	c.AllowPrivateUpstreams = e.boolean("ALLOW_PRIVATE_UPSTREAMS", !c.Production)
	c.LogLevel = e.level("LOG_LEVEL")
	format := "text"
	if c.Production {
		format = "json"
	}
	c.LogJSON = e.oneOf("LOG_FORMAT", format, "text", "json") == "json"
	c.MetricsToken = e.text("METRICS_TOKEN", "")
	c.TracesURL = e.tracesURL("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	c.ProfilesAddr = e.loopback("PPROF_ADDR")
	e.mail(c)
	c.secrets = e.secrets(c)
	return c, errors.Join(e.errs...)
}
