package main

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/store"
)

func openLedger(b *testing.B) *sqlite.Ledger {
	b.Helper()
	db, err := store.Open(context.Background(), filepath.Join(b.TempDir(), "bench.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	l, err := sqlite.Open(context.Background(), db.Ledger, db.Read)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	return l
}

// BenchmarkReserveSettle is one request at the ledger: as the caller waits for it where
// nobody waits for the commit, where the answer does, and with the commit shared by 64.
func BenchmarkReserveSettle(b *testing.B) {
	rules := limit.Resolve(limit.Levels{Project: hugeLevel()}, "gpt-4o-mini", limit.Daily, false)
	const identities = 1000
	keys := make([]ledger.Key, identities)
	for i := range keys {
		keys[i] = accountKey(i)
	}
	request := func(b *testing.B, l *sqlite.Ledger, i int, durable bool) {
		ctx := context.Background()
		res, err := l.Reserve(ctx, ledger.Request{Key: keys[i%identities], Rules: &rules, Now: time.Now(),
			Ask: limit.Ask{Estimate: limit.Amounts{1, 1500, 100}}})
		if err != nil {
			b.Fatal(err)
		}
		if durable {
			if err := res.Durable(ctx); err != nil {
				b.Fatal(err)
			}
		}
		actual := ledger.Actual{Amounts: limit.Amounts{1, 144, 80}, InputTokens: 16, OutputTokens: 128}
		if err := l.Settle(ctx, res, actual); err != nil {
			b.Fatal(err)
		}
	}
	for _, durable := range []bool{false, true} {
		name := map[bool]string{false: "in memory", true: "durable"}[durable]
		b.Run(name+", one at a time", func(b *testing.B) {
			l := openLedger(b)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				request(b, l, i, durable)
			}
		})
		b.Run(name+", 64 at once", func(b *testing.B) {
			l := openLedger(b)
			var next atomic.Int64
			b.SetParallelism(32) // times GOMAXPROCS
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					request(b, l, int(next.Add(1)), durable)
				}
			})
		})
	}
}
