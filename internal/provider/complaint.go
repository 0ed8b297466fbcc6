package provider

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// Complaint is what a provider's error says of the stored key, or of the account that it belongs to. Either is the
// developer's business: an app's users must neither read it nor learn the account's name from it.
type Complaint struct {
	Kind   ComplaintKind
	Reason string // for the developer's log: a word of ours or a phrase of the vendor's, never a part of the error
}

// ComplaintKind is what a complaint is about.
type ComplaintKind uint8

// The kinds of complaints.
const (
	NoComplaint    ComplaintKind = iota
	AboutKey                     // it is wrong, revoked or not allowed here, or the error quotes it
	AboutAccount                 // its credit, billing, verification, or what it may use
	AccountLimited               // its rate limits, with the account's name or figures in the error
)

// money are phrases of errors that end when somebody pays: OpenAI's insufficient_quota and billing_hard_limit_reached,
// Anthropic's credit balance and usage limits, DeepSeek's and OpenRouter's 402, xAI's credits and spending limit.
var money = []string{
	"insufficient_quota", "billing_hard_limit", "billing_not_active", "credit balance", "insufficient balance", "insufficient credits", "insufficient funds",
	"purchase credits", "purchase more credits", "any credits", "available credits", "spending limit", "spend limit", "api usage limits", "payment required",
}

// accounts are phrases of errors that tell of the account: its organization, project, team, plan or console.
var accounts = []string{
	"your organization", "this organization", "organization must be verified", "member of an organization", "invalid_organization", "mismatched_organization",
	"account_deactivated", "account is not active", "account has been", "your account", "your team", "billing", "your plan", "free tier", "free_tier", "freetier",
	"has been suspended", "consumer_suspended", "consumer_invalid", "has not been used in project", "resource project", "projects/", "wrkspc_",
	"console.x.ai", "console.anthropic.com", "platform.claude.com", "console.cloud.google.com", "console.developers.google.com", "platform.openai.com/account", "platform.openai.com/settings",
	"exceeded your current quota",
}

// ids start the names of OpenAI's organizations and projects.
var ids = []string{"org-", "proj_"}

// Complain reads a provider's error to a request with a stored key.
func Complain(status int, body []byte, p *project.Provider) Complaint {
	if p.Hints(body) {
		return Complaint{AboutKey, "quotes the key"}
	}
	lower := bytes.ToLower(body)
	if reason := keyRefused(status, lower); reason != "" {
		return Complaint{AboutKey, reason}
	}
	if status == http.StatusPaymentRequired {
		return Complaint{AboutAccount, "payment required"}
	}
	if phrase := first(lower, money); phrase != "" {
		return Complaint{AboutAccount, phrase}
	}
	phrase := first(lower, accounts)
	for _, start := range ids {
		if phrase == "" && holdsID(lower, start) {
			phrase = start
		}
	}
	switch {
	case phrase == "":
		return Complaint{}
	case status == http.StatusTooManyRequests:
		return Complaint{AccountLimited, phrase}
	}
	return Complaint{AboutAccount, phrase}
}

// keyRefused says why an error means that the key is not good. Google answers 400 with the reason API_KEY_INVALID.
func keyRefused(status int, lower []byte) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return first(lower, []string{"key", "credential"})
	case http.StatusBadRequest:
		return first(lower, []string{"api_key_invalid", "api key not valid", "api key expired"})
	}
	return ""
}

func first(text []byte, phrases []string) string {
	for _, phrase := range phrases {
		if bytes.Contains(text, []byte(phrase)) {
			return phrase
		}
	}
	return ""
}

// holdsID reports whether text has an id that starts so: at least six letters or digits after the start, none before.
func holdsID(text []byte, start string) bool {
	for {
		i := bytes.Index(text, []byte(start))
		if i < 0 {
			return false
		}
		alone := i == 0 || !isWord(text[i-1])
		text = text[i+len(start):]
		n := 0
		for n < len(text) && isWord(text[n]) {
			n++
		}
		if alone && n >= 6 {
			return true
		}
	}
}

// RetryDelay is how long a provider asks to wait: in Retry-After, or in the RetryInfo of Google's errors. Zero: it
// does not say.
func RetryDelay(h http.Header, body []byte) time.Duration {
	if d, err := time.ParseDuration(strings.TrimSpace(h.Get("Retry-After")) + "s"); err == nil && d > 0 {
		return d
	}
	_, rest, ok := bytes.Cut(body, []byte(`"retryDelay":`))
	if !ok {
		return 0
	}
	quoted, _, _ := bytes.Cut(bytes.TrimLeft(rest, " \t\r\n\""), []byte(`"`))
	d, err := time.ParseDuration(string(quoted))
	if err != nil || d < 0 {
		return 0
	}
	return d
}
