package faults

import (
	"fmt"
	"testing"
)

// Three processes, one database: a limit of a hundred admits a hundred, whichever node is asked.
func TestThreeNodesAdmitExactly(t *testing.T) {
	t.Parallel()
	f := newFleet(t, shared(t), `"requestLimit": 100`)
	f.serve(3)
	for _, identity := range []string{"new", "another new one"} {
		if got := f.burst(300, identity, "", whole); got != 100 {
			t.Errorf("%s: %d of 300 answered, want 100", identity, got)
		}
	}
	for i := range 40 {
		f.ask(f.nodes[i%3], "known", "", whole)
	}
	if got := f.burst(300, "known", "", slow); got != 60 {
		t.Errorf("known: %d of 300 answered, want the 60 that are left of 100", got)
	}
	f.reconcile(exact)
	for i, p := range f.nodes {
		if u := f.usageOf(p, "known", ""); u.Usage.Requests != 100 || fmt.Sprint(u.Limits[0].Remaining) != "0" {
			t.Errorf("node %d says %+v, want 100 used and none left", i, u)
		}
	}
}
