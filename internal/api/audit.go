package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

// AuditEntry is a change in the audit trail.
type AuditEntry struct {
	ID        string           `json:"id"`
	At        time.Time        `json:"at"`
	Actor     Actor            `json:"actor"`
	Action    string           `json:"action" doc:"What was done: the operationId of the call that makes such a change, such as giftIdentity or changeProject. Later versions may have more actions."`
	Identity  *string          `json:"identity" doc:"The identity that was changed. Null: it was something else."`
	Target    string           `json:"target" doc:"What was changed: the identity, or settings, secretKey and others."`
	Reason    *string          `json:"reason"`
	Changes   []project.Change `json:"changes" doc:"The settings that were changed."`
	Detail    json.RawMessage  `json:"detail" doc:"Figures of the action: an object, such as the amounts of a gift."`
	RequestID *string          `json:"requestId" doc:"The x-request-id of the call."`
}

// AuditTrail is a page of the audit trail.
type AuditTrail struct {
	Items      []AuditEntry `json:"items" doc:"The newest first."`
	NextCursor *string      `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

func (c *control) audit(doc huma.API) {
	register(c, doc, accessRead, huma.Operation{
		OperationID: "listAudit", Method: http.MethodGet, Path: thisProject + "/audit", Tags: []string{projectsTag},
		Summary: "Read the audit trail",
		Description: "The changes of a project and its identities, the newest first. With action or actor a call looks at 3,000 entries, " +
			"so that a page may have fewer items than limit and still a nextCursor.",
	}, example{response: `{"items": [{"id": "82", "at": "2026-11-22T17:05:00Z", "actor": {"kind": "secretKey", "id": "7Hq2m4Xc9Rt1Yw3Z", "email": null}, ` +
		`"action": "giftIdentity", "identity": "user-123", "target": "user-123", "reason": "An outage", "changes": [], "detail": {"tokens": 10000}, ` +
		`"requestId": "req_4kq8zt"}], "nextCursor": null}`}, nil, c.listAudit)
}

// AuditFilter are the parameters that choose changes.
type AuditFilter struct {
	Identity string `query:"identity" maxLength:"512" doc:"Only changes of this identity."`
	Action   string `query:"action" maxLength:"64" doc:"Only this action, such as giftIdentity."`
	Actor    string `query:"actor" maxLength:"320" doc:"Only this actor: a kind (user, secretKey, cli, system), an id, or a mail address."`
	From     string `query:"from" maxLength:"40" doc:"Only entries from this time on: RFC 3339, or a date for its beginning in UTC." example:"2026-11-01"`
	To       string `query:"to" maxLength:"40" doc:"Only entries before this time: RFC 3339, or a date for its beginning in UTC." example:"2026-12-01"`
}

// find returns the query that the parameters describe, without a limit.
func (in *AuditFilter) find(project string) (f ledger.FindLines, err error) {
	f = ledger.FindLines{Project: project, Identity: in.Identity, Action: in.Action, Actor: in.Actor}
	for name, value := range map[string]string{"query.identity": in.Identity, "query.action": in.Action, "query.actor": in.Actor} {
		if value != "" && !keepable(value) {
			return f, wrong(name, "is not printable UTF-8")
		}
	}
	if f.From, err = instant("query.from", in.From); err != nil {
		return f, err
	}
	f.To, err = instant("query.to", in.To)
	return f, err
}

type auditInput struct {
	InProject
	AuditFilter
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The largest number of items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The nextCursor of the page before. The other parameters must stay the same."`
}

func (in *auditInput) find(project string) (ledger.FindLines, error) {
	f, err := in.AuditFilter.find(project)
	if err != nil {
		return f, err
	}
	f.Limit = in.Limit
	if in.Cursor != "" {
		var at int64
		if n, err := fmt.Sscanf(in.Cursor, "%d-%d", &at, &f.Before.ID); n != 2 || err != nil || f.Before.ID < 1 {
			return f, wrongCursor()
		}
		f.Before.At = time.UnixMicro(at)
	}
	return f, nil
}

// instant reads a time, or a date as its beginning in UTC. "" is the zero time.
func instant(location, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, wrong(location, "must be a time such as 2026-11-22T12:00:00Z, or a date such as 2026-11-22")
}

func (c *control) listAudit(ctx context.Context, in *auditInput) (*answer[AuditTrail], error) {
	f, err := in.find(projectOf(ctx).Key)
	if err != nil {
		return nil, err
	}
	lines, next, err := c.Records.AuditTrail(ctx, f)
	if err != nil {
		return nil, away(err)
	}
	page := AuditTrail{Items: []AuditEntry{}}
	for i := range lines {
		e, err := entryOf(&lines[i])
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, e)
	}
	if next.ID != 0 {
		page.NextCursor = new(fmt.Sprintf("%d-%d", next.At.UnixMicro(), next.ID))
	}
	return show(page)
}

func entryOf(l *ledger.Line) (AuditEntry, error) {
	e := AuditEntry{ID: strconv.FormatInt(l.ID, 10), At: l.At, Actor: actorOf(l.Actor), Action: l.Action, Identity: filled(l.Identity),
		Target: targetOf(l), Reason: filled(l.Reason), Detail: l.Detail, RequestID: filled(l.RequestID)}
	return e, json.Unmarshal(l.Changes, &e.Changes)
}

// targetOf names what was changed.
func targetOf(l *ledger.Line) string { return cmp.Or(l.Target, l.Identity) }
