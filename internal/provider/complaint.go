package provider

import (
	"bytes"
	"net/http"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/project"
)

// Complaint is a provider's complaint about the stored key or the account that the key belongs to. It is for the developer
// only: an app's users must neither read it nor learn the account's name from it.
type Complaint struct {
	Kind   ComplaintKind
	Reason string // for the developer's log: one of a fixed set of phrases, never a part of the error
}

// ComplaintKind is the subject of a complaint.
type ComplaintKind uint8

// The kinds of complaints.
const (
	NoComplaint    ComplaintKind = iota
	AboutKey                     // the key is wrong, revoked or not allowed here, or the error quotes it
	AboutAccount                 // the account's credit, billing, verification or permissions
	AccountLimited               // the account's rate limits, with its name or figures in the error
)

// money are phrases of errors that end only if the developer pays: OpenAI's insufficient_quota and
// billing_hard_limit_reached, Anthropic's credit balance and usage limits, DeepSeek's and OpenRouter's 402, xAI's credits
// and spending limit.
var money = []string{
	"insufficient_quota", "billing_hard_limit", "billing_not_active", "credit balance", "insufficient balance", "insufficient credits", "insufficient funds",
	"purchase credits", "purchase more credits", "any credits", "available credits", "spending limit", "spend limit", "api usage limits", "payment required",
}

// accounts are phrases of errors about the account: its organization, project, team, plan or console.
var accounts = []string{
	"your organization", "this organization", "organization must be verified", "member of an organization", "invalid_organization", "mismatched_organization",
	"account_deactivated", "account is not active", "account has been", "your account", "your team", "billing", "your plan", "free tier", "free_tier", "freetier",
	"has been suspended", "consumer_suspended", "consumer_invalid", "has not been used in project", "resource project", "projects/", "project_number", "organization `org_", "wrkspc_",
	"console.x.ai", "console.anthropic.com", "platform.claude.com", "console.cloud.google.com", "console.developers.google.com", "platform.openai.com/account", "platform.openai.com/settings",
	"exceeded your current quota",
}

// ids are the prefixes of the ids of OpenAI's organizations and projects.
var ids = []string{"org-", "proj_"}

// Complain finds the complaint in a provider's error about a request with a stored key. status is 0 for an error within an
// answer.
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

// keys are phrases of errors that refuse the key: Google's API_KEY_INVALID, OpenAI's and xAI's invalid_api_key, Anthropic's
// invalid x-api-key.
var keys = []string{
	"api_key_invalid", "api key not valid", "api key expired", "invalid_api_key", "invalid api key", "incorrect api key", "invalid x-api-key", "authentication_error",
}

// keyRefused returns the reason if an error means that the key is not valid. Google and xAI answer 400.
func keyRefused(status int, lower []byte) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return first(lower, []string{"key", "credential"})
	case http.StatusBadRequest, 0:
		return first(lower, keys)
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

// holdsID reports whether text has an id with this prefix: at least six letters or digits follow it, and none precedes it.
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

// RetryDelay is the wait that a provider asks for, in Retry-After or in the RetryInfo of Google's errors; 0 for none.
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
