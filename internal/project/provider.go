package project

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// ProviderFields are a project's settings for a provider, built in or the project's own. For a built-in provider everything
// is optional; the project's own provider needs a base URL and a dialect.
type ProviderFields struct {
	BaseURL *string  `json:"baseUrl" doc:"The base URL as the vendor's own SDK takes it. Null: the built-in one."`
	Dialect *string  `json:"dialect" enum:"openai,anthropic,gemini" doc:"The API that the provider speaks. Null: the built-in one."`
	Models  []string `json:"models" doc:"Keys of the provider's models, in addition to the built-in ones."`
	Key     string   `json:"key" doc:"The provider's API key. It is stored encrypted and shown as a mask. Null: apps send their own."` // "" is none

	AllowedObjects []string `json:"allowedObjects" doc:"With a stored key: ids of files, stores, containers, prompts and caches in the key's account that requests may refer to. A * at the end stands for any rest of an id."`
	StreamUsage    *bool    `json:"streamUsage" doc:"Whether the provider accepts stream_options, which asks for usage in streams. Null: it does."`

	ForwardHeaders []string `json:"forwardHeaders" doc:"Further request headers that go to the provider."`
	ReturnHeaders  []string `json:"returnHeaders" doc:"Further headers of the provider that go to the client."`
}

// MarshalJSON writes an absent key as null, like the other fields.
func (p ProviderFields) MarshalJSON() ([]byte, error) {
	type plain ProviderFields
	out := struct {
		plain
		Key *string `json:"key"`
	}{plain: plain(p)}
	if p.Key != "" {
		out.Key = &p.Key
	}
	return json.Marshal(out)
}

// setProviders merges providers by name: null removes a provider, and of other providers only the listed fields change.
func (s *Settings) setProviders(path string, v document.Value) error {
	if v.Kind() == document.Null {
		s.Providers = map[string]ProviderFields{}
		return nil
	}
	if v.Kind() != document.Object {
		return document.Errorf(path, "must be an object or null, not %s", v.Kind()) // not the value: it could be a misplaced key
	}
	merged := make(map[string]ProviderFields, len(s.Providers))
	for name, p := range s.Providers {
		merged[name] = p
	}
	for m := range v.Members() {
		at := document.Join(path, m.Name)
		if err := providerName(at, m.Name); err != nil {
			return err
		}
		if m.Value.Kind() == document.Null {
			delete(merged, m.Name)
			continue
		}
		if m.Value.Kind() != document.Object {
			return document.Errorf(at, "must be an object or null, not %s", m.Value.Kind())
		}
		p := merged[m.Name]
		if err := p.fields().Set(at, m.Value); err != nil {
			return err
		}
		merged[m.Name] = p
	}
	s.Providers = merged
	return nil
}

func (p *ProviderFields) fields() document.Fields {
	return document.Fields{
		"baseUrl": optional(&p.BaseURL, func(path, s string) error { _, err := parseBase(path, s); return err }),
		"dialect": p.setDialect,
		"models":  list(&p.Models, modelKey),
		"key":     p.setKey,

		"allowedObjects": emptyIsNull(list(&p.AllowedObjects, objectID)),
		"streamUsage":    p.setStreamUsage,

		"forwardHeaders": listOrNone(&p.ForwardHeaders, forwardedName),
		"returnHeaders":  listOrNone(&p.ReturnHeaders, returnedName),
	}
}

// objectID checks the id of an object in a vendor's account.
func objectID(path, id string) (string, error) {
	const most = 512
	switch {
	case id == "" || len(id) > most || !document.Printable(id):
		return "", document.Errorf(path, "is not an id: 1 to %d bytes of printable text", most)
	case strings.Contains(strings.TrimSuffix(id, "*"), "*"):
		return "", document.Errorf(path, "has a * that is not at the end; it stands for any rest of an id")
	}
	return id, nil
}

func (p *ProviderFields) setDialect(path string, v document.Value) error {
	return optional(&p.Dialect, func(path, s string) error {
		if _, ok := wire.ParseDialect(s); !ok {
			return document.Errorf(path, "must be one of %s, not %q", strings.Join(wire.DialectNames(), ", "), s)
		}
		return nil
	})(path, v)
}

// setStreamUsage accepts true, false, or null for the default.
func (p *ProviderFields) setStreamUsage(path string, v document.Value) error {
	if v.Kind() == document.Null {
		p.StreamUsage = nil
		return nil
	}
	var on bool
	if err := document.Toggle(&on, true)(path, v); err != nil {
		return err
	}
	p.StreamUsage = &on
	return nil
}

