package wire

import (
	"net/http"
	"testing"
)

// nginx answers 500 if the header names a location that it does not have.
func TestOnlyAnNginxThatKnowsThePlaceIsToldOfIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		request http.Header
		want    string
	}{
		"a client":            {http.Header{}, ""},
		"another header":      {http.Header{"X-Another": {"yes"}}, ""},
		"our nginx.conf's":    {http.Header{"X-Airatelimit-Another": {"yes"}}, "@another"},
		"a place of its own":  {http.Header{"X-Airatelimit-Another": {"/internal"}}, "@another"},
		"the header, and two": {http.Header{"X-Airatelimit-Another": {"a", "b"}}, "@another"},
	} {
		answer := http.Header{}
		NotTaken(answer, tc.request)
		if got := answer.Get("X-Accel-Redirect"); got != tc.want || answer.Get("Connection") != "close" {
			t.Errorf("%s: redirected to %q, connection %q; want %q, and it closed", name, got, answer.Get("Connection"), tc.want)
		}
	}
}
