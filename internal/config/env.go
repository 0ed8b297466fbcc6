package config

import (
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// env reads variables one by one and collects what is wrong with them, so that an operator sees all of
// it at once. A variable that is empty or only spaces is one that is not set.
type env struct {
	get  func(string) string
	errs []error
}

func (e *env) fail(format string, args ...any) { e.errs = append(e.errs, fmt.Errorf(format, args...)) }

func (e *env) text(name, otherwise string) string {
	if v := strings.TrimSpace(e.get(name)); v != "" {
		return v
	}
	return otherwise
}

// list is the parts between commas, without empty ones.
func (e *env) list(name string) []string {
	var parts []string
	for p := range strings.SplitSeq(e.get(name), ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

func (e *env) integer(name string, otherwise, least, most int64) int64 {
	v := e.text(name, "")
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < least || n > most {
		e.fail("%s is %q: give a whole number from %d to %d", name, v, least, most)
		return otherwise
	}
	return n
}

// seconds are at most a day: a longer wait is a mistyped unit.
func (e *env) seconds(name string, otherwise, least int64) time.Duration {
	return time.Duration(e.integer(name, otherwise, least, 24*60*60)) * time.Second
}

func (e *env) boolean(name string, otherwise bool) bool {
	v := e.text(name, strconv.FormatBool(otherwise))
	b, err := strconv.ParseBool(strings.ToLower(v))
	if err != nil {
		e.fail("%s is %q: give true or false", name, v)
	}
	return b
}

func (e *env) oneOf(name, otherwise string, choices ...string) string {
	v := strings.ToLower(e.text(name, otherwise))
	if !slices.Contains(choices, v) {
		e.fail("%s is %q: give one of %s", name, v, strings.Join(choices, ", "))
		return otherwise
	}
	return v
}

// production reads both variables whatever the first says, so that what is read never depends on what
// is set.
func (e *env) production() bool {
	node, app := e.text("NODE_ENV", ""), e.text("APP_ENV", "")
	return strings.EqualFold(node, "production") || strings.EqualFold(app, "production")
}

func (e *env) level(name string) slog.Level {
	var l slog.Level
	v := e.oneOf(name, "info", "debug", "info", "warn", "error")
	if err := l.UnmarshalText([]byte(v)); err != nil {
		e.fail("%s is %q: %v", name, v, err)
	}
	return l
}

// webURL is an absolute http or https URL without user, query or fragment.
func webURL(v string) (*url.URL, bool) {
	u, err := url.Parse(v)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
	return u, ok
}

func (e *env) publicURL(name string) string {
	v := e.text(name, "")
	if v == "" {
		return ""
	}
	u, ok := webURL(v)
	if !ok {
		e.fail("%s is not the address of a site: give one like https://limits.example.com, without query or fragment", name)
		return ""
	}
	return strings.TrimRight(u.String(), "/")
}

func (e *env) origins(name string) []string {
	var origins []string
	for _, v := range e.list(name) {
		u, ok := webURL(v)
		if v == "*" || !ok || strings.Trim(u.Path, "/") != "" {
			e.fail("%s has %q, which is not an origin: give scheme and host, like https://admin.example.com; * is not possible, because a session is a cookie", name, v)
			continue
		}
		// As browsers write the Origin header, which is compared with this byte for byte.
		host := strings.ToLower(u.Host)
		if port := u.Port(); port == "80" && u.Scheme == "http" || port == "443" && u.Scheme == "https" {
			host = strings.TrimSuffix(host, ":"+port)
		}
		origins = append(origins, u.Scheme+"://"+host)
	}
	return origins
}

func (e *env) prefixes(name string) []netip.Prefix {
	var prefixes []netip.Prefix
	for _, v := range e.list(name) {
		if a, err := netip.ParseAddr(v); err == nil && a.Zone() == "" {
			prefixes = append(prefixes, netip.PrefixFrom(a, a.BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(v)
		if err != nil {
			e.fail("%s has %q, which is not a network: give CIDRs like 10.0.0.0/8, separated by commas", name, v)
			continue
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes
}

func (e *env) database(name, otherwise string) Database {
	v := e.text(name, "")
	if v == "" {
		return File(otherwise)
	}
	d, err := ParseDatabase(v)
	if err != nil {
		e.fail("%s %w", name, err)
		return File(otherwise)
	}
	return d
}

func (e *env) smtpURL(name string) *url.URL {
	v := e.text(name, "")
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" {
		e.fail("%s is not the address of a mail server: give smtp://user:password@host:587, or smtps:// for TLS from the start", name)
		return nil
	}
	return u
}

func (e *env) address(name string) string {
	v := e.text(name, "")
	if v == "" {
		return ""
	}
	if _, err := mail.ParseAddress(v); err != nil {
		e.fail("%s is %q, which is not a mail address: give one like AI Ratelimit <login@example.com>", name, v)
	}
	return v
}

func (e *env) mail(c Config) {
	sends := c.ResendAPIKey != "" || c.SMTPURL != nil
	if c.ResendAPIKey != "" && c.SMTPURL != nil {
		e.fail("RESEND_API_KEY and SMTP_URL are both set: keep the one that mail shall go through")
	}
	if sends && c.EmailFrom == "" {
		e.fail("EMAIL_FROM is not set: give the address that mail comes from, like AI Ratelimit <login@example.com>")
	}
}
