package mail

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Resend sends by the HTTP API of resend.com: https://resend.com/docs/api-reference/emails/send-email
type Resend struct {
	Key  string
	From string // EMAIL_FROM
	URL  string // the API's address; "" is Resend's
}

const (
	resendURL   = "https://api.resend.com"
	sendTime    = 20 * time.Second // for one attempt
	answerBytes = 64 << 10
)

// Kind implements [Sender].
func (Resend) Kind() string { return "resend" }

// Send implements [Sender].
func (r Resend) Send(ctx context.Context, m Message) (answer string, err error) {
	body, err := json.Marshal(map[string]any{
		"from": parseFrom(r.From).String(), "to": []string{m.To}, "subject": m.Subject, "text": m.Text, "html": m.HTML, "headers": headers})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	url := r.URL
	if url == "" {
		url = resendURL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/emails", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+r.Key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.Key)
	res, err := noRedirects.Do(req)
	if err != nil {
		return "", Passing{fmt.Errorf("reach Resend: %w", err)}
	}
	defer res.Body.Close() //nolint:errcheck // the body is only read
	said, err := io.ReadAll(io.LimitReader(res.Body, answerBytes))
	if err != nil {
		return "", Passing{fmt.Errorf("read Resend's answer: %w", err)}
	}
	return resendAnswer(res.StatusCode, said)
}

// noRedirects sends a key to no other address than the one it is for.
var noRedirects = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// resendAnswer reads what Resend answered. Its message of an error says what to do, but quotes the receiver's address in
// some, so only the known ones are shown.
func resendAnswer(status int, said []byte) (string, error) {
	var a struct{ ID, Name string }
	_ = json.Unmarshal(said, &a) // a proxy's answer is no JSON: the status then says all
	switch {
	case status == http.StatusOK:
		return "accepted by Resend as " + a.ID, nil
	case status == http.StatusUnauthorized, a.Name == "missing_api_key", a.Name == "invalid_api_key", a.Name == "restricted_api_key":
		return "", errors.New("RESEND_API_KEY: Resend does not accept this key for sending. Make one with the permission to send")
	case status == http.StatusForbidden, a.Name == "invalid_from_address":
		return "", errors.New("EMAIL_FROM: Resend does not send from this address. Verify its domain at resend.com/domains; until then Resend's own sender reaches only the address of your Resend account")
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError, status == http.StatusConflict && a.Name == "concurrent_idempotent_requests":
		return "", Passing{fmt.Errorf("mail not taken by Resend now (status %d, %q)", status, clip(a.Name))}
	}
	return "", fmt.Errorf("mail refused by Resend (status %d, %q)", status, clip(a.Name))
}

// clip bounds what another server says in our log.
func clip(s string) string {
	const most = 300
	if len(s) > most {
		s = s[:most]
	}
	return s
}
