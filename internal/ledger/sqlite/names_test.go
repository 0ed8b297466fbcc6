package sqlite

import (
	"fmt"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// An account from before names were bounded, with thousands of them, is decided on exactly, and
// costs no more than others after its first request.
func TestManyNamesOfAFormerVersion(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	const names = 5000
	from := fmt.Sprintf(` FROM (WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < %d) SELECT n FROM i)`, names)
	onStore(t, p, `INSERT INTO identities (project_id, identity, known, created_at, updated_at) VALUES ('pk_test', 'alice', 1, 1, 1)`)
	onStore(t, p, fmt.Sprintf(`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests, tokens)
		SELECT 'pk_test', 'alice', %d, 'made-up-' || n || 'b', '', 0, 1, 2`, ledger.HourOf(noon))+from)
	most := int64(names + 2)
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Models: []limit.ModelCaps{limit.NewModelCaps("made-up-*", limit.Caps{&most})}}}, "made-up-1b", limit.Daily, false)
	for range 2 {
		settle(t, p.Ledger, reserve(t, p.Ledger, alice, &r))
	}
	for _, again := range []bool{false, true} {
		if res, err := tryReserve(p.Ledger, alice, &r); err != nil || res.Decision.Refusal != limit.OverLimit || res.Decision.Standings[limit.Requests].Used != most {
			t.Errorf("restarted %t: %+v, %v; want it refused with all %d counted", again, res, err, most)
		}
		if again {
			break
		}
		a, err := p.Account(t.Context(), alice, limit.Daily, noon)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(a.State.Used); n > limit.MaxNames+1 {
			t.Errorf("%d names are kept, want at most %d", n, limit.MaxNames+1)
		}
		p.Restart(t)
	}
}
