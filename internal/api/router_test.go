package api

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

func TestOddPathsAreNotFoundAndNeverRedirected(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	below := "/api/projects/" + f.project + "/identities"
	for _, path := range []string{
		"/api/", "/api/x", "/api/projects/", "/api/docs", "/api/openapi.yaml", "/api/openapi-3.0.json", "/api/schemas/Identity", below + "/", below + "//gift", below + "/u/",
		below + "/u/x", below + "/../identities", below + "/./u", below + "//u", "/api//projects", "/api/%70rojects/" + f.project + "/identities", below + "/u%2Fgift/x",
	} {
		f.send("GET", path, "").problem(404)
	}
}

func TestAWrongMethodIsToldTheRightOnes(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, tc := range []struct{ method, path, allow string }{
		{"DELETE", "", "GET, HEAD, POST"}, {"PATCH", "/u", "DELETE, GET, HEAD, PUT"}, {"POST", "/u", "DELETE, GET, HEAD, PUT"},
		{"GET", "/u/gift", "POST"}, {"POST", "/u/credits", "GET, HEAD"}, {"OPTIONS", "", "GET, HEAD, POST"}, {"POST", "/api/openapi.json", "GET, HEAD"},
	} {
		r := f.send(tc.method, tc.path, "")
		r.problem(http.StatusMethodNotAllowed)
		if got := r.header.Get("Allow"); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.path, got, tc.allow)
		}
		if r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("Access-Control-Allow-Methods") != "" {
			t.Errorf("%s %s: CORS headers", tc.method, tc.path)
		}
	}
}

func TestBodiesAreBoundedAndJSON(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	fit := func(size int) string {
		return `{"identity": "u"` + strings.Repeat(" ", size-len(`{"identity": "u"}`)) + `}`
	}
	f.send("POST", "", fit(maxBody)).want(201)
	f.send("POST", "", fit(maxBody+1)).problem(http.StatusRequestEntityTooLarge)
	chunked := func(body string) *http.Request {
		r := httptest.NewRequest("POST", "/api/projects/"+f.project+"/identities", struct{ *strings.Reader }{strings.NewReader(body)})
		r.ContentLength = -1
		r.Header.Set("Authorization", "Bearer "+f.key)
		return r
	}
	do(t, f.handler, chunked(fit(maxBody))).want(200)
	do(t, f.handler, chunked(fit(maxBody+1))).problem(http.StatusRequestEntityTooLarge)
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "json", "application/merge-patch+json", "application/json;;"} {
		f.send("POST", "", `{"identity": "u"}`, "Content-Type", kind).problem(http.StatusUnsupportedMediaType)
	}
	f.send("POST", "", `{"identity": "u"}`, "Content-Encoding", "gzip").problem(http.StatusUnsupportedMediaType)
	f.send("POST", "", `{"identity": "u"}`, "Content-Type", "application/json; charset=utf-8").want(200)
	for _, accept := range []string{"text/html", "*/*", "application/problem+json", "image/png;q=0.5", "json", ";;;"} {
		f.send("GET", "/nobody", "", "Accept", accept).problem(404)
		if got := f.send("GET", "/u", "", "Accept", accept).want(200).header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Accept %q: Content-Type %q", accept, got)
		}
	}
}

// A thousand identities with all that may be set for them fit into one call, on a server that takes such bodies.
func TestABulkBodyMayBeLarger(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	item := func(i int) string {
		return fmt.Sprintf(`{"identity": "user-%d", "metadata": {"x": "%s"}}`, i, strings.Repeat("x", 1050))
	}
	items := make([]string, 1000)
	for i := range items {
		items[i] = item(i)
	}
	body := `{"items": [` + strings.Join(items, ",") + `]}`
	f.send("POST", "/bulk", body).problem(http.StatusRequestEntityTooLarge)
	f.maxBody = int64(len(body))
	f.serve()
	if got := decode[BulkIdentities](f.send("POST", "/bulk", body).want(200)); got.Count != 1000 {
		t.Errorf("%d identities, want 1000", got.Count)
	}
	f.send("POST", "/bulk", body+" ").problem(http.StatusRequestEntityTooLarge)
	f.send("PUT", "/bulk", body).problem(http.StatusRequestEntityTooLarge) // an identity of that name
}

