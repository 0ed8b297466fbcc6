package sqlite

import (
	"encoding/binary"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/google/go-cmp/cmp"
)

// A journal may hold entries of a version without actors.
func TestOldEntriesOfTheAuditTrailAreRead(t *testing.T) {
	t.Parallel()
	b := appendString([]byte{changeOldEntry}, "pk_test")
	b = binary.AppendVarint(b, 7)
	for _, s := range []string{"alice", "gift", "sorry", `{"tokens":5}`} {
		b = appendString(b, s)
	}
	want := entry{"pk_test", 7, ledger.Entry{Identity: "alice", Action: "gift", Reason: "sorry", Detail: []byte(`{"tokens":5}`),
		Actor: ledger.Actor{Kind: ledger.SecretKey}}}
	newer := want
	newer.Entry.Target, newer.Changes = "credits", []byte("[]")
	m := newMerge()
	if err := decode(appendEntry(b, &newer), m); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]entry{want, newer}, m.entries, cmp.AllowUnexported(entry{})); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}
