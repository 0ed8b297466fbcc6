package mail

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	gomail "github.com/wneessen/go-mail"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeResend answers each request with a status and a body.
func fakeResend(t *testing.T, status int, body string) (r Resend, seen chan *http.Request, bodies chan map[string]any) {
	t.Helper()
	seen, bodies = make(chan *http.Request, 1), make(chan map[string]any, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var sent map[string]any
		_ = json.NewDecoder(req.Body).Decode(&sent)
		seen <- req
		bodies <- sent
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(func() {
		noRedirects.CloseIdleConnections()
		srv.Close()
	})
	return Resend{Key: "re_secret", From: "login@example.com", URL: srv.URL}, seen, bodies
}

func TestResendGetsOneCall(t *testing.T) {
	t.Parallel()
	r, seen, bodies := fakeResend(t, 200, `{"id": "49a3"}`)
	m := signIn()
	answer, err := r.Send(t.Context(), m)
	if err != nil || answer != "accepted by Resend as 49a3" {
		t.Fatalf("%q, %v", answer, err)
	}
	req, sent := <-seen, <-bodies
	if req.Method != "POST" || req.URL.Path != "/emails" || req.Header.Get("Authorization") != "Bearer re_secret" || req.Header.Get("Idempotency-Key") != "si_1" {
		t.Errorf("%s %s, headers %v", req.Method, req.URL, req.Header)
	}
	head, _ := sent["headers"].(map[string]any)
	if sent["from"] != `"AI Ratelimit" <login@example.com>` || fmt.Sprint(sent["to"]) != "[ann@example.com]" || sent["subject"] != m.Subject ||
		sent["text"] != m.Text || sent["html"] != m.HTML || head["Auto-Submitted"] != "auto-generated" || head["X-Auto-Response-Suppress"] != "All" {
		t.Errorf("sent %v", sent)
	}
}

func TestResendsRefusalsSayWhatToDo(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status  int
		body    string
		says    string
		passing bool
	}{
		"Key":         {401, `{"name": "restricted_api_key", "message": "ann@example.com"}`, "RESEND_API_KEY", false},
		"Sandbox":     {403, `{"name": "validation_error", "message": "You can only send testing emails to your own email address (ann@example.com)."}`, "Verify its domain", false},
		"Limit":       {429, `{"name": "rate_limit_exceeded"}`, "rate_limit_exceeded", true},
		"Down":        {503, `oops`, "503", true},
		"Invalid":     {422, `{"name": "validation_error", "message": "ann@example.com"}`, "validation_error", false},
		"SentTwice":   {409, `{"name": "concurrent_idempotent_requests"}`, "409", true},
		"Redirection": {302, ``, "302", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, _, _ := fakeResend(t, tc.status, tc.body)
			_, err := r.Send(t.Context(), signIn())
			var passing Passing
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.As(err, &passing) != tc.passing {
				t.Errorf("%v, want one with %q that may pass: %t", err, tc.says, tc.passing)
			}
			if err != nil && (strings.Contains(err.Error(), "re_secret") || strings.Contains(err.Error(), "ann@")) {
				t.Errorf("the error shows a key or an address: %v", err)
			}
		})
	}
	r := Resend{Key: "re_secret", From: "a@b.c", URL: "http://127.0.0.1:1"}
	var passing Passing
	if _, err := r.Send(t.Context(), signIn()); !errors.As(err, &passing) {
		t.Errorf("an address where nobody listens: %v", err)
	}
}

// fakeSMTP is a mail server that knows no encryption. It answers RCPT and the end of DATA as told.
type fakeSMTP struct {
	listener net.Listener
	rcpt     string
	extra    string // further lines of EHLO
	got      chan string
}

