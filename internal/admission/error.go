package admission

import (
	"net/http"
	"strconv"
	"time"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// WriteError writes the headers of an error in a dialect, and returns the body. id is the request's id.
func WriteError(h http.Header, e *wire.Error, dialect wire.Dialect, id string) []byte {
	body := e.Body(dialect, id)
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if name := dialect.Spec().RequestIDHeader; name != "" {
		h.Set(name, id)
	}
	if e.NoRetry {
		h.Set("X-Should-Retry", "false") // the vendors' SDKs obey it
	}
	if e.RetryAfter > 0 || e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", seconds(max(time.Second, e.RetryAfter)))
	}
	if e.RetryMs > 0 {
		h.Set("Retry-After-Ms", itoa(e.RetryMs))
	}
	return body
}

// nosniff is the same on every answer.
var nosniff = []string{"nosniff"}

// Identify writes the headers of every answer of the data plane. id is the request's id.
func Identify(h http.Header, id string) {
	h["X-Request-Id"] = []string{id}
	h["X-Content-Type-Options"] = nosniff
}
