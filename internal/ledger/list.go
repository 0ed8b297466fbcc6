package ledger

// Match is how a name is compared with what is looked for. The zero value is Prefix.
type Match uint8

// The ways to compare names, letter case included.
const (
	Prefix   Match = iota // it begins so
	Contains              // it has that somewhere
	Exact                 // it is that
)

const (
	// ScanMost is how many names a call of List looks at where it must look into them: it goes on by Found.Next.
	ScanMost = 100_000
	// CountMost is up to where List counts.
	CountMost = 10_000
)

// Find says which identities of a project List returns: the known ones whose names match Text.
type Find struct {
	Project string
	Text    string // "" for all
	Match   Match
	After   string // only names after this one, "" from the first
	Limit   int    // at most so many, 1 or more
	Offset  int    // so many of them are skipped
}

// Found is a page of a list.
type Found struct {
	Names []string
	Next  string // what to give as After for the next page, "" where there is none
	// Total is how many match, from the first name on whatever After says. Where AtLeast is true there may be more.
	Total   int
	AtLeast bool
}

// lastRune sorts after every character that a name may have, and firstRune before.
const firstRune, lastRune = "\x01", "\U0010FFFF"

// Range returns the bounds of the names to look at for a page, low ≤ name < high, and for the count, which is of all pages.
func (f Find) Range() (low, all, high string) {
	all, high = "", lastRune
	switch f.Match {
	case Prefix:
		all, high = f.Text, f.Text+lastRune
	case Exact:
		all, high = f.Text, f.Text+firstRune
	}
	low = all
	if f.After != "" {
		low = max(low, f.After+firstRune)
	}
	return low, all, high
}

// Within is what the names in Range must contain; "" is in all of them.
func (f Find) Within() string {
	if f.Match == Contains {
		return f.Text
	}
	return ""
}

// Page makes a page of the names that a store has found, of which it looked for one more than the limit. scanned is the
// last name that it looked at where it stopped before the end, else "".
func (f Find) Page(names []string, scanned string, total int) Found {
	p := Found{Names: names, Next: scanned, Total: total}
	if len(names) > f.Limit {
		p.Names = names[:f.Limit]
		p.Next = p.Names[f.Limit-1]
	}
	if total > CountMost {
		p.Total, p.AtLeast = CountMost, true
	}
	// What is contained is counted in the names that one call looks at.
	if f.Within() != "" && (scanned != "" || f.After != "") {
		p.Total, p.AtLeast = max(p.Total, len(p.Names)), true
	}
	return p
}