func newFakeSMTP(t *testing.T, rcpt, extra string) *fakeSMTP {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeSMTP{l, rcpt, extra, make(chan string, 4)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			f.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return f
}

func (f *fakeSMTP) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test's connection
	in := bufio.NewReader(conn)
	var log strings.Builder
	fmt.Fprint(conn, "220 mail.example ready\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		log.WriteString(line)
		switch verb := strings.ToUpper(strings.Fields(line + " ?")[0]); verb {
		case "EHLO":
			fmt.Fprint(conn, "250-mail.example\r\n"+f.extra+"250 8BITMIME\r\n")
		case "RCPT":
			fmt.Fprint(conn, f.rcpt+"\r\n")
		case "AUTH":
			fmt.Fprint(conn, "535 5.7.8 no\r\n")
		case "DATA":
			fmt.Fprint(conn, "354 go on\r\n")
			for line = ""; line != ".\r\n"; {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				log.WriteString(line)
			}
			f.got <- log.String()
			fmt.Fprint(conn, "250 2.0.0 queued as 4711\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func (f *fakeSMTP) sender(user string) SMTP {
	u := &url.URL{Scheme: "smtp", Host: f.listener.Addr().String()}
	if user != "" {
		u.User = url.UserPassword(user, "hush")
	}
	return SMTP{URL: u, From: "Limits <login@example.com>"}
}

func TestSMTPSendsAWholeMail(t *testing.T) {
	t.Parallel()
	f := newFakeSMTP(t, "250 ok", "")
	answer, err := f.sender("").Send(t.Context(), signIn())
	if err != nil || !strings.Contains(answer, "queued as 4711") {
		t.Fatalf("%q, %v", answer, err)
	}
	sent := <-f.got
	for _, want := range []string{
		"EHLO example.com\r\n", "MAIL FROM:<login@example.com>", "RCPT TO:<ann@example.com>\r\n", `From: "Limits" <login@example.com>`, "To: <ann@example.com>",
		"Subject: 418 207 is your AI Ratelimit sign-in code", "Auto-Submitted: auto-generated", "X-Auto-Response-Suppress: All", "Message-ID: <",
		"@example.com>", "Date: ", "multipart/alternative", "text/plain", "text/html", "418 207",
	} {
		if !strings.Contains(sent, want) {
			t.Errorf("no %q in:\n%s", want, sent)
		}
	}
	for _, banned := range []string{"User-Agent", "X-Mailer", "List-Unsubscribe", "go-mail"} {
		if strings.Contains(sent, banned) {
			t.Errorf("%q in:\n%s", banned, sent)
		}
	}
}

func TestSMTPFailuresSayWhetherTheyMayPass(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		rcpt, extra, user string
		says              string
		passing           bool
	}{
		"NoSuchUser": {"550 5.1.1 <ann@example.com> unknown", "", "", "550", false},
		"Greylisted": {"451 4.7.1 later, ann@example.com", "", "", "451", true},
		"Password":   {"250 ok", "250-AUTH PLAIN\r\n", "me", "SMTP_URL", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := newFakeSMTP(t, tc.rcpt, tc.extra).sender(tc.user).Send(t.Context(), signIn())
			var passing Passing
			if err == nil || !strings.Contains(err.Error(), tc.says) || errors.As(err, &passing) != tc.passing {
				t.Errorf("%v, want one with %q that may pass: %t", err, tc.says, tc.passing)
			}
			if err != nil && (strings.Contains(err.Error(), "ann@") || strings.Contains(err.Error(), "hush")) {
				t.Errorf("the error shows an address or a password: %v", err)
			}
		})
	}
	var passing Passing
	nobody := SMTP{URL: &url.URL{Scheme: "smtp", Host: "127.0.0.1:1"}, From: "a@b.c"}
	if _, err := nobody.Send(t.Context(), signIn()); !errors.As(err, &passing) {
		t.Errorf("an address where nobody listens: %v", err)
	}
}

// A password goes to another machine only encrypted.
func TestAPasswordIsNotSentInTheClear(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]gomail.TLSPolicy{
		"smtp://me:hush@mail.example": gomail.TLSMandatory, "smtp://me:hush@192.0.2.1:25": gomail.TLSMandatory, "smtp://me:hush@localhost.example": gomail.TLSMandatory,
		"smtp://mail.example": gomail.TLSOpportunistic, "smtp://me:hush@localhost:1025": gomail.TLSOpportunistic, "smtp://me:hush@127.0.0.1": gomail.TLSOpportunistic,
		"smtp://me:hush@[::1]": gomail.TLSOpportunistic,
	} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := (SMTP{URL: u}).encryption(); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}
