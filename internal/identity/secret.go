package identity

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/airatelimit/airatelimit/internal/secret"
)

// CheckSecret refuses a data-plane request with a project's secret key in its path, its query or a header, because
// anybody can read a key that is built into an app. path and query are as the client sent them. The error is a
// *wire.Error, secret_key_in_app, and does not quote the key.
func CheckSecret(r *http.Request, path, query string) error {
	found := holdsSecret(path) || holdsSecret(query)
	for _, values := range r.Header {
		for _, v := range values {
			found = found || secret.HoldsSecretKey(v)
		}
	}
	// An x-project-key that begins with sk_ is a truncated or mistyped secret key.
	for _, key := range r.Header["X-Project-Key"] {
		found = found || strings.HasPrefix(strings.TrimSpace(key), "sk_")
	}
	if user, password, ok := r.BasicAuth(); ok {
		found = found || secret.HoldsSecretKey(user) || secret.HoldsSecretKey(password)
	}
	if !found {
		return nil
	}
	return secretInApp()
}

// CheckSecretBody is CheckSecret for a body as the client sent it.
func CheckSecretBody(body []byte) error {
	if !secret.HoldsSecretKeyBytes(body) {
		return nil
	}
	return secretInApp()
}

func secretInApp() error {
	return refuse(http.StatusUnauthorized, "secret_key_in_app", "",
		"The request carries a secret key (sk_…). That key is for your server only: anybody can read a key in an app. "+
			"Rotate it now (`airatelimit project regenerate-secret`), and use the project key (pk_…) in the app.")
}

func holdsSecret(escaped string) bool {
	if strings.Contains(escaped, "%") {
		if plain, err := url.PathUnescape(escaped); err == nil {
			escaped = plain
		}
	}
	return secret.HoldsSecretKey(escaped)
}
