package project

import (
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
)

// ErrNotFound reports that no project has the key.
var ErrNotFound = errors.New("no such project")

// Record is a project as it is stored. Its settings hold no provider keys: Keys holds them, sealed.
type Record struct {
	Key        string               // pk_…, public
	Settings   Settings             // without keys
	Keys       map[string]SealedKey // by provider
	SecretID   string               // finds the project for a presented sk_…
	SecretHash [32]byte
	CreatedAt  time.Time
	UpdatedAt  time.Time
	Revision   int64 // grows with every change of any project
	Version    int64 // of the settings: grows by one with every change of them

	// SecretEndsAt is when a secret key that was replaced ends. It is zero for the current key.
	SecretEndsAt time.Time
}

// SealedKey is a provider's key that only the encryption key opens.
type SealedKey struct {
	Sealed string
	Mask   string // the form of the key that may be shown

	SetAt      time.Time    // zero if that was not noted
	SetBy      ledger.Actor // zero if that was not noted
	LastUsedAt time.Time    // the last answer that the key was good for, to about a minute; zero for none
	FailedAt   time.Time    // the last refusal of the key or its account; zero for none
	Failure    string       // why, in words of our own
}

// Hides reports whether the mask is the mask of key. It is false for a short key, whose mask shows nothing of it.
func (k SealedKey) Hides(key string) bool {
	return len(key) >= minMasked && k.Mask == mask(key)
}

// Document returns the settings with masked keys, to be shown or changed by Patch.
func (r Record) Document() Settings {
	return r.Settings.withKeys(func(name, _ string) string { return r.Keys[name].Mask })
}

// With returns r with other settings, usually its Document after a Patch. A masked key keeps its sealed key; seal seals any
// other key. The sealed key of a provider that was removed or has no key is dropped.
//
// A sealed key goes only where it was given for: it must be given again if the provider moves to another host, or changes its
// dialect and with it the vendor. The error is then *KeyRequired. Other errors are *document.FieldError, or those of seal.
func (r Record) With(s Settings, seal func(provider, key string) (string, error)) (Record, error) {
	keys := make(map[string]SealedKey, len(s.Providers))
	for name, p := range s.Providers {
		path := document.Join("providers", name) + ".key"
		kept, had := r.Keys[name]
		switch {
		case p.Key == "":
		case !isMask(p.Key):
			sealed, err := seal(name, p.Key)
			if err != nil {
				return Record{}, fmt.Errorf("sealing %s: %w", path, err)
			}
			keys[name] = SealedKey{Sealed: sealed, Mask: mask(p.Key)}
		case !had:
			return Record{}, document.Errorf(path, "is a mask and there is no key to keep; give the key itself")
		case !r.keeps(name, p):
			return Record{}, keyRequired(name)
		default:
			keys[name] = kept
		}
	}
	r.Settings, r.Keys = s.withoutKeys(), keys
	return r, nil
}

// dialect is the provider's dialect in the settings, or else the dialect of the built-in provider.
func (p ProviderFields) dialect(name string) string {
	if p.Dialect != nil {
		return *p.Dialect
	}
	vendor, _ := VendorOf(name)
	return vendor.Dialect.String()
}

// base is the provider's base URL in the settings, or else that of the built-in provider.
func (p ProviderFields) base(name string) string {
	if p.BaseURL != nil {
		return *p.BaseURL
	}
	vendor, _ := VendorOf(name)
	return vendor.BaseURL
}

// keeps reports whether a provider with other settings may keep its stored key: it speaks the same dialect at the same host.
func (r Record) keeps(name string, p ProviderFields) bool {
	now := r.Settings.Providers[name]
	return p.dialect(name) == now.dialect(name) && SameHost(p.base(name), now.base(name))
}

// KeyRequired reports that a provider's key must be given again. Otherwise whoever may change a base URL could have the stored
// key sent to a server of their own.
type KeyRequired struct{ *document.FieldError }

// Unwrap returns the error as one of a field.
func (e *KeyRequired) Unwrap() error { return e.FieldError }

func keyRequired(name string) error {
	return &KeyRequired{&document.FieldError{Path: document.Join("providers", name) + ".key",
		Problem: "must be given again, because the provider moves to another host or speaks another dialect: a stored key is only sent to the host that it was given for"}}
}

// KeyFor returns the opened key of a provider for a request to it with other settings, or "" if there is none. The error is
// *KeyRequired.
func (p *Provider) KeyFor(other *Provider) (string, error) {
	if p.Key == "" {
		return "", nil
	}
	if p.Dialect != other.Dialect || !SameHost(p.BaseURL, other.BaseURL) {
		return "", keyRequired(p.Name)
	}
	return p.Key, nil
}

// open returns the provider's opened key, or "" if it has none.
func (r Record) open(name string, open func(provider, sealed string) (string, error)) (string, error) {
	k, ok := r.Keys[name]
	if !ok {
		return "", nil
	}
	key, err := open(name, k.Sealed)
	if err == nil && key == "" {
		err = fmt.Errorf("the sealed key of %s is empty", name)
	}
	if err != nil {
		return "", err
	}
	return key, nil
}

// SignKeys notes on every key that old does not have who has stored it.
func (r Record) SignKeys(old Record, at time.Time, by ledger.Actor) {
	for name, k := range r.Keys {
		if k.Sealed != old.Keys[name].Sealed {
			k.SetAt, k.SetBy = at, by
			r.Keys[name] = k
		}
	}
}

// keyless reports whether the settings hold no provider key. A stored record's settings must not.
func (r Record) keyless() bool {
	for p := range maps.Values(r.Settings.Providers) {
		if p.Key != "" {
			return false
		}
	}
	return true
}
