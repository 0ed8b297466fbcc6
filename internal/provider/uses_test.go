package provider

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUses(t *testing.T) {
	t.Parallel()
	var none *Uses
	none.Used("pk_1", "openai", time.Now())
	var u Uses
	at := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	u.Used("pk_2", "openai", at)
	u.Failed("pk_1", "openai", at, "unauthorized")
	u.Used("pk_1", "openai", at.Add(time.Second))
	u.Used("pk_1", "google", at)
	want := []Use{
		{Project: "pk_1", Provider: "google", UsedAt: at},
		{Project: "pk_1", Provider: "openai", UsedAt: at.Add(time.Second), FailedAt: at, Failure: "unauthorized"},
		{Project: "pk_2", Provider: "openai", UsedAt: at},
	}
	if diff := cmp.Diff(want, u.Take()); diff != "" {
		t.Errorf("uses (-want +got):\n%s", diff)
	}
	if again := u.Take(); len(again) != 0 {
		t.Errorf("taken again: %v", again)
	}
}
