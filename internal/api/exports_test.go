package api

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/test/memory"
)

func TestUsageIsExported(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.rollUp(usedBy("a", "gpt-4o", 0, 2), usedBy("b", "o3", 1, 3), usedBy("b", "=o3", 24, 7), answered(5),
		refused("limit_exceeded", "requests", "gpt-4o", 4), refused("burst_exceeded", "", "o3", 1))
	for query, want := range map[string]string{
		"?from=2026-11-21":                                                 "at,requests,tokens,costUsd,refused\n2026-11-21T00:00:00Z,7,70,0.007,0\n2026-11-22T00:00:00Z,5,50,0.005,5\n# complete 2\n",
		"?from=2026-11-21&metric=costUsd":                                  "at,costUsd\n2026-11-21T00:00:00Z,0.007\n2026-11-22T00:00:00Z,0.005\n# complete 2\n",
		"?from=2026-11-21&model=o3":                                        "at,requests,tokens,costUsd,refused\n2026-11-21T00:00:00Z,0,0,0,0\n2026-11-22T00:00:00Z,3,30,0.003,1\n# complete 2\n",
		"?from=2026-11-21&split=model&by=day":                              "at,model,requests,tokens,costUsd,refused\n2026-11-21T00:00:00Z,'=o3,7,70,0.007,0\n2026-11-22T00:00:00Z,gpt-4o,2,20,0.002,4\n2026-11-22T00:00:00Z,o3,3,30,0.003,1\n# complete 3\n",
		"?from=2026-11-22T11:00:00Z&by=hour&split=outcome&metric=requests": "at,outcome,requests\n2026-11-22T12:00:00Z,answered,5\n2026-11-22T12:00:00Z,refused,5\n# complete 2\n",
		"?model=gpt-4o&split=code&metric=refused":                          "at,code,refused\n2026-11-22T00:00:00Z,limit_exceeded,4\n# complete 1\n",
	} {
		if diff := cmp.Diff(want, string(f.read("/exports/usage.csv"+query).want(200).body)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if rows := f.exportOf("usage.csv?from=2025-11-01"); len(rows) != 387 || rows[385]["requests"] != "7" || rows[0]["at"] != "2025-11-01T00:00:00Z" {
		t.Errorf("%d rows of a year, the last but one %v", len(rows), rows[len(rows)-2])
	}
	f.read("/exports/usage.csv?model=gpt-4o&split=code").faults("query.model")
	f.read("/exports/usage.csv?from=2020-01-01").faults("query.from")
}

func TestTheAuditTrailIsExported(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(exportPage + 1)
	f.send("POST", "/user-0000/gift", `{"tokens": 5, "reason": "=HYPERLINK(\"x\")"}`).want(200)
	f.send("PATCH", "/api/projects/"+f.project, `{"requestLimit": 7}`).want(200)
	rows := f.exportOf("audit.csv?actor=secretKey")
	list := decode[AuditTrail](f.read("/audit?actor=secretKey&limit=3").want(200)).Items
	if len(rows) != exportPage+3 {
		t.Fatalf("%d rows, want %d", len(rows), exportPage+3)
	}
	changes, _ := encode(list[0].Changes)
	for i, want := range []map[string]string{
		{"action": list[0].Action, "identity": "", "target": "settings", "changes": string(changes), "requestId": *list[0].RequestID},
		{"action": "giftIdentity", "identity": "user-0000", "target": "user-0000", "reason": `'=HYPERLINK("x")`, "changes": "", "detail": `{"requests":0,"tokens":5,"costUsd":0}`, "id": list[1].ID},
		{"action": "createIdentity", "actorKind": "secretKey", "actorId": *list[2].Actor.ID, "actorEmail": "", "at": "2026-11-22T12:00:00Z", "identity": *list[2].Identity},
	} {
		for column, text := range want {
			if got := rows[i][column]; got != text {
				t.Errorf("row %d, %s: %q, want %q", i, column, got, text)
			}
		}
	}
	if one := f.exportOf("audit.csv?identity=user-0000&action=giftIdentity&from=2026-11-22"); len(one) != 1 {
		t.Errorf("%d gifts, want 1", len(one))
	}
	f.read("/exports/audit.csv?from=yesterday").faults("query.from")
}

// trail is an audit trail of so many pages. It notes how much memory is in use after the first ones, and at the end.
type trail struct {
	Records
	pages, read int
	early, late int64
}

func (t *trail) AuditTrail(_ context.Context, f ledger.FindLines) ([]ledger.Line, ledger.Position, error) {
	switch t.read++; t.read {
	case 5:
		t.early = memory.Heap()
	case t.pages:
		t.late = memory.Heap()
		return nil, ledger.Position{}, nil
	}
	lines := make([]ledger.Line, f.Limit)
	for i := range lines {
		lines[i] = ledger.Line{ID: 1, Entry: ledger.Entry{Identity: fmt.Sprint(t.read, i), Reason: strings.Repeat("x", 200)}}
	}
	return lines, ledger.Position{ID: 1}, nil
}

// An export keeps no more than a page in memory. This test does not run in parallel, because it measures the memory of the
// process.
func TestALargeExportTakesNoMemory(t *testing.T) {
	f := setup(t, someProject)
	all := &trail{Records: f.store, pages: 200}
	o := f.options()
	o.Records = all
	c := newControl(o)
	find := ledger.FindLines{Limit: exportPage}
	if err := writeCSV(t.Context(), io.Discard, auditColumns, c.auditTable(find)); err != nil {
		t.Fatal(err)
	}
	if grown := all.late - all.early; grown > 1<<20 || all.read != all.pages {
		t.Errorf("after %d pages the memory has grown by %d bytes", all.read, grown)
	}
}
