package api

import (
	"encoding/base64"
	"strconv"

	"github.com/airatelimit/airatelimit/internal/document"
)

// Paging are the parameters of a list with a cursor.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The largest number of items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The nextCursor of the page before."`
}

// after returns the text in the cursor, "" for the first page.
func (p Paging) after() (string, error) {
	after, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil || !document.Printable(string(after)) {
		return "", wrongCursor()
	}
	return string(after), nil
}

func pageAfter(after string) *string { return new(base64.RawURLEncoding.EncodeToString([]byte(after))) }

// before returns the number in the cursor, 0 for the first page.
func (p Paging) before() (int64, error) {
	if p.Cursor == "" {
		return 0, nil
	}
	before, err := strconv.ParseInt(p.Cursor, 10, 64)
	if err != nil || before < 1 {
		return 0, wrongCursor()
	}
	return before, nil
}

func pageBefore(n int64) *string { return new(strconv.FormatInt(n, 10)) }

// cut returns the items of a page, and the last one if more follow it. more has up to one item more than the page.
func cut[T any](more []T, limit int) (page []T, last *T) {
	if len(more) <= limit {
		return more, nil
	}
	return more[:limit], &more[limit-1]
}

func wrongCursor() error {
	return wrong("query.cursor", "is not the nextCursor of a page; leave it out for the first one")
}
