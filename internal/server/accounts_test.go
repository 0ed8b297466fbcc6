package server

import (
	"bytes"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

var setupLink = regexp.MustCompile(`http://localhost:3000/login#setup=(\w{43})`)

// The way to the first account is shown where only its owner reads: to people at a terminal, and in a developer's log.
func TestTheStartSaysHowTheFirstAccountIsMade(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		production, terminal bool
		link                 bool
		says                 string
	}{
		"Terminal":            {false, true, true, "makes the first one"},
		"Log":                 {false, false, true, "makes the first one"},
		"ProductionsTerminal": {true, true, false, "airatelimit login-link you@example.com"},
		"ProductionsLog":      {true, false, false, "airatelimit login-link you@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close() //nolint:errcheck // a test's file
			s := store.New(db, nil)
			var log, out bytes.Buffer
			a := &app{log: slog.New(slog.NewTextHandler(&log, nil)), now: time.Now, production: tc.production}
			opts := Options{Program: "airatelimit"}
			if tc.terminal {
				opts.Out = &out
			}
			if err := a.newcomer(t.Context(), "http://localhost:3000", s, opts); err != nil {
				t.Fatal(err)
			}
			said := log.String() + out.String()
			link := setupLink.FindStringSubmatch(said)
			if !strings.Contains(said, tc.says) || (link != nil) != tc.link || tc.terminal != (log.Len() == 0) {
				t.Errorf("log %q, terminal %q", log.String(), out.String())
			}
			if link == nil {
				return
			}
			if _, err := s.SetUp(t.Context(), secret.Hash(link[1]), "ann@example.com", account.NewSession{}, time.Now()); err != nil {
				t.Errorf("the link: %v", err)
			}
			log.Reset()
			out.Reset()
			if err := a.newcomer(t.Context(), "http://localhost:3000", s, opts); err != nil || log.Len()+out.Len() > 0 {
				t.Errorf("beside an account: %v, log %q, terminal %q", err, log.String(), out.String())
			}
		})
	}
}

func TestMailIsSentAsConfigured(t *testing.T) {
	t.Parallel()
	smtp := &url.URL{Scheme: "smtp", Host: "mail"}
	for want, cfg := range map[string]config.Config{
		"resend": {ResendAPIKey: "re_x", Production: true}, "smtp": {SMTPURL: smtp, Production: true}, "none": {Production: true}, "log": {},
	} {
		if got := Mail(cfg, slog.New(slog.DiscardHandler)).Kind(); got != want {
			t.Errorf("%+v: %s, want %s", cfg, got, want)
		}
	}
}

func TestAStartWarnsOfASenderOfAnotherDomain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		from, public string
		warns        bool
	}{
		{"login@example.com", "https://limits.example.com", false}, {"login@mail.Example.com", "https://example.com:8443", false},
		{"AI <login@example.com>", "https://example.com", false}, {"login@example.org", "https://limits.example.com", true},
		{"login@notexample.com", "https://example.com", true}, {"login@example.com", "", false},
	} {
		var log bytes.Buffer
		warnOfMail(config.Config{ResendAPIKey: "re_x", EmailFrom: tc.from, PublicURL: tc.public}, slog.New(slog.NewTextHandler(&log, nil)))
		if (log.Len() > 0) != tc.warns {
			t.Errorf("%+v: log %q", tc, log.String())
		}
	}
}
