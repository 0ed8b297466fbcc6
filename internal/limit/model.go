package limit

import "strings"

// NormalizeModel returns the form in which model names are compared: trimmed, lower case.
func NormalizeModel(name string) string {
	return strings.ToLower(strings.TrimSpace(name))
}

// Match reports whether a normalized key covers a normalized model: the model itself, its
// dated snapshots, or, for a key ending in *, every model that starts with what precedes
// the star. Of several keys that cover a model the one of the highest rank wins: the
// longest, and of equally long ones that without a star.
func Match(key, model string) (rank int, ok bool) {
	if prefix, star := strings.CutSuffix(key, "*"); star {
		return 2 * len(prefix), strings.HasPrefix(model, prefix)
	}
	rest, ok := strings.CutPrefix(model, key)
	return 2*len(key) + 1, ok && (rest == "" || isSnapshot(rest))
}

// BaseModel returns a normalized model name without its snapshot suffix: gpt-4o for
// gpt-4o-2024-08-06, and the name itself where it has none.
func BaseModel(model string) string {
	for i := 1; i < len(model); i++ {
		if c := model[i]; (c == '-' || c == '@' || c == ':') && isSnapshot(model[i:]) {
			return model[:i]
		}
	}
	return model
}

// snapshotForms are the suffixes by which vendors name a dated or numbered version of a
// model; 0 stands for any digit. OpenAI: -2024-08-06, -0613, :20230824-v2. Anthropic:
// -20241022, on Vertex @20241022. Google: -001, -preview-05-20, -preview-09-2025,
// -exp-0827. Mistral: -2411. All of them: -latest.
var snapshotForms = [...]string{
	"-0000-00-00", "-00000000", "-0000", "-000",
	"@00000000", "@000", ":00000000",
	"-preview-00-00", "-preview-00-0000", "-exp-00-00", "-exp-0000",
}

func isSnapshot(suffix string) bool {
	if suffix == "-latest" {
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
			if s[i] < '0' || s[i] > '9' {
				return false
			}
		case s[i] != form[i]:
			return false
		}
	}
	return true
}
