package limit

// spellings are the names of each model that has several, by its canonical name.
var spellings = map[string][]string{
	"claude-sonnet-4": {"claude-sonnet-4", "claude-sonnet-4-0", "claude-sonnet-4-20250514", "claude-4-sonnet"},
}
