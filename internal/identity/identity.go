// Package identity finds the caller of a request: the project by its public key, and the identity that the app names.
//
// Invariants: a request has one project key and one identity, so that another reader of the same request cannot see a
// different one. Identities are compared byte for byte after trimming. Identity and tier are claims of the request, not
// proof.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// MaxIdentity is the longest identity, in bytes.
const MaxIdentity = 512

// Caller is the sender of a request.
type Caller struct {
	Project  *project.Snapshot
	Identity string
	Tier     string // from x-tier; "" if it is absent, or the project does not trust claims

	// BadTier is a *wire.Error if x-tier cannot be a tier's name. It is reported only after errors of the body.
	BadTier error
}

// Projects finds projects by their public key. It returns nil or project.ErrNotFound if there is none, and another error
// if the lookup fails.
type Projects interface {
	Project(ctx context.Context, key string) (*project.Snapshot, error)
}

// Authenticate finds the caller of a data-plane request. The error is a *wire.Error: missing_project_key,
// invalid_project_key, origin_not_allowed, missing_identity, invalid_identity or unavailable. With the error the project is
// returned if it is known.
func Authenticate(ctx context.Context, projects Projects, r *http.Request) (Caller, error) {
	p, err := findProject(ctx, projects, r)
	if err != nil {
		return Caller{}, err
	}
	if err := checkOrigin(p, r.Header); err != nil {
		return Caller{Project: p}, err
	}
	id, err := endUser(r.Header)
	if err != nil {
		return Caller{Project: p}, err
	}
	caller := Caller{Project: p, Identity: id}
	if p.TrustTierHeader {
		caller.Tier, caller.BadTier = tier(r.Header)
	}
	return caller, nil
}

func findProject(ctx context.Context, projects Projects, r *http.Request) (*project.Snapshot, error) {
	key, err := projectKey(r)
	if err != nil {
		return nil, err
	}
	if !project.IsKey(key) {
		return nil, unknownKey()
	}
	p, err := projects.Project(ctx, key)
	switch {
	case errors.Is(err, project.ErrNotFound), err == nil && p == nil:
		return nil, unknownKey()
	case err != nil:
		return nil, refuse(http.StatusServiceUnavailable, "unavailable", "",
			"The project cannot be looked up at the moment. Try again shortly.")
	}
	return p, nil
}

func unknownKey() error {
	return refuse(http.StatusUnauthorized, "invalid_project_key", "x-project-key",
		"There is no project with this project key. It starts with pk_. `airatelimit project list` shows it.")
}

// notYet refuses a token that only a later version gives out.
func notYet() error {
	return refuse(http.StatusUnauthorized, "invalid_project_key", "x-project-key",
		"Tokens that begin with "+project.TokenStart+" are for verified identities, which are not supported yet. Send the project key (pk_…), and the user in x-identity.")
}

// projectKey returns the project key. x-project-key and the places of the SDKs' API keys must not hold different ones.
func projectKey(r *http.Request) (string, error) {
	key, ok := single(r.Header["X-Project-Key"])
	sent, err := project.KeysOf(r.Header, r.URL.RawQuery)
	if err != nil {
		return "", refuse(http.StatusBadRequest, "invalid_request", "", "The request has %v. Send one.", err)
	}
	if strings.HasPrefix(key, project.TokenStart) {
		return "", notYet()
	}
	for _, s := range sent {
		switch {
		case strings.HasPrefix(s, project.TokenStart): // it must not go to a provider
			return "", notYet()
		case !strings.HasPrefix(s, "pk_") || s == key:
		case key == "":
			key = s
		default:
			ok = false
		}
	}
	if !ok {
		return "", refuse(http.StatusUnauthorized, "invalid_project_key", "x-project-key",
			"The request has two different project keys. Send one.")
	}
	if key == "" {
		return "", refuse(http.StatusUnauthorized, "missing_project_key", "x-project-key",
			"The request has no project key. Send the project's pk_… in the header x-project-key, or as the API key of the SDK.")
	}
	return key, nil
}

// checkOrigin enforces the project's allowedOrigins in browsers. It keeps foreign web pages from spending a project's
// money, but not foreign programs, which can send any Origin.
func checkOrigin(p *project.Snapshot, h http.Header) error {
	for _, origin := range h["Origin"] {
		if !p.OriginAllowed(origin) {
			return refuse(http.StatusForbidden, "origin_not_allowed", "origin",
				"This project does not allow calls from web pages of this origin. Add it to allowedOrigins in the project's settings.")
		}
	}
	return nil
}

