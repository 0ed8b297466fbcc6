package ledger

import (
	"encoding/json"
	"testing"
)

func TestSettingsKeepNumbersAsTheyWereWritten(t *testing.T) {
	t.Parallel()
	const stored = `{"level":{"Caps":[null,null,null],"Models":null,"RequestsPerMinute":null,"ConcurrentRequests":null},"limitResponse":{"id":12345678901234567890,"price":1.50}}`
	var s Settings
	if err := json.Unmarshal([]byte(stored), &s); err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != stored {
		t.Errorf("settings came back as\n%s, want\n%s", got, stored)
	}
}
