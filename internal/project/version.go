package project

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// KeptVersions is how many versions of its settings a project keeps at most.
const KeptVersions = 500

// KeptVersionBytes bounds the versions of a project's settings together: older ones go before there are KeptVersions.
const KeptVersionBytes = 32 << 20

// MaxGrace is how long a secret key may stay good after it was replaced.
const MaxGrace = 24 * time.Hour

// Version is a version of a project's settings, without the settings.
type Version struct {
	Number  int64
	At      time.Time
	By      ledger.Actor
	Reason  string
	Changes json.RawMessage // a list of Change
}

// Restored returns the settings of a version, to replace the current ones. Provider keys are no part of a version, so a
// provider keeps its present key, and a built-in one with a key stays even if the version does not have it. gone are the
// providers that had a key, then or now, and have none afterwards: there is none now, or it is for another host or dialect.
func (r Record) Restored(then Settings) (s Settings, gone []string) {
	s = then
	s.Providers = make(map[string]ProviderFields, len(then.Providers))
	for name, p := range then.Providers {
		had := p.Key != "" || r.Keys[name].Mask != ""
		p.Key = ""
		if r.keeps(name, p) {
			p.Key = r.Keys[name].Mask
		}
		if had && p.Key == "" {
			gone = append(gone, name)
		}
		s.Providers[name] = p
	}
	for name, key := range r.Keys {
		_, builtIn := VendorOf(name)
		if _, has := s.Providers[name]; has || !builtIn {
			continue
		}
		if !r.keeps(name, ProviderFields{}) {
			gone = append(gone, name)
			continue
		}
		s.Providers[name] = ProviderFields{Key: key.Mask}
	}
	slices.Sort(gone)
	return s, gone
}