func endUser(h http.Header) (string, error) {
	id, ok := single(h["X-Identity"])
	switch {
	case !ok:
		return "", invalidIdentity("was sent twice with different values")
	case id == "":
		return "", refuse(http.StatusBadRequest, "missing_identity", "x-identity",
			"The request has no identity. Name the end user in the header x-identity: an account, session or device id.")
	case !utf8.ValidString(id):
		return "", invalidIdentity("is not UTF-8; browsers send letters beyond ASCII as Latin-1, so encode them, as encodeURIComponent does")
	}
	if problem := Problem(id); problem != "" {
		return "", invalidIdentity(problem)
	}
	return id, nil
}

// Problem returns why a trimmed name cannot be an identity, or "".
func Problem(id string) string {
	switch {
	case id == "":
		return "is empty"
	case len(id) > MaxIdentity:
		return fmt.Sprintf("has %d bytes; at most %d are allowed", len(id), MaxIdentity)
	}
	if r, ok := unprintable(id); ok {
		return fmt.Sprintf("contains U+%04X, which cannot be seen; of what is invisible only joiners within words and emoji are allowed", r)
	}
	for _, prefix := range reserved {
		if strings.HasPrefix(id, prefix) {
			return "begins with " + prefix + ", which is reserved for identities that a later version verifies; choose another beginning"
		}
	}
	return ""
}

// reserved are the beginnings of names that later versions give to identities by themselves.
var reserved = []string{"device:", "apple:", "claims:"}

func invalidIdentity(problem string) error {
	return refuse(http.StatusBadRequest, "invalid_identity", "x-identity", "x-identity %s.", problem)
}

func tier(h http.Header) (string, error) {
	tier, ok := single(h["X-Tier"])
	if !ok || len(tier) > project.MaxTier || !Printable(tier) {
		return "", refuse(http.StatusBadRequest, "invalid_request", "x-tier",
			"x-tier must be the name of one tier: at most %d bytes of printable text.", project.MaxTier)
	}
	return tier, nil
}

// single returns a header's value, trimmed: "" if there is none, and false if there are different values.
func single(values []string) (string, bool) {
	var one string
	for i, v := range values {
		v = strings.TrimSpace(v)
		if i > 0 && v != one {
			return "", false
		}
		one = v
	}
	return one, true
}

// Printable reports whether s is UTF-8 of letters, marks, digits, punctuation, symbols and plain spaces. Invisible
// characters are not printable, because two different identities would look the same. Exceptions are needed for words
// and emoji: joiners between two of their characters, and the selectors that show a symbol as text or as an emoji.
func Printable(s string) bool {
	_, found := unprintable(s)
	return !found
}

const (
	nonJoiner      = '\u200c' // within words, for example of Persian
	joiner         = '\u200d' // within words, for example of Hindi, and within emoji of several people
	asText         = '\ufe0e' // the symbol before it is text
	asEmoji        = '\ufe0f' // the symbol before it is an emoji
	noRune    rune = -1

	keycap      = "\u20e3"               // makes a digit, # or * before it and its selector an emoji
	keycapBases = "#*0123456789"         // the characters of keycaps
	emojiMarks  = "\u203c\u2049\u2139〰〽" // ‼ ⁉ ℹ 〰 〽: emoji that Unicode does not count as symbols
)

// unprintable returns the first character of s that Printable refuses, or utf8.RuneError if s is not UTF-8.
func unprintable(s string) (first rune, found bool) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' {
			return unprintableIn(s)
		}
	}
	return 0, false
}

func unprintableIn(s string) (first rune, found bool) {
	if !utf8.ValidString(s) {
		return utf8.RuneError, true
	}
	before := noRune
	for i, r := range s {
		switch {
		case r == joiner || r == nonJoiner:
			after, size := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
			if size == 0 || !(isWord(before) && isWord(after) || isEmoji(before) && isEmoji(after) && !isSelector(after)) {
				return r, true
			}
		case isSelector(r):
			if !selects(before, s[i+utf8.RuneLen(r):]) {
				return r, true
			}
		case wire.Invisible(r):
			return r, true
		}
		before = r
	}
	return 0, false
}

// selects reports whether a selector may stand between a character and the rest of a text. It may follow a character that can
// be an emoji. After other characters it would be invisible.
func selects(before rune, rest string) bool {
	if before <= unicode.MaxASCII {
		return strings.ContainsRune(keycapBases, before) && strings.HasPrefix(rest, keycap)
	}
	return unicode.IsSymbol(before) || strings.ContainsRune(emojiMarks, before)
}

// isWord reports whether a character can be part of a word.
func isWord(r rune) bool {
	return (unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsNumber(r)) && !wire.Invisible(r)
}

// isEmoji reports whether a character can be part of an emoji.
func isEmoji(r rune) bool {
	return isSelector(r) || r > unicode.MaxASCII && unicode.IsSymbol(r) && !wire.Invisible(r)
}

func isSelector(r rune) bool { return r == asText || r == asEmoji }

func refuse(status int, code, param, format string, args ...any) *wire.Error {
	return &wire.Error{Status: status, Code: code, Param: param, Message: fmt.Sprintf(format, args...)}
}