// setKey sets the key. A mask or the empty field of a form keeps the present key; null removes it.
func (p *ProviderFields) setKey(path string, v document.Value) error {
	switch {
	case v.Kind() == document.Null:
		p.Key = ""
	case v.Kind() != document.String:
		return document.Errorf(path, "must be a string or null, not %s", v.Kind())
	case v.Text() == "":
	case isMask(v.Text()):
		if p.Key == "" {
			return document.Errorf(path, "is a mask and there is no key to keep; give the key itself")
		}
	default:
		if problem := notAKey(v.Text()); problem != "" {
			return document.Errorf(path, "%s", problem)
		}
		p.Key = v.Text()
	}
	return nil
}

var (
	// assignment matches a line of an env file, with a value or with none, but not a base64 key with padding.
	assignment = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=[^=]|^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+=$`)
	// reference matches the names of variables, as programs and Windows write them.
	reference = regexp.MustCompile(`^[A-Z0-9_]+_API_KEY$|^%\w+%$|^(process\.env|import\.meta\.env|os\.environ)\b`)
	// projectSecret matches the beginning of a project's secret key.
	projectSecret = regexp.MustCompile(`^sk_[0-9A-Za-z]{16}_`)
)

// KeyProblem returns why a text cannot be a provider's API key, with the remedy, or "". It never quotes the text.
func KeyProblem(s string) string {
	if s == "" || isMask(s) {
		return "is a mask or empty; give the key itself"
	}
	return notAKey(s)
}

// notAKey returns why a text cannot be a provider's API key, with the remedy, or "" if it can be one. It never quotes the
// text.
func notAKey(s string) string {
	const most = 4096
	switch {
	case strings.HasPrefix(s, "pk_"):
		return "is a project key of AI Ratelimit; the provider's own key belongs here"
	case strings.HasPrefix(s, TokenStart):
		return "begins with " + TokenStart + ", which is reserved for tokens of AI Ratelimit; the provider's own key belongs here"
	case projectSecret.MatchString(s):
		return "is a project's secret key of AI Ratelimit; the provider's own key belongs here"
	case len(s) > most:
		return fmt.Sprintf("is not an API key: it has more than %d characters", most)
	case strings.ContainsAny(s, "\r\n"):
		return "is not an API key: it has a line break; give the key alone"
	case strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "is not an API key: it has a space or a character that is not ASCII; give the key alone, without Bearer"
	case strings.ContainsAny(s, "\"'`"):
		return "is not an API key: it has quotes; give the key without them"
	case strings.ContainsAny(s, "{}<>") || strings.HasPrefix(s, "$") || strings.Contains(s, "...") || reference.MatchString(s):
		return "is not an API key but stands for one, as ${OPENAI_API_KEY} does; give the key itself"
	case strings.HasPrefix(s, "env:") || strings.HasPrefix(s, "file:"):
		return "is where a key is, which only the command line reads; give the key itself"
	case assignment.MatchString(s):
		return "is a line of an env file; give what stands behind the ="
	}
	return ""
}

const (
	bullet = "•"
	// minMasked is the length, in bytes, from which the last four characters of a key may be shown.
	minMasked = 16
)

// mask hides a key, except for the last four characters of a long one.
func mask(key string) string {
	const shown = 4
	switch {
	case key == "" || isMask(key):
		return key
	case len(key) < minMasked:
		return strings.Repeat(bullet, 8)
	}
	return strings.Repeat(bullet, 8) + key[len(key)-shown:]
}

// isMask reports whether a text is a mask, made here or by a form. No vendor's key contains a bullet, an ellipsis or two
// asterisks.
func isMask(key string) bool {
	return strings.Contains(key, bullet) || strings.Contains(key, "…") || strings.Contains(key, "**")
}

// Masked returns s with the providers' keys replaced by their masks, which show the last four characters.
func (s Settings) Masked() Settings {
	return s.withKeys(func(_, key string) string { return mask(key) })
}

func (s Settings) withoutKeys() Settings {
	return s.withKeys(func(string, string) string { return "" })
}

// withKeys returns a copy of the settings in which each provider has another key, made of its name and its key.
func (s Settings) withKeys(made func(provider, key string) string) Settings {
	providers := make(map[string]ProviderFields, len(s.Providers))
	for name, p := range s.Providers {
		p.Key = made(name, p.Key)
		providers[name] = p
	}
	s.Providers = providers
	return s
}

// providerName checks the name that a model's NAME/ prefix and x-provider use.
func providerName(path, name string) error {
	const most = 32
	bad := name == "" || len(name) > most
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			bad = true
		}
	}
	if bad {
		return document.Errorf(path, "is not a provider's name: 1 to %d of a-z, 0-9 and -", most)
	}
	// Google's own model names begin with models/, such as models/gemini-2.5-flash.
	if name == "models" {
		return document.Errorf(path, "is not a provider's name: choose another")
	}
	return nil
}