// A client that is refused while it still sends can read why.
func TestRefusalsReachWhoIsStillSending(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	srv := httptest.NewServer(f.handler)
	defer srv.Close()
	const size = 12 << 20 // more than sockets take in
	for name, tc := range map[string]struct {
		path, key, length string
		status            int
	}{
		"TooLarge":        {"/api/projects/" + f.project + "/identities", f.key, fmt.Sprintf("Content-Length: %d", size), 413},
		"TooLargeChunked": {"/api/projects/" + f.project + "/identities", f.key, "Transfer-Encoding: chunked", 413},
		"NotAllowed":      {"/api/projects/" + f.project + "/identities", "sk_x", fmt.Sprintf("Content-Length: %d", size), 401},
		"NotFound":        {"/api/nothing", f.key, fmt.Sprintf("Content-Length: %d", size), 404},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n\r\n", tc.path, tc.key, tc.length)
			chunk := strings.Repeat(" ", 1<<20)
			for range size >> 20 {
				if strings.HasPrefix(tc.length, "Transfer") {
					fmt.Fprintf(conn, "%x\r\n", len(chunk))
				}
				if _, err := io.WriteString(conn, chunk); err != nil {
					t.Fatalf("the connection is gone before all was sent: %v", err)
				}
				if strings.HasPrefix(tc.length, "Transfer") {
					_, _ = io.WriteString(conn, "\r\n")
				}
			}
			if strings.HasPrefix(tc.length, "Transfer") {
				_, _ = io.WriteString(conn, "0\r\n\r\n")
			}
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tc.status {
				t.Errorf("status %d, want %d", res.StatusCode, tc.status)
			}
		})
	}
}

func TestABrokenOffBodyChangesNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	srv := httptest.NewServer(f.handler)
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /api/projects/%s/identities HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{\"identity\": \"u\"}", f.project, f.key)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", res.StatusCode)
	}
	f.send("GET", "/u", "").problem(404)
}

// faulty is a ledger whose every call fails, or panics.
type faulty struct {
	Ledger // nil: calls that no test makes
	err    error
	panic  any
}

func (l faulty) fail() error {
	if l.panic != nil {
		panic(l.panic)
	}
	return l.err
}

func (l faulty) Account(context.Context, ledger.Key, limit.Period, time.Time) (ledger.Account, error) {
	return ledger.Account{}, l.fail()
}

func (l faulty) Change(context.Context, ledger.Change) (ledger.Outcome, error) {
	return ledger.Outcome{}, l.fail()
}

func (l faulty) List(context.Context, ledger.Find) (ledger.Found, error) {
	return ledger.Found{}, l.fail()
}

func TestWhatFailsOnOurSideIsLoggedAndNotShown(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, tc := range []struct {
		ledger     faulty
		status     int
		retryAfter string
	}{
		{faulty{err: fmt.Errorf("%w: disk: hush", ledger.ErrUnavailable)}, 503, "1"},
		{faulty{err: errors.New("hush")}, 500, ""},
		{faulty{panic: "hush"}, 500, ""},
	} {
		log := &syncBuffer{}
		o := f.options()
		o.Ledger, o.Log = tc.ledger, slog.New(slog.NewTextHandler(log, nil))
		f.handler = New(o)
		for _, call := range [][3]string{{"GET", "", ""}, {"GET", "/u", ""}, {"POST", "", `{"identity": "u"}`}, {"DELETE", "/u", ""}, {"POST", "/u/gift", `{"tokens": 1}`}} {
			r := f.send(call[0], call[1], call[2])
			p := r.problem(tc.status)
			if strings.Contains(string(r.body), "hush") || p.Errors != nil {
				t.Errorf("%+v: answer %s shows the cause", tc, r.body)
			}
			if got := r.header.Get("Retry-After"); got != tc.retryAfter {
				t.Errorf("%+v: Retry-After %q, want %q", tc, got, tc.retryAfter)
			}
			if id := r.header.Get("X-Request-Id"); strings.Count(log.String(), id) != 2 {
				t.Errorf("%+v: request %s is not logged with its failure:\n%s", tc, id, log)
			}
		}
		if tc.ledger.panic != nil && strings.Contains(log.String(), "hush") {
			t.Errorf("what the handler panicked with is in the log:\n%s", log)
		}
	}
}

func TestAnAwayDatabaseIsUnavailableNotUnauthorized(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	if err := f.db.Read.Close(); err != nil {
		t.Fatal(err)
	}
	r := f.send("GET", "", "")
	r.problem(503)
	if r.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
}

// PostgreSQL fails on a query with a text that it cannot have. That is no fault of the database.
func TestPathsThatNoDatabaseHas(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	owner := f.signIn("owner@example.com", account.Owner)
	own := "/api/projects/" + f.project
	for _, text := range []string{"%00", "a%FF"} {
		for _, path := range []string{own + "/prompts/" + text, own + "/providers/" + text, own + "/operations/" + text, "/api/projects/" + text} {
			f.as(owner, "GET", path, "").problem(http.StatusNotFound)
		}
		for _, path := range []string{own + "/members/" + text, own + "/members/in_" + text, "/api/auth/sessions/" + text} {
			f.as(owner, "DELETE", path, "").problem(http.StatusNotFound)
		}
	}
}
