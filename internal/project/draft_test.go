package project

import "testing"

func TestADraftKeepsKeysAndPrices(t *testing.T) {
	t.Parallel()
	asIs := func(_, key string) (string, error) { return key, nil }
	settings, err := ParseSettings([]byte(`{"requestLimit": 5, "providers": {"openai": {"key": "sk-0123456789abcdef"}, "mistral": {}}}`))
	if err != nil {
		t.Fatal(err)
	}
	rec, err := Record{Key: "pk_0000000000000000000000"}.With(settings, asIs)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSnapshot(rec, asIs)
	if err != nil {
		t.Fatal(err)
	}
	book, err := ParsePriceBook([]byte(`{"my-model": {"inputUsdPerMillion": 1, "outputUsdPerMillion": 2}}`))
	if err != nil {
		t.Fatal(err)
	}
	s = s.WithBook(book)
	changed, err := s.Settings().Patch([]byte(`{"requestLimit": 7, "providers": {"mistral": null, "groq": {"baseUrl": "https://api.groq.com/openai/v1", "dialect": "openai", "key": "gsk-0123456789abcdef"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	draft, err := s.Draft(changed)
	if err != nil {
		t.Fatal(err)
	}
	if got := *draft.Level.Caps[0]; got != 7 || *s.Level.Caps[0] != 5 {
		t.Errorf("limits %d and %d, want 7 in the draft and 5 as before", got, *s.Level.Caps[0])
	}
	for name, want := range map[string]string{"openai": "sk-0123456789abcdef", "groq": "gsk-0123456789abcdef", "mistral": ""} {
		if p, _ := draft.Provider(name); p.Key != want {
			t.Errorf("key of %s is %q, want %q", name, p.Key, want)
		}
	}
	if _, ok := draft.Price("my-model"); !ok {
		t.Error("the operator's price is gone")
	}
	if key := s.Settings().Providers["openai"].Key; key != "" {
		t.Errorf("the settings have the key %q", key)
	}
}
