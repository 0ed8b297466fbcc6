package test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/stack"
)

// mailServer takes every mail by SMTP.
type mailServer struct {
	net.Listener
	mails chan string
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &mailServer{l, make(chan string, 10)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			m.serve(conn)
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
	})
	return m
}

func (m *mailServer) serve(conn net.Conn) {
	defer conn.Close() //nolint:errcheck // a test's connection
	in, answer := bufio.NewReader(conn), "220 ready"
	for mail := ""; ; {
		if answer != "" {
			fmt.Fprint(conn, answer+"\r\n")
		}
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch {
		case mail != "":
			if mail += line; line != ".\r\n" {
				continue
			}
			m.mails <- mail
			mail, answer = "", "250 queued"
		case strings.HasPrefix(line, "DATA"):
			mail, answer = line, "354 go on"
			fmt.Fprint(conn, answer+"\r\n")
			answer = ""
		case strings.HasPrefix(line, "QUIT"):
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			answer = "250 ok"
		}
	}
}

var (
	mailedLink = regexp.MustCompile(`https://limits\.example\.com/login#t=3D(\w+=?\r?\n?\w*)`)
	mailedCode = regexp.MustCompile(`Subject: (\d{3}) (\d{3}) is your`)
)

// Somebody signs in by the mail that a mail server gets, with the code and with the link, as in the guide.
func TestAccounts_SignInByMail(t *testing.T) {
	t.Parallel()
	m := newMailServer(t)
	s := stack.New(t, stack.Options{Env: map[string]string{
		"SMTP_URL": "smtp://" + m.Addr().String(), "EMAIL_FROM": "login@limits.example.com", "PUBLIC_URL": "https://limits.example.com", "SIGNUP": "open"}})
	ask := func() (request, token, code string) {
		t.Helper()
		r := s.Request(http.MethodPost, "/api/auth/magic-link/request", "", `{"email": "ann@example.com"}`)
		r.Header.Set("Cookie", "__Host-airatelimit-browser="+strings.Repeat("b", 43))
		a := s.Do(r)
		stack.WantStatus(t, a, http.StatusAccepted)
		mail := <-m.mails
		link, digits := mailedLink.FindStringSubmatch(mail), mailedCode.FindStringSubmatch(mail)
		if link == nil || digits == nil || !strings.Contains(mail, "To: <ann@example.com>") {
			t.Fatalf("mail:\n%s", mail)
		}
		return a.JSON(t)["requestId"].(string), strings.NewReplacer("=", "", "\r", "", "\n", "").Replace(link[1]), digits[1] + digits[2]
	}
	verify := func(body string) stack.Answer {
		t.Helper()
		r := s.Request(http.MethodPost, "/api/auth/magic-link/verify", "", body)
		r.Header.Set("Cookie", "__Host-airatelimit-browser="+strings.Repeat("b", 43))
		return s.Do(r)
	}
	request, token, code := ask()
	a := verify(`{"requestId": "` + request + `", "code": "` + code + `"}`)
	stack.WantStatus(t, a, http.StatusOK)
	cookie := a.Header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "__Host-airatelimit=") || !strings.Contains(cookie, "HttpOnly; Secure; SameSite=Lax") {
		t.Errorf("cookie %q", cookie)
	}
	stack.WantStatus(t, verify(`{"token": "`+token+`"}`), http.StatusOK)
	for what, secret := range map[string]string{"the link": token, "the code": code, "the session": strings.TrimPrefix(strings.Split(cookie, ";")[0], "__Host-airatelimit=")} {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("%s is in the log", what)
		}
	}
}
