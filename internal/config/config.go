// Package config reads the environment into one checked struct.
//
// Invariants: everything is read in [Load] and nowhere else; a Config that Load returns needs no
// further checks; no error quotes a value that may be a secret.
package config

import (
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// Config is what the operator chose. Its fields follow the variables of .env.example.
type Config struct {
	// Production is whether NODE_ENV or APP_ENV says "production", or neither says anything in a program that was built
	// for it.
	Production bool
	// Host is the address to listen on, "" all of them.
	Host string
	// Port is where the one listener listens; 0 lets the system choose.
	Port int
	// PublicURL is the address people reach this server by, without a trailing slash; "" means that
	// of the request.
	PublicURL string
	// CORSOrigins are further origins that may use the control plane with a session.
	CORSOrigins []string
	// Signup is who may make an account.
	Signup Signup

	// DataDir is the folder of everything this process keeps.
	DataDir string
	// Database is where everything else is kept.
	Database Database

	// ResendAPIKey, or else SMTPURL, sends mail. With neither, links are printed in the log.
	ResendAPIKey string
	SMTPURL      *url.URL
	// EmailFrom is the sender of mail, as "name <address>" or an address.
	EmailFrom string

	// TrustedProxies are the addresses whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// AllowPrivateUpstreams lets a project's own provider live on a private address.
	AllowPrivateUpstreams bool
	// MaxBodyBytes is the largest request body.
	MaxBodyBytes int64
	// BodyMemoryBytes is how much memory the bodies of all requests may have together.
	BodyMemoryBytes int64
	// Prices are laid over the built-in price book; nil: nothing is.
	Prices *project.PriceBook
	// Drain is how long running requests may go on after SIGTERM.
	Drain time.Duration
	// UpstreamTimeout is how long a provider may take to its first byte, and then between bytes.
	UpstreamTimeout time.Duration

	// LogLevel is the least level that is logged.
	LogLevel slog.Level
	// LogJSON chooses JSON lines over text for people.
	LogJSON bool

	// MetricsToken is what /metrics asks for; "" asks for nothing.
	MetricsToken string
	// TracesURL is where traces are sent to, path included; "" sends none.
	TracesURL string
	// ProfilesAddr is the loopback address that serves pprof; "" serves none.
	ProfilesAddr string

	secrets Secrets // those the environment gave
}

// Signup is who may make an account.
type Signup string

// The values of SIGNUP.
const (
	SignupOpen   Signup = "open"   // anybody
	SignupFirst  Signup = "first"  // the first account only, then by invitation
	SignupClosed Signup = "closed" // nobody
)

// Load reads the environment through getenv ([os.Getenv] in production). Its error is every problem
// found, joined: one plain sentence each, that names the variable and says what to do.
func Load(getenv func(string) string) (Config, error) {
	e := &env{get: getenv}
	c := Config{
		Production:      e.production("NODE_ENV", "APP_ENV"),
		Host:            e.host("HOST"),
		Port:            int(e.integer("PORT", "", 3000, 0, 65535)),
		PublicURL:       e.publicURL("PUBLIC_URL"),
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
		pooled(int(e.integer("DATABASE_POOL_SIZE", "connections", 16, LeastConnections, 1000)))
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
