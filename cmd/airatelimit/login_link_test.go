package main

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

var printedLink = regexp.MustCompile(`\n  (\S+)/login#t=(\w{43})\n`)

func TestLoginLinkSignsIn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"DATA_DIR": dir, "SIGNUP": "closed", "PUBLIC_URL": "https://limits.example.com/"}
	if got := runWith(t, env, "", "login-link", "ann@example.com"); got.code != exitFailed || !strings.Contains(got.err, "there is no database") {
		t.Errorf("in an empty folder: exit %d, err %q", got.code, got.err)
	}
	if got := runWith(t, env, "", "login-link", "ann"); got.code != exitUsage {
		t.Errorf("no address: exit %d, err %q", got.code, got.err)
	}
	runWith(t, env, "", "project", "create", "--name", "A")
	var tokens []string
	for i := range 2 {
		got := runWith(t, env, "", "login-link", "Ann@Example.com")
		link := printedLink.FindStringSubmatch(got.out)
		if got.code != 0 || link == nil || link[1] != "https://limits.example.com" {
			t.Fatalf("exit %d, out %q, err %q", got.code, got.out, got.err)
		}
		if made := strings.Contains(got.out, "Made an account for ann@example.com"); made != (i == 0) {
			t.Errorf("run %d: %q", i, got.out)
		}
		tokens = append(tokens, link[2])
	}
	db, err := store.Open(t.Context(), dir+"/airatelimit.db")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's file
	s := store.New(db, nil)
	for i, token := range tokens { // a later link does not end an earlier one
		proof := account.Proof{Token: secret.Hash(token), Email: "ann@example.com"}
		in, err := s.SignInByLink(t.Context(), proof, account.SignupClosed, account.NewSession{Token: secret.Hash(fmt.Sprint(i))}, time.Now())
		if err != nil {
			t.Fatalf("link %d: %v", i, err)
		}
		if mine, err := s.Memberships(t.Context(), in.Session.User.ID); err != nil || len(mine) != 1 || mine[0].Role != account.Owner {
			t.Errorf("the first account has %v, %v, want the project that a command has made", mine, err)
		}
	}
}

func TestMailTestSaysWhatTheServerSaid(t *testing.T) {
	t.Parallel()
	env := map[string]string{"DATA_DIR": t.TempDir()}
	if got := runWith(t, env, "", "mail", "test", "ann@example.com"); got.code != exitFailed || !strings.Contains(got.err, "RESEND_API_KEY or SMTP_URL") {
		t.Errorf("without mail: exit %d, err %q", got.code, got.err)
	}
	env["SMTP_URL"], env["EMAIL_FROM"] = (&url.URL{Scheme: "smtp", Host: "127.0.0.1:1"}).String(), "a@example.com"
	if got := runWith(t, env, "", "mail", "test", "ann@example.com"); got.code != exitFailed || !strings.Contains(got.err, "mail to ann@example.com: reach the mail server") {
		t.Errorf("nobody listens: exit %d, err %q", got.code, got.err)
	}
}
