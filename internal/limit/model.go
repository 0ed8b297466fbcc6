package limit

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// NormalizeModel returns the form in which model names are compared: trimmed, lower case.
func NormalizeModel(name string) string {
	return strings.ToLower(strings.TrimSpace(name))
}

// ValidModel reports whether every character of a model's name is visible. Other names are refused, because they could look
// like a valid one.
func ValidModel(name string) bool {
	for _, r := range name {
		if ' ' <= r && r <= '~' {
			continue // the usual case
		}
		if !unicode.IsPrint(r) || r == utf8.RuneError || r == '\u2800' ||
			unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector) {
			return false
		}
	}
	return true
}

// CanonicalModel returns the one name under which a model is limited and its usage is kept, for any of its names. If the
// price book has the model, it is the book's name, else the name without snapshot and variant. It is normalized. The
// directories of a name with slashes stay.
func CanonicalModel(name string) string { return canonical(NormalizeModel(name)) }

// canonical is CanonicalModel for a normalized name.
func canonical(model string) string {
	model = BaseModel(model)
	at := strings.LastIndexByte(model, '/') + 1
	name, ok := aliases[model[at:]]
	switch {
	case !ok:
		return model
	case at == 0:
		return name
	}
	return model[:at] + name
}

// aliases maps the base name of every spelling in the price book to its model's canonical name.
var aliases = func() map[string]string {
	all := make(map[string]string, len(spellings))
	for canonical, names := range spellings {
		for _, name := range names {
			if base := BaseModel(name); base != canonical {
				all[base] = canonical
			}
		}
	}
	return all
}()

// NewModelCaps returns the caps of a normalized key. It looks up the price book once, so that each match is fast.
func NewModelCaps(key string, caps Caps) ModelCaps {
	mc := ModelCaps{Key: key, Caps: caps}
	prefix, star := strings.CutSuffix(key, "*")
	if !star {
		mc.models = []string{canonical(key)}
		return mc
	}
	dir := prefix[:strings.LastIndexByte(prefix, '/')+1]
	for model, names := range spellings {
		if !begins(model, prefix[len(dir):]) && slices.ContainsFunc(names, func(name string) bool { return begins(name, prefix[len(dir):]) }) {
			mc.models = append(mc.models, dir+model)
		}
	}
	return mc
}

// UnmarshalJSON reads stored caps and completes them as NewModelCaps does.
func (mc *ModelCaps) UnmarshalJSON(data []byte) error {
	var kept struct {
		Key  string
		Caps Caps
	}
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	*mc = NewModelCaps(kept.Key, kept.Caps)
	return nil
}

// match reports whether the key covers a canonical model. A key that is one name of a model covers the model under all its
// names. A key that ends in * covers every model that has a name with this prefix. Of several keys that cover a model, the one
// with the highest rank applies: the longest, and of two with the same length the one without a star.
func (mc *ModelCaps) match(model string) (rank int, ok bool) {
	if prefix, star := strings.CutSuffix(mc.Key, "*"); star {
		return 2 * len(prefix), begins(model, prefix) || slices.Contains(mc.models, model)
	}
	if mc.models == nil {
		return 2*len(mc.Key) + 1, canonical(mc.Key) == model
	}
	return 2*len(mc.Key) + 1, mc.models[0] == model
}

// ModelSet is a set of models, given by the keys that cover them, as in allowedModels.
type ModelSet []ModelCaps

// NewModelSet returns the set of the models that keys cover (see ModelCaps). For nil it returns nil.
func NewModelSet(keys []string) ModelSet {
	if keys == nil {
		return nil
	}
	set := make(ModelSet, len(keys))
	for i, key := range keys {
		set[i] = NewModelCaps(NormalizeModel(key), Caps{})
	}
	return set
}

// Has reports whether a model is in the set, under any of its names.
func (set ModelSet) Has(model string) bool {
	model = CanonicalModel(model)
	return slices.ContainsFunc(set, func(mc ModelCaps) bool {
		_, ok := mc.match(model)
		return ok
	})
}

// begins reports whether name, or a snapshot or variant of it, starts with prefix.
func begins(name, prefix string) bool {
	if strings.HasPrefix(name, prefix) {
		return true
	}
	rest, ok := strings.CutPrefix(prefix, name)
	return ok && (BaseModel(name+rest) == name || isPartOfDate(rest))
}

// isPartOfDate reports whether a suffix is the beginning of a date in this century: -, -20, -202, -2024-1.
func isPartOfDate(suffix string) bool {
	rest, ok := strings.CutPrefix(suffix, "-20")
	return suffix == "-" || ok && len(rest) <= len("24-08-0") && strings.Trim(rest, "0123456789-") == ""
}

