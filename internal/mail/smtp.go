package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	gomail "github.com/wneessen/go-mail"

	"github.com/airatelimit/airatelimit/internal/secret"
)

// SMTP sends by a mail server.
type SMTP struct {
	URL  *url.URL // SMTP_URL: smtp://user:password@host:587, or smtps:// for TLS from the start
	From string   // EMAIL_FROM
}

// Kind implements [Sender].
func (SMTP) Kind() string { return "smtp" }

// Send implements [Sender].
func (s SMTP) Send(ctx context.Context, m Message) (answer string, err error) {
	msg, err := s.message(m)
	if err != nil {
		return "", err
	}
	client, err := gomail.NewClient(s.URL.Hostname(), s.options()...)
	if err != nil {
		return "", fmt.Errorf("SMTP_URL: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return "", explain(err, m.To)
	}
	return "accepted by " + s.URL.Hostname() + ": " + clip(strings.TrimSpace(msg.ServerResponse())), nil
}

func (s SMTP) message(m Message) (*gomail.Msg, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	from := parseFrom(s.From)
	if err := errors.Join(msg.FromFormat(from.Name, from.Address), msg.To(m.To)); err != nil {
		return nil, fmt.Errorf("write the mail: %w", err)
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(secret.NewID("") + "@" + Domain(s.From)) // the default has the name of this machine
	for name, value := range headers {
		msg.SetGenHeader(gomail.Header(name), value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return msg, nil
}

// encryption: a password travels to another machine only encrypted. Without a password, encryption is used if it is
// offered: mail servers for tests and in private networks often have none.
func (s SMTP) encryption() gomail.TLSPolicy {
	if s.URL.User.Username() != "" && !local(s.URL.Hostname()) {
		return gomail.TLSMandatory
	}
	return gomail.TLSOpportunistic
}

func (s SMTP) options() []gomail.Option {
	port, user := 587, s.URL.User.Username()
	opts := []gomail.Option{gomail.WithTimeout(sendTime), gomail.WithTLSPolicy(s.encryption()), gomail.WithHELO(Domain(s.From))}
	if s.URL.Scheme == "smtps" {
		port = 465
		opts = append(opts, gomail.WithSSL())
	}
	if n, err := strconv.Atoi(s.URL.Port()); err == nil {
		port = n
	}
	if user != "" {
		password, _ := s.URL.User.Password()
		auth := gomail.SMTPAuthAutoDiscover
		if local(s.URL.Hostname()) {
			auth = gomail.SMTPAuthPlain
		}
		opts = append(opts, gomail.WithSMTPAuth(auth), gomail.WithUsername(user), gomail.WithPassword(password))
	}
	return append(opts, gomail.WithPort(port))
}

func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// explain says whether a failure may pass. A mail server says so with its answer: 4xx may, 5xx will not. The receiver's
// address, which the answer may quote, is left out.
func explain(err error, to string) error {
	var sending *gomail.SendError
	said := clip(strings.ReplaceAll(err.Error(), to, "the receiver"))
	switch {
	case errors.As(err, &sending) && !sending.IsTemp():
		return fmt.Errorf("mail refused by the mail server: %s", said)
	case strings.Contains(err.Error(), "SMTP AUTH failed"):
		return errors.New("SMTP_URL: the mail server does not accept the user or the password. Correct them, with % codes for / ? # @ in the password")
	}
	return Passing{fmt.Errorf("reach the mail server: %s", said)}
}
