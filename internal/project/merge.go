package project

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
)

// Merge returns a copy of s changed by a merge patch (RFC 7396): an object changes the fields that it lists, at every
// depth, and null removes a field, a tier, a model key, a provider or a price. A removed field inherits, or has its
// default. A list is replaced. A provider's key stays if the new one is absent, empty or a mask.
// Errors are *document.FieldError.
func (s Settings) Merge(data []byte) (Settings, error) {
	patch, err := parse(data)
	if err != nil {
		return Settings{}, err
	}
	if patch.Kind() != document.Object {
		return Settings{}, document.Errorf("", "must be an object, not %s", patch.Describe())
	}
	known := s
	known.Unknown = nil
	text, err := json.Marshal(known.Masked())
	if err != nil {
		return Settings{}, err
	}
	before, err := document.Parse("", text)
	if err != nil {
		return Settings{}, err
	}
	merged := merge(reflect.TypeFor[Settings](), before.Any(), patch).(map[string]any)
	for m := range patch.Members() {
		if stored, kept := s.Unknown[m.Name]; kept && reflect.DeepEqual(m.Value.Any(), stored) {
			delete(merged, m.Name) // it was read before, and is sent back
		}
	}
	if text, err = json.Marshal(merged); err != nil {
		return Settings{}, err
	}
	after, err := s.empty(merged["providers"]).Patch(text)
	if err != nil {
		return Settings{}, err
	}
	after.Unknown = s.Unknown
	return after, nil
}

// empty returns the default settings with the keys that s has for providers, which are a merged document's, for their masks
// to refer to.
func (s Settings) empty(providers any) Settings {
	e := Default()
	named, _ := providers.(map[string]any)
	for name := range named {
		if key := s.Providers[name].Key; key != "" {
			e.Providers[name] = ProviderFields{Key: key}
		}
	}
	return e
}

// merge merges a patch into a value of a type. Null removes a member of a map. A field of a struct keeps its null, so that
// the reader of the document sets the default, or refuses an unknown name.
func merge(t reflect.Type, into any, patch document.Value) any {
	if patch.Kind() != document.Object {
		return patch.Any()
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	old, _ := into.(map[string]any)
	merged := make(map[string]any, len(old))
	maps.Copy(merged, old)
	for m := range patch.Members() {
		if m.Value.Kind() == document.Null && (t == nil || t.Kind() != reflect.Struct) {
			delete(merged, m.Name)
			continue
		}
		merged[m.Name] = merge(memberType(t, m.Name), merged[m.Name], m.Value)
	}
	return merged
}

// memberType returns the type of a member of a struct or map, by its name in JSON; nil if any value may stand there.
func memberType(t reflect.Type, name string) reflect.Type {
	switch {
	case t == nil:
	case t.Kind() == reflect.Map && t.Elem().Kind() != reflect.Interface:
		return t.Elem()
	case t.Kind() == reflect.Struct:
		for _, f := range reflect.VisibleFields(t) {
			if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name && !f.Anonymous {
				return f.Type
			}
		}
	}
	return nil
}