// Covers reports whether a normalized key names a normalized model, or the model that it is a snapshot or variant of, or, if
// the key ends in *, is a prefix of its name. Unlike a key of limits, it tells the snapshots of one model apart: their price and
// provider may differ.
func Covers(key, model string) (rank int, ok bool) {
	if prefix, star := strings.CutSuffix(key, "*"); star {
		return 2 * len(prefix), strings.HasPrefix(model, prefix)
	}
	rest, ok := strings.CutPrefix(model, key)
	if at := strings.IndexAny(rest, ":@"); at >= 0 && BaseModel(model) != model {
		rest = rest[:at]
	}
	return 2*len(key) + 1, ok && (rest == "" || isSnapshot(rest))
}

// BaseModel returns a normalized model name without its snapshot and variant: gpt-4o for gpt-4o-2024-08-06, llama3 for
// llama3:latest. It returns other names as they are. A fine-tuned model (ft:…) and an ARN are whole names.
func BaseModel(model string) string {
	start := strings.LastIndexByte(model, '/') + 1
	for start > len(preset) && strings.HasSuffix(model[:start], preset) {
		model = strings.TrimSpace(model[:start-len(preset)])
		start = strings.LastIndexByte(model, '/') + 1
	}
	if start == 0 && (strings.HasPrefix(model, "ft:") || strings.HasPrefix(model, "arn:")) {
		return model
	}
	start++ // a name has at least one character
	if start >= len(model) {
		return model
	}
	if at := strings.IndexAny(model[start:], ":@"); at >= 0 {
		model = trimEnd(model[:start+at])
	}
	for mayBeSnapshot(model) {
		base := withoutSnapshot(model, start)
		if base == model {
			break
		}
		model = trimEnd(base)
	}
	return strings.TrimSpace(model)
}

// trimEnd cuts off white space, which could hide that a name ends in a snapshot.
func trimEnd(name string) string { return strings.TrimRightFunc(name, unicode.IsSpace) }

// preset begins OpenRouter's variants by a preset: openai/gpt-4o@preset/NAME is openai/gpt-4o with stored settings.
const preset = "@preset/"

// mayBeSnapshot reports whether a name ends like a snapshot: its last dash is followed by latest, 0, several digits or a
// revision. For most names this avoids a check of every suffix.
func mayBeSnapshot(model string) bool {
	last := model[strings.LastIndexByte(model, '-')+1:]
	if last == "latest" || last == "0" {
		return true
	}
	if len(last) < 2 || last[0] != 'v' && !isDigit(last[0]) {
		return false
	}
	for i := 1; i < len(last); i++ {
		if !isDigit(last[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// FineTuned returns the base model in the normalized name of a fine-tuned model: gpt-4o-2024-08-06 for
// ft:gpt-4o-2024-08-06:acme::1.
func FineTuned(name string) (model string, ok bool) {
	rest, ok := strings.CutPrefix(name, "ft:")
	model, _, _ = strings.Cut(rest, ":")
	return model, ok
}

// longestSnapshot is at least as long as the suffix of any snapshot. It keeps the check of a long name in linear time.
const longestSnapshot = len("-preview-00-0000-v1234567890")

// withoutSnapshot removes a snapshot's suffix that begins at start or later.
func withoutSnapshot(model string, start int) string {
	for i := max(start, len(model)-longestSnapshot); i < len(model); i++ {
		if model[i] == '-' && isSnapshot(model[i:]) {
			return model[:i]
		}
	}
	return model
}

// snapshotForms are the suffixes by which vendors name a dated or numbered version of a model; 0 stands for any digit.
// OpenAI: -2024-08-06, -0613. Anthropic: -20241022. Google: -001, -preview-05-20, -preview-09-2025, -exp-0827.
// Mistral: -2411.
var snapshotForms = [...]string{
	"-0000-00-00", "-00000000", "-0000", "-000",
	"-preview-00-00", "-preview-00-0000", "-exp-00-00", "-exp-0000",
}

func isSnapshot(suffix string) bool {
	if suffix == "-latest" || suffix == "-0" { // Anthropic's claude-sonnet-4-0 is claude-sonnet-4
		return true
	}
	for _, form := range snapshotForms {
		if len(suffix) < len(form) || !hasForm(suffix[:len(form)], form) {
			continue
		}
		if rest := suffix[len(form):]; rest == "" || isRevision(rest) {
			return true
		}
	}
	return false
}

// isRevision reports whether s is a revision of a dated version: -v2.
func isRevision(s string) bool {
	digits, ok := strings.CutPrefix(s, "-v")
	return ok && digits != "" && strings.Trim(digits, "0123456789") == ""
}

func hasForm(s, form string) bool {
	for i := range len(form) {
		switch {
		case form[i] == '0':
			if !isDigit(s[i]) {
				return false
			}
		case s[i] != form[i]:
			return false
		}
	}
	return true
}
