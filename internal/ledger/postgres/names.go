package postgres

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// passedKey returns the idempotency key under which it is stored that a passed request was
// counted. No escaped key looks like this.
func passedKey(id uint64) string { return `\passed ` + strconv.FormatUint(id, 10) }

// keepable reports whether PostgreSQL can keep a name as it is. Names of projects and
// identities are not escaped, because they are searched and sorted.
func keepable(name string) bool { return utf8.ValidString(name) && !strings.Contains(name, "\x00") }

// cleaned returns text for people without the characters that PostgreSQL cannot keep.
func cleaned(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}
