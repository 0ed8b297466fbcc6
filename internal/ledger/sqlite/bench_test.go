package sqlite

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// BenchmarkReserveSettle measures what the ledger adds to a request: alone, with 64 at once, and
// for a client, whose first byte waits until the reservation is durable.
func BenchmarkReserveSettle(b *testing.B) {
	for _, durable := range []bool{false, true} {
		for _, together := range []int{1, 64} {
			for _, identities := range []int{1, 1000, 100_000} {
				b.Run(fmt.Sprintf("durable=%t/together=%d/identities=%d", durable, together, identities), func(b *testing.B) {
					benchmark(b, identities, together, durable)
				})
			}
		}
	}
}

func benchmark(b *testing.B, identities, together int, durable bool) {
	p := openProcess(b)
	keys := make([]string, identities)
	for i := range keys {
		keys[i] = fmt.Sprint("user-", i)
	}
	big := int64(1 << 40)
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&big, &big, &big}}}, "gpt-4o", limit.Daily, false)
	now := time.Now() // otherwise all accounts would be idle
	one := func(key string, durable bool) {
		res, err := p.Reserve(b.Context(), ledger.Request{Key: name(key), Rules: &r, Now: now,
			Ask: limit.Ask{Tier: "pro", Estimate: limit.Amounts{1, 100, 10}}})
		if err != nil || res.Decision.Refusal != limit.Admitted {
			b.Fatalf("reserve: %+v, %v", res, err)
		}
		if durable {
			if err := res.Durable(b.Context()); err != nil {
				b.Fatal(err)
			}
		}
		settle(b, p.Ledger, res)
	}
	request := func(rng *rand.Rand) { one(keys[rng.IntN(len(keys))], durable) }
	for _, key := range keys { // all identities are known
		one(key, false)
	}
	if _, err := gift(p.Ledger, alice, nil); err != nil { // everything is written
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	if together == 1 {
		rng := rand.New(rand.NewPCG(1, 1))
		for b.Loop() {
			request(rng)
		}
		return
	}
	b.SetParallelism(together / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
		for pb.Next() {
			request(rng)
		}
	})
}

// BenchmarkFold measures folding for each row, with as many identities as make requests within a
// moment out of many more.
func BenchmarkFold(b *testing.B) {
	const all, together = 100_000, 5_000
	l := stalled(b)
	r := upTo(1 << 40)
	one := func(i int) { settle(b, l, reserve(b, l, name(fmt.Sprint("user-", i)), r)) }
	for i := range all {
		one(i)
	}
	fold(b, l)
	rng := rand.New(rand.NewPCG(1, 1))
	for b.Loop() {
		b.StopTimer()
		for range together {
			one(rng.IntN(all))
		}
		b.StartTimer()
		fold(b, l)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*together), "ns/request")
}

// BenchmarkFirstRequest is BenchmarkReserveSettle for an identity that is not in memory, with
// this many identities in the file that have used the model in this period.
func BenchmarkFirstRequest(b *testing.B) {
	const together = 1000 // used before all are evicted again
	for _, identities := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprint("identities=", identities), func(b *testing.B) {
			p := openProcess(b)
			now := time.Now()
			from := fmt.Sprintf(` FROM (WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n + 1 < %d) SELECT n FROM i)`, identities)
			for _, statement := range []string{
				`INSERT INTO identities (project_id, identity, known, created_at, updated_at) SELECT ?, 'user-' || n, 1, 1, 1` + from,
				fmt.Sprintf(`INSERT INTO usage (project_id, identity, hour, model, tier, kind, requests) SELECT ?, 'user-' || n, %d, 'gpt-4o', '', 0, 1`,
					ledger.HourOf(now)) + from,
			} {
				if _, err := p.db.Write.ExecContext(b.Context(), statement, alice.Project); err != nil {
					b.Fatal(err)
				}
			}
			r := upTo(1 << 40)
			rng := rand.New(rand.NewPCG(1, 1))
			keys := rng.Perm(identities)
			asked := 0
			b.ReportAllocs()
			for b.Loop() {
				key := name(fmt.Sprint("user-", keys[asked%identities]))
				if asked++; asked%together == 0 {
					b.StopTimer()
					fold(b, p.Ledger)
					p.Forget(b)
					b.StartTimer()
				}
				set, _, err := p.Settings(b.Context(), key)
				if err != nil {
					b.Fatal(err)
				}
				res, err := p.Reserve(b.Context(), ledger.Request{Key: key, Settings: set, Rules: r, Now: now, Ask: limit.Ask{Estimate: limit.Amounts{1, 100, 10}}})
				if err != nil || res.Decision.Refusal != limit.Admitted {
					b.Fatalf("reserve: %+v, %v", res, err)
				}
				settle(b, p.Ledger, res)
			}
		})
	}
}

func BenchmarkNames(b *testing.B) {
	ledgertest.BenchmarkNames(b, func(b *testing.B) ledger.Ledger { return openProcess(b).Ledger })
}
