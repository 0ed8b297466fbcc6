package ledgertest

import (
	"fmt"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// BenchmarkNames measures a durable, settled request and a report of all limits, for an account
// that has called this many models in the period. The cost must not grow with their number.
func BenchmarkNames(b *testing.B, open func(b *testing.B) ledger.Ledger) {
	big := int64(1 << 40)
	ls := limit.Levels{Project: &limit.Level{Caps: limit.Caps{&big, &big, &big}, Models: []limit.ModelCaps{
		limit.NewModelCaps("gpt-4o", limit.Caps{&big}), limit.NewModelCaps("gpt-5*", limit.Caps{&big}), limit.NewModelCaps("claude-*", limit.Caps{&big, &big})}}}
	for _, names := range []int{1, 100, 20_000} {
		l, key := open(b), identity(fmt.Sprint("names-", names))
		one := func(model string) {
			r := rules(ls, model, limit.Daily)
			res, err := l.Reserve(b.Context(), ledger.Request{Key: key, Rules: r, Now: noon, Ask: limit.Ask{Estimate: limit.Amounts{1, 10, 10}}})
			if err == nil {
				err = res.Durable(b.Context())
			}
			if err == nil {
				err = l.Settle(b.Context(), res, ledger.Actual{Amounts: limit.Amounts{1, 5, 5}})
			}
			if err != nil {
				b.Error(err)
			}
		}
		together(64, func(w int) {
			for i := w; i < names; i += 64 {
				one(fmt.Sprint("made-up-", i, "b"))
			}
		})
		b.Run(fmt.Sprintf("names=%d/request", names), func(b *testing.B) {
			for b.Loop() {
				one("gpt-4o")
			}
		})
		b.Run(fmt.Sprintf("names=%d/usage", names), func(b *testing.B) {
			for b.Loop() {
				a, err := l.Account(b.Context(), key, limit.Daily, noon)
				if err != nil {
					b.Fatal(err)
				}
				ledger.Report(&a, ls, "", noon)
			}
		})
	}
}
