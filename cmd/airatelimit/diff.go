package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// differences lists the differences of two JSON objects, one a line, sorted by path: "tiers.pro.requestLimit: 5 → 10".
// Arrays are compared as a whole, because their elements have no names.
func differences(before, after []byte) ([]string, error) {
	old, err := object(before)
	if err != nil {
		return nil, err
	}
	fresh, err := object(after)
	if err != nil {
		return nil, err
	}
	return compare(nil, "", old, fresh), nil
}

// object decodes a JSON object and keeps numbers as written.
func object(doc []byte) (o map[string]any, err error) {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	return o, d.Decode(&o)
}

// compare appends the differences below path to lines.
func compare(lines []string, path string, old, fresh map[string]any) []string {
	all := maps.Clone(old)
	maps.Copy(all, fresh)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		from, had := old[name]
		to, has := fresh[name]
		a, aObject := from.(map[string]any)
		b, bObject := to.(map[string]any)
		at := path + name
		switch {
		case aObject && bObject:
			lines = compare(lines, at+".", a, b)
		case !had:
			lines = append(lines, fmt.Sprintf("%s: %s (new)", at, show(to)))
		case !has:
			lines = append(lines, fmt.Sprintf("%s: removed (was %s)", at, show(from)))
		case !reflect.DeepEqual(from, to):
			lines = append(lines, fmt.Sprintf("%s: %s → %s", at, show(from), show(to)))
		}
	}
	return lines
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
