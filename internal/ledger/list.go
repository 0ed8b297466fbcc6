package ledger

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
	// MaxCount is the highest total that List counts to.
	MaxCount = 10_000
)

// Find says which identities of a project List returns: the known ones whose names match Text.
type Find struct {
	Project string
	Text    string // "" matches all names
	Match   Match
	After   string // only names after this one; "" starts at the first
	Limit   int    // the size of the page, 1 or more
	Offset  int    // how many names are skipped
}

// Found is a page of a list.
type Found struct {
	Names []string
	Next  string // After for the next page; "" after the last page
	// Total is how many names match, those before After included. If AtLeast is true, there may be more.
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
	if f.After != "" {
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

// Page makes a page of the names that a store found. The store looks for one name more than the limit. scanned is the last
// name that the store looked at if it stopped before the end, else "".
func (f Find) Page(names []string, scanned string, total int) Found {
	p := Found{Names: names, Next: scanned, Total: total}
	if len(names) > f.Limit {
		p.Names = names[:f.Limit]
		p.Next = p.Names[f.Limit-1]
	}
	if total > MaxCount {
		p.Total, p.AtLeast = MaxCount, true
	}
	// For Contains, only the names that one call scans are counted.
	if f.Within() != "" && (scanned != "" || f.After != "") {
		p.Total, p.AtLeast = max(p.Total, len(p.Names)), true
	}
	return p
}
