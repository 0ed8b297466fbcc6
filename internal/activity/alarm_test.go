package activity

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/gateway"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// Repeated alarms of an identity are one, and wait until the database is back.
func TestAlarmsAreAddedUp(t *testing.T) {
	t.Parallel()
	p, k := snapshot(t), &kept{fail: true}
	r := New(&live.Hub{}, k)
	e := ended(p, "security_blocked", "mallory", "gpt-4o")
	e.Alarms = []gateway.Alarm{{Category: "obfuscation", Rule: "disguised", Severity: "high", Blocked: true}}
	r.Request(e)
	r.Request(e)
	if err := r.Flush(t.Context()); err == nil {
		t.Error("nothing says that the alarms are not kept")
	}
	k.fail = false
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []rollup.Alarm{{Project: "pk_1", Identity: "mallory", Category: "obfuscation", Rule: "disguised", Severity: "high", Blocked: true,
		Hour: ledger.HourOf(noon), First: noon.UnixMicro(), Last: noon.UnixMicro(), Count: 2}}
	if diff := cmp.Diff(want, k.alarms); diff != "" {
		t.Errorf("alarms (-want +got):\n%s", diff)
	}
}

// However many names clients make up, memory is bounded, and no alarm is lost.
func TestAlarmsOfMadeUpNamesAreBounded(t *testing.T) {
	t.Parallel()
	p, k := snapshot(t), &kept{}
	r := New(&live.Hub{}, k)
	for i := range mostAlarms + 500 {
		e := ended(p, "security_blocked", fmt.Sprint("made-up-", i), "gpt-4o")
		e.Alarms = []gateway.Alarm{{Category: "obfuscation", Rule: "disguised", Severity: "high", Blocked: true}}
		r.Request(e)
	}
	if err := r.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, a := range k.alarms {
		sum += a.Count
	}
	if len(k.alarms) != mostAlarms+1 || sum != mostAlarms+500 {
		t.Errorf("%d alarms with %d counts, want %d with %d", len(k.alarms), sum, mostAlarms+1, mostAlarms+500)
	}
}
