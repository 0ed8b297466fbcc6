package store

import (
	"fmt"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// Of a project's events only the newest are kept; the counts have all.
func TestSecurityEventsAreBounded(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, location string) {
		r := openRollups(t, location)
		hour := ledger.HourOf(noon)
		for round := range 3 {
			var alarms []rollup.Alarm
			for i := range 10 {
				at := noon.UnixMicro() + int64(10*round+i)
				alarms = append(alarms, rollup.Alarm{Project: "pk_1", Identity: fmt.Sprint(round, "-", i), Category: "obfuscation", Rule: "model",
					Severity: "high", Blocked: true, Hour: hour, First: at, Last: at, Count: 2})
			}
			tx, err := r.db.begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := addAlarms(t.Context(), tx, alarms, 15); err != nil {
				t.Fatal(err)
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		events, _, err := r.SecurityEvents(t.Context(), rollup.SecurityQuery{Project: "pk_1", Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		if len(events) != 15 || events[0].Identity != "2-9" {
			t.Errorf("%d events, the first %+v; want the newest 15", len(events), events[0])
		}
		counts, err := r.SecurityCounts(t.Context(), "pk_1", rollup.Span{From: hour, To: hour + 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(counts) != 1 || counts[0].Count != 60 {
			t.Errorf("counts %+v, want 60", counts)
		}
	})
}
