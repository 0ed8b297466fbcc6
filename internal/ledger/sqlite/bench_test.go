package sqlite

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/airatelimit/airatelimit/internal/limit"
)

// BenchmarkReserveSettle is what the ledger adds to a request, with 64 of them at once.
func BenchmarkReserveSettle(b *testing.B) {
	for _, identities := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("identities=%d", identities), func(b *testing.B) {
			benchmark(b, identities, false)
		})
	}
	// As seen by a client: its first byte waits until the reservation is durable.
	b.Run("durable/identities=1000", func(b *testing.B) { benchmark(b, 1000, true) })
}

func benchmark(b *testing.B, identities int, durable bool) {
	p := openProcess(b)
	keys := make([]string, identities)
	for i := range keys {
		keys[i] = fmt.Sprint("user-", i)
	}
	big := int64(1 << 40)
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&big, &big, &big}}}, "gpt-4o", limit.Daily, false)
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
		for pb.Next() {
			res := reserve(b, p.Ledger, name(keys[rng.IntN(len(keys))]), &r)
			if durable {
				if err := res.Durable(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			settle(b, p.Ledger, res)
		}
	})
}
