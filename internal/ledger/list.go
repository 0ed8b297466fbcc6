package ledger

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// Match says how names are compared with Find.Text. The zero value is Prefix.
type Match uint8

// The ways to compare names. Letter case matters.
const (
	Prefix   Match = iota // the name begins with the text
	Contains              // the name contains the text
	Exact                 // the name is the text
)

const (
	// MaxScan is how many names one call of List scans for Contains. The next call goes on from Found.Next.
	MaxScan = 100_000
	// MaxWhereScan is MaxScan where there are conditions: for those each row's settings are read.
	MaxWhereScan = 10_000
	// MaxRecentScan is MaxScan where the latest changes come first: there each name costs a jump to its row.
	MaxRecentScan = 5_000
	// MaxCount is the highest total that List counts to.
	MaxCount = 10_000
)

// Has is something that an identity may have beyond its project's limits.
type Has uint8

// Conditions that an identity may meet. The zero value is no condition.
const (
	HasAnything Has = iota
	HasOverride     // limits or a limit response of its own
	HasCredits      // credits that are left
	HasPromo        // a promotion that has not ended
)

// Where are conditions on identities. The zero value has none.
type Where struct {
	Tier    *string // that is set for the identity; "" is none
	Enabled *bool
	Has     Has
	Now     time.Time // for HasPromo
}

// NoLimits are the forms in which stores keep the level of an identity without limits of its own.
var NoLimits = func() (forms [2]string) {
	for i, models := range [...][]limit.ModelCaps{nil, {}} {
		text, err := json.Marshal(limit.Level{Models: models})
		if err != nil {
			panic("ledger: a level cannot be written: " + err.Error())
		}
		forms[i] = string(text)
	}
	return forms
}()

// IsZero reports whether there is no condition.
func (w Where) IsZero() bool { return w.Tier == nil && w.Enabled == nil && w.Has == HasAnything }

// Matches reports whether an account meets the conditions, as the queries of stores decide it.
func (w Where) Matches(a *Account) bool {
	s := a.Settings
	if s == nil {
		s = &Settings{}
	}
	if w.Tier != nil && *w.Tier != s.Tier || w.Enabled != nil && *w.Enabled == s.Disabled {
		return false
	}
	switch w.Has {
	case HasOverride:
		level, err := json.Marshal(s.Level)
		return len(s.LimitResponse) > 0 || err == nil && !slices.Contains(NoLimits[:], string(level))
	case HasCredits:
		return slices.ContainsFunc(a.State.Credits[:], func(n int64) bool { return n > 0 })
	case HasPromo:
		return a.State.UnlimitedUntil.After(w.Now)
	}
	return true
}

// Find says which identities of a project List returns: the known ones whose names match Text and that meet Where.
type Find struct {
	Project string
	Text    string // "" matches all names
	Match   Match
	Where   Where
	// Recent puts the latest changes of identities first, by Account.UpdatedAt. Without it the order is that of names.
	Recent    bool
	After     string    // only names after this one; "" starts at the first
	AfterAt   time.Time // with Recent: when the identity After was changed
	Limit     int       // the size of the page, 1 or more
	Offset    int       // how many names are skipped; 0 with Recent
	Uncounted bool      // Found.Total is not needed
}

// Found is a page of a list.
type Found struct {
	Names  []string
	Next   string // After for the next page; "" after the last page
	NextAt time.Time
	// Total is how many identities match, those before After included. If AtLeast is true, there may be more.
	Total   int
	AtLeast bool
}

// firstRune sorts before every character that a name may have, lastRune after.
const firstRune, lastRune = "\x01", "\U0010FFFF"

// Range returns the bounds of the names to look at: low ≤ name < high for the page, all ≤ name < high for the count of all
// pages.
func (f Find) Range() (low, all, high string) {
	all, high = "", lastRune
	switch f.Match {
	case Prefix:
		all, high = f.Text, f.Text+lastRune
	case Exact:
		all, high = f.Text, f.Text+firstRune
	}
	low = all
	if f.After != "" && !f.Recent {
		low = max(low, f.After+firstRune)
	}
	return low, all, high
}

// Within returns the text that the names in Range must contain. All names contain "".
func (f Find) Within() string {
	if f.Match == Contains {
		return f.Text
	}
	return ""
}

// MatchesName reports whether a name matches Text.
func (f Find) MatchesName(name string) bool {
	_, all, high := f.Range()
	return name >= all && name < high && strings.Contains(name, f.Within())
}

// Scans reports whether names that a store looks at may not match, so that one call looks at a bounded number of them.
func (f Find) Scans() bool {
	return f.Within() != "" || !f.Where.IsZero() || f.Recent && f.Text != ""
}

// Window returns how many names, in their order, one call looks at.
func (f Find) Window() int {
	if !f.Where.IsZero() {
		return MaxWhereScan
	}
	return MaxScan
}

// Place is an identity in a list.
type Place struct {
	Name string
	At   time.Time // only with Recent: when it was changed
}

// Page makes a page of the places that a store found. The store looks for one more than the limit. scanned is the last place
// that the store looked at if it stopped before the end, else the zero Place.
func (f Find) Page(places []Place, scanned Place, total int) Found {
	last := scanned
	if len(places) > f.Limit {
		places = places[:f.Limit]
		last = places[f.Limit-1]
	}
	p := Found{Names: make([]string, len(places)), Next: last.Name, NextAt: last.At, Total: total}
	for i := range places {
		p.Names[i] = places[i].Name
	}
	if total > MaxCount {
		p.Total, p.AtLeast = MaxCount, true
	}
	// Of what a call scans for, only the names that one call scans are counted.
	if f.Scans() && (scanned.Name != "" || f.After != "") || f.Uncounted {
		p.Total, p.AtLeast = max(p.Total, len(p.Names)), true
	}
	return p
}