func (p ProviderFields) check(path, name string) error {
	if name == Echo {
		return p.checkEcho(path)
	}
	vendor, builtin := VendorOf(name)
	dialect := vendor.Dialect
	if !builtin && p.Dialect != nil {
		dialect, _ = wire.ParseDialect(*p.Dialect)
	}
	if tail := surplus(p.BaseURL, dialect); tail != "" {
		return document.Errorf(path+".baseUrl", "ends in %s, which is added to it; leave that out", tail)
	}
	switch {
	case builtin && p.Dialect != nil && *p.Dialect != vendor.Dialect.String():
		return document.Errorf(path+".dialect", "is %s for the built-in provider %s; give a provider of another dialect another name", vendor.Dialect, name)
	case builtin && p.Key != "" && !p.keyFits(vendor):
		return document.Errorf(path+".key", "has the shape of another vendor's key")
	case builtin:
		return nil
	case p.BaseURL == nil:
		return document.Errorf(path+".baseUrl", "is missing: %s is not built in (those are %s), so say where it is", name, vendorNames())
	case p.Dialect == nil:
		return document.Errorf(path+".dialect", "is missing: one of %s", strings.Join(wire.DialectNames(), ", "))
	}
	return nil
}

// keyFits reports whether the stored key can be the vendor's. A private server that stands in for the vendor may have keys
// that begin with sk-.
func (p ProviderFields) keyFits(vendor Vendor) bool {
	owner := KeyOwner(p.Key)
	if p.BaseURL != nil && vendorAt(*p.BaseURL) != vendor.Name {
		return owner == "" || owner == vendor.Name
	}
	return isMask(p.Key) || KeyFits(p.Key, vendor.Name)
}

// surplus returns the end of a base URL that the paths of the endpoints contain already, or "".
func surplus(base *string, dialect wire.Dialect) string {
	if base == nil {
		return ""
	}
	for _, tail := range dialect.Spec().Surplus {
		if strings.HasSuffix(strings.TrimRight(*base, "/"), tail) {
			return tail
		}
	}
	return ""
}

// parseBase checks a base URL and returns it without a slash at its end.
func parseBase(at, s string) (string, error) {
	const most = 2048
	if len(s) > most {
		return "", document.Errorf(at, "is longer than %d bytes", most)
	}
	s = strings.TrimRight(s, "/")
	u, err := url.Parse(s)
	if err != nil || !document.Printable(s) || strings.ContainsAny(s, ` \\`) {
		return "", document.Errorf(at, "is not a URL: write one such as https://api.example.com/v1")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return "", document.Errorf(at, "must be an absolute http or https URL such as https://api.example.com/v1")
	case u.User != nil:
		return "", document.Errorf(at, "contains a user name or password; a key goes into the field key")
	case strings.ContainsAny(s, "?#"):
		return "", document.Errorf(at, "has a query or a fragment; neither can be part of a base URL")
	case !validPort(u):
		return "", document.Errorf(at, "has an invalid port")
	case strings.Contains(u.EscapedPath(), "%") || u.Path != "" && path.Clean(u.Path) != u.Path:
		return "", document.Errorf(at, "has a path with //, /./, /../ or an encoded character")
	}
	return s, nil
}

// SameHost reports whether two base URLs lead to one server: their scheme, host and port are the same.
func SameHost(a, b string) bool {
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && strings.EqualFold(ua.Hostname(), ub.Hostname()) && portOf(ua) == portOf(ub)
}

// portOf is the port of a URL, without the usual one of its scheme.
func portOf(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return ""
	}
	return port
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

// origin checks a browser's origin as RFC 6454 serialises it and returns it in lower case.
func origin(path, s string) (string, error) {
	o := strings.ToLower(s)
	u, err := url.Parse(o)
	if err != nil || u.Scheme == "" || u.Host == "" || o != u.Scheme+"://"+u.Host || u.User != nil || !validPort(u) ||
		strings.ContainsAny(o, "* ,") || !document.Printable(o) {
		return "", document.Errorf(path, "is not an origin: a scheme, a host and perhaps a port, such as https://app.example.com")
	}
	if u.Port() != portOf(u) {
		return "", document.Errorf(path, "names the scheme's usual port, which browsers leave out of an origin")
	}
	return o, nil
}

// Candidate returns the provider of a name as settings with these fields would make it, with a key that is not sealed. The
// error is a *document.FieldError.
func Candidate(name string, fields ProviderFields, key string) (*Provider, error) {
	at := document.Join("providers", name)
	if err := providerName(at, name); err != nil {
		return nil, err
	}
	fields.Key = "" // whether its shape fits the vendor is for the caller to say
	if err := fields.check(at, name); err != nil {
		return nil, err
	}
	rec := Record{Settings: Default(), Keys: map[string]SealedKey{}}
	rec.Settings.Providers = map[string]ProviderFields{name: fields}
	if key != "" {
		rec.Keys[name] = SealedKey{Sealed: key}
	}
	s, err := NewSnapshot(rec, func(_, key string) (string, error) { return key, nil })
	if err != nil {
		return nil, err
	}
	p, _ := s.Provider(name)
	return p, nil
}
