package api

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

// authenticate returns the project of a request's secret key, if it is the project in the path. The answer is the same
// for a missing, malformed, unknown or wrong key, and does not show whether another project exists.
func (c *control) authenticate(r *http.Request) (*project.Snapshot, error) {
	id, hash, ok := secret.ParseSecretKey(bearer(r.Header["Authorization"]))
	if !ok {
		return nil, unauthorized()
	}
	rec, err := c.Secrets.ProjectBySecretID(r.Context(), id)
	switch {
	case errors.Is(err, project.ErrNotFound):
		return nil, unauthorized()
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoLookup, err)
	case !secret.Equal(hash, rec.SecretHash):
		return nil, unauthorized()
	case rec.Key != r.PathValue("projectId"):
		return nil, refuse(http.StatusForbidden, "wrong_project", "This secret key opens another project than the one in the path.")
	}
	p, err := c.Projects.Project(r.Context(), rec.Key)
	switch {
	case errors.Is(err, project.ErrNotFound), err == nil && p == nil: // deleted a moment ago
		return nil, unauthorized()
	case err != nil:
		return nil, fmt.Errorf("%w: %w", errNoLookup, err)
	}
	return p, nil
}

func unauthorized() *problem {
	return refuse(http.StatusUnauthorized, "invalid_secret_key",
		"Send the project's secret key: Authorization: Bearer sk_… It is shown once, when the project is created or the key regenerated.").
		with("WWW-Authenticate", `Bearer realm="airatelimit"`)
}

// bearer returns the token of the Authorization header, or "" if there is none or more than one.
func bearer(headers []string) string {
	if len(headers) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
