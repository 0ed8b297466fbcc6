package api

import (
	"context"
	"net/http"
	"strings"
)

// Match is the parameter of operations that change a document.
type Match struct {
	IfMatch string `header:"If-Match" maxLength:"255" doc:"The ETag of the document that the change is made to, or *. Sessions must send it, so that nobody overwrites a change that they have not seen." example:"\"v3\""`
}

// check refuses a change of a document that has another ETag by now. Sessions must say which one they have seen. current is
// what the caller may see of the document.
func (m Match) check(ctx context.Context, etag string, current any) error {
	switch sent := strings.TrimSpace(m.IfMatch); {
	case sent == "" && callOf(ctx).caller.kind == callerSession:
		return refuse(http.StatusPreconditionRequired, "if_match_required",
			"Send If-Match with the ETag of the document that you have read, so that no change of somebody else is lost.")
	case sent == "", sent == "*":
		return nil
	default:
		for tag := range strings.SplitSeq(sent, ",") {
			if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == etag {
				return nil
			}
		}
	}
	p := refuse(http.StatusPreconditionFailed, "document_changed",
		"The document has changed since you read it. current is the document as it is now: make the change to that, and send If-Match: %s.", etag)
	p.Current = current
	return p.with("ETag", etag)
}

// tagged is the answer of an operation on a document with an ETag.
type tagged[T any] struct {
	Status int
	ETag   string `header:"ETag"`
	Body   T
}
