package project

import "sync"

// Settings returns the settings of the snapshot, without keys. The caller must not change what they refer to.
func (s *Snapshot) Settings() Settings { return s.settings }

// Draft returns the snapshot that would be in force with other settings: with the same keys for the providers that both have,
// the same prompts and the same price book. It is for questions, not for requests.
func (s *Snapshot) Draft(settings Settings) (*Snapshot, error) {
	draft, err := NewSnapshot(Record{Key: s.Key, Settings: settings.withoutKeys(), Revision: s.Revision}, nil)
	if err != nil {
		return nil, err
	}
	for _, p := range draft.configured {
		if key := settings.Providers[p.Name].Key; key != "" && !isMask(key) {
			p.Key = key
		} else if before, ok := s.providers[p.Name]; ok {
			p.Key, p.KeyError, p.forms = before.Key, before.KeyError, before.forms
		}
	}
	return draft.WithBook(s.book).WithPrompts(s.prompts), nil
}

// exposed is the exposure of a snapshot, once somebody has asked for it.
type exposed struct {
	once sync.Once
	Exposure
}

// Exposure returns the exposure of the project's settings. The caller must not change what it refers to.
func (s *Snapshot) Exposure() Exposure {
	s.exposed.once.Do(func() { s.exposed.Exposure = s.settings.Exposure(s.book) })
	return s.exposed.Exposure
}
