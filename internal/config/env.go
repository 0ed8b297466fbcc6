package config

import (
	"fmt"
	"log/slog"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// builtFor is the environment if NODE_ENV and APP_ENV are empty. The image's build sets it to "production" (-ldflags -X),
// and not a variable of the image, because an empty line in an env file would switch that off.
var builtFor string

// env reads variables and collects their errors, so that an operator sees all of them at once. An empty variable, or one
// of spaces only, counts as not set.
type env struct {
	get    func(string) string
	errs   []error
	quoted map[string]bool // variables that were refused for their quotes
}

func (e *env) fail(format string, args ...any) { e.errs = append(e.errs, fmt.Errorf(format, args...)) }

func (e *env) text(name, otherwise string) string {
	if v := e.unquoted(name); v != "" {
		return v
	}
	return otherwise
}

// given reports whether a variable has a value, valid or not.
func (e *env) given(name string) bool { return strings.TrimSpace(e.get(name)) != "" }

// unquoted returns a variable's value without spaces around it. A value in quotes is refused, and counts as not set. A
// shell removes quotes, but Docker's env files keep them, so NODE_ENV="production" would not mean production.
func (e *env) unquoted(name string) string {
	v := strings.TrimSpace(e.get(name))
	const quotes = "\"'`"
	named := strings.HasSuffix(v, ">") // "AI Ratelimit" <login@example.com>
	if v == "" || named || !strings.ContainsRune(quotes, rune(v[0])) && !strings.ContainsRune(quotes, rune(v[len(v)-1])) {
		return v
	}
	if !e.quoted[name] {
		e.fail("%s has quotes around its value, which would be a part of it: remove them", name)
		if e.quoted == nil {
			e.quoted = map[string]bool{}
		}
		e.quoted[name] = true
	}
	return ""
}

// shown is a value in an error. A value that may hold a password is not shown.
func shown(v string) string {
	const most = 40
	if len(v) > most || strings.Contains(v, "@") || strings.Contains(v, "://") {
		return "something else (not shown, because it may be a secret)"
	}
	return strconv.Quote(v)
}

// list is the parts between commas, without empty ones.
func (e *env) list(name string) []string {
	var parts []string
	for p := range strings.SplitSeq(e.unquoted(name), ",") {
		if p = strings.TrimSpace(p); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}

// integer reads a whole number; unit is for the error, and may be "".
func (e *env) integer(name, unit string, otherwise, minimum, maximum int64) int64 {
	v := e.text(name, "")
	if v == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < minimum || n > maximum {
		if unit != "" {
			unit = " of " + unit
		}
		e.fail("%s is %s: give a whole number%s from %d to %d", name, shown(v), unit, minimum, maximum)
		return otherwise
	}
	return n
}

// seconds reads a duration of at most a day: a longer one is most likely in the wrong unit.
func (e *env) seconds(name string, otherwise, minimum int64) time.Duration {
	return time.Duration(e.integer(name, "seconds", otherwise, minimum, 24*60*60)) * time.Second
}

func (e *env) boolean(name string, otherwise bool) bool {
	v := e.text(name, strconv.FormatBool(otherwise))
	b, err := strconv.ParseBool(strings.ToLower(v))
	if err != nil {
		e.fail("%s is %s: give true or false", name, shown(v))
	}
	return b
}

func (e *env) oneOf(name, otherwise string, choices ...string) string {
	v := strings.ToLower(e.text(name, otherwise))
	if !slices.Contains(choices, v) {
		e.fail("%s is %s: give one of %s", name, shown(v), strings.Join(choices, ", "))
		return otherwise
	}
	return v
}

// production reads every variable, so that a mistake in one is found whatever the others say. An unknown word such as
// "prod" is refused, because it would mean development.
func (e *env) production(names ...string) bool {
	production, said := false, false
	for _, name := range names {
		v := e.unquoted(name)
		said = said || v != ""
		switch strings.ToLower(v) {
		case "production":
			production = true
		case "", "development", "test":
		default:
			e.fail("%s is %s: give one of production, development, test, or leave it empty", name, shown(v))
		}
	}
	return production || !said && builtFor == "production"
}

// host reads an address of this machine, or the name of one, without a port.
func (e *env) host(name string) string {
	v := e.text(name, "")
	bare := strings.TrimSuffix(strings.TrimPrefix(v, "["), "]")
	if v == "" || net.ParseIP(bare) != nil || hostname.MatchString(v) {
		return bare
	}
	e.fail("%s is %s: give an address such as 127.0.0.1 or ::1, without a port, or leave it empty; PORT sets the port", name, shown(v))
	return ""
}

var hostname = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

func (e *env) level(name string) slog.Level {
	var l slog.Level
	v := e.oneOf(name, "info", "debug", "info", "warn", "error")
	if err := l.UnmarshalText([]byte(v)); err != nil {
		e.fail("%s is %s: %v", name, shown(v), err)
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
			e.fail("%s has %s, which is not an origin: give scheme and host, like https://admin.example.com; * is not possible, because a session is a cookie", name, shown(v))
			continue
		}
		// Browsers write the Origin header in this form, and it is compared byte for byte.
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
			e.fail("%s has %s, which is not a network: give CIDRs like 10.0.0.0/8, separated by commas", name, shown(v))
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
	// A password with an unescaped / ? or # would be cut there, and its beginning would count as the server's name.
	if err != nil || (u.Scheme != "smtp" && u.Scheme != "smtps") || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.ForceQuery || strings.Contains(v, "#") {
		e.fail("%s is not the address of a mail server: give smtp://user:password@host:587, or smtps:// for TLS from the start, with %% codes for / ? # @ in the password", name)
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
		e.fail("%s is %s, which is not a mail address: give one like AI Ratelimit <login@example.com>", name, shown(v))
	}
	return v
}

func (e *env) mail(c Config) {
	sends := c.ResendAPIKey != "" || c.SMTPURL != nil
	if c.ResendAPIKey != "" && c.SMTPURL != nil {
		e.fail("RESEND_API_KEY and SMTP_URL are both set: keep one of them")
	}
	if sends && c.EmailFrom == "" {
		e.fail("EMAIL_FROM is not set: give the sender's address, like AI Ratelimit <login@example.com>")
	}
	// Links made from a request's Host would be links to wherever its sender wants.
	if sends && c.Production && c.PublicURL == "" && !e.given("PUBLIC_URL") {
		e.fail("PUBLIC_URL is not set, and production needs it for the links in mails: give this server's address, like https://limits.example.com")
	}
}
