package project

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
)

// Change is the difference of one setting. From is nil if the setting is new, To is nil if it is gone.
type Change struct {
	Path string `json:"path" doc:"The setting, such as tiers.pro.requestLimit."`
	From any    `json:"from" doc:"The value before. Null: it was not set."`
	To   any    `json:"to" doc:"The value afterwards. Null: it is not set."`
	Text string `json:"text" doc:"The change in one line, for people."`
}

// Changes lists the differences of two settings, sorted by path. Lists are compared as a whole, because their elements have
// no names. Provider keys are masked.
func (s Settings) Changes(before Settings) ([]Change, error) {
	hidden, shown := before.Masked(), s.Masked()
	old, err := members(hidden)
	if err != nil {
		return nil, err
	}
	fresh, err := members(shown)
	if err != nil {
		return nil, err
	}
	changes := compare([]Change{}, "", old, fresh)
	for _, name := range slices.Sorted(maps.Keys(s.Providers)) {
		mask := shown.Providers[name].Key
		if s.Providers[name].Key != before.Providers[name].Key && mask == hidden.Providers[name].Key {
			path := document.Join("providers", name) + ".key"
			changes = append(changes, Change{path, mask, mask, path + ": replaced (the new one has the same mask)"})
		}
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return strings.Compare(a.Path, b.Path) })
	return changes, nil
}

// members returns the members of a document, with numbers as they are written.
func members(v any) (o map[string]any, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return o, d.Decode(&o)
}

// compare appends the differences below a path.
func compare(changes []Change, path string, old, fresh map[string]any) []Change {
	all := maps.Clone(old)
	maps.Copy(all, fresh)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		from, had := old[name]
		to, has := fresh[name]
		a, aObject := from.(map[string]any)
		b, bObject := to.(map[string]any)
		at := document.Join(path, name)
		switch {
		case aObject && bObject:
			changes = compare(changes, at, a, b)
		case !had:
			changes = append(changes, Change{at, nil, set(to), fmt.Sprintf("%s: %s (new)", at, show(to))})
		case !has:
			changes = append(changes, Change{at, set(from), nil, fmt.Sprintf("%s: removed (was %s)", at, show(from))})
		case !reflect.DeepEqual(from, to):
			changes = append(changes, Change{at, from, to, fmt.Sprintf("%s: %s → %s", at, show(from), show(to))})
		}
	}
	return changes
}

// show returns a value's JSON on one line, without unset members.
func show(value any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(set(value)); err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b.Bytes()))
}

// set drops the members of objects that are null or empty objects: defaults that were spelled out.
func set(value any) any {
	o, ok := value.(map[string]any)
	if !ok {
		return value
	}
	kept := map[string]any{}
	for name, member := range o {
		member = set(member)
		if inner, ok := member.(map[string]any); member != nil && (!ok || len(inner) > 0) {
			kept[name] = member
		}
	}
	return kept
}
