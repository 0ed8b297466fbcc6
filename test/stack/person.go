package stack

import (
	"context"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
)

// SignIn signs a mail address in by an operator's link, and returns the user and the token of the session's cookie.
func SignIn(t testing.TB, s *store.Store, email string) (u account.User, token string) {
	t.Helper()
	token = secret.NewToken()
	u, err := Session(context.Background(), s, email, token, time.Now().UTC().Truncate(time.Microsecond))
	if err != nil {
		t.Fatal(err)
	}
	return u, token
}

// Session is SignIn with a given token, for programs.
func Session(ctx context.Context, s *store.Store, email, token string, now time.Time) (account.User, error) {
	link := secret.Hash(secret.NewToken())
	u, err := s.EnsureUser(ctx, email, now) // so that it is not the link that makes the account, and an owner of all projects
	if err == nil {
		_, err = s.OfferLogin(ctx, account.Ask{ID: secret.NewID("si_"), Kind: account.ByOperator, Email: email, Token: link, Expires: now.Add(account.LinkTime)}, now)
	}
	if err == nil {
		_, err = s.SignInByLink(ctx, account.Proof{Token: link, Email: email}, account.SignupClosed,
			account.NewSession{Token: secret.Hash(token), IP: "192.0.2.1", Agent: "a browser"}, now)
	}
	return u, err
}
