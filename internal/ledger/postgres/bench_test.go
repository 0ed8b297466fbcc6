package postgres

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/test/pgtest"
)

// BenchmarkReserveSettle measures what the ledger adds to a request, with 64 at once, on a server
// that syncs its commits to the disk.
func BenchmarkReserveSettle(b *testing.B) {
	cluster := pgtest.New(b, pgtest.Options{Durable: true})
	databases := 0
	for _, identities := range []int{1, 1000, 100_000} {
		b.Run(fmt.Sprintf("identities=%d", identities), func(b *testing.B) {
			databases++
			url, err := cluster.CreateDatabase(fmt.Sprint("bench_", databases), "")
			if err != nil {
				b.Fatal(err)
			}
			if err := migrated.Prepare(b.Context(), url); err != nil {
				b.Fatal(err)
			}
			before := cpu(b, cluster.Pid())
			benchmark(b, newPool(b, url, func(c *pgxpool.Config) { c.MaxConns = 10 }), identities)
			b.ReportMetric((cpu(b, cluster.Pid())-before)/float64(b.N), "cpu-µs/op")
		})
	}
}

func benchmark(b *testing.B, pool *pgxpool.Pool, identities int) {
	var batches, calls atomic.Int64
	p := openOn(b, pool, func(o *Options) { o.Observe = func(n int, _ time.Duration) { batches.Add(1); calls.Add(int64(n)) } })
	big := int64(1 << 40)
	r := limit.Resolve(limit.Levels{Project: &limit.Level{Caps: limit.Caps{&big, &big, &big}}}, "gpt-4o", limit.Daily, false)
	now := time.Now()
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 1))
		for pb.Next() {
			key := ledger.Key{Project: "pk_bench", Identity: fmt.Sprint("user-", rng.IntN(identities))}
			settings, _, err := p.Settings(b.Context(), key)
			if err != nil {
				b.Fatal(err)
			}
			res, err := p.Reserve(b.Context(), ledger.Request{Key: key, Settings: settings, Rules: &r, Now: now,
				Ask: limit.Ask{Estimate: limit.Amounts{1, 1500, 100}}})
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Settle(b.Context(), res, ledger.Actual{Amounts: limit.Amounts{1, 144, 80}, InputTokens: 16, OutputTokens: 128}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(calls.Load())/float64(batches.Load()), "calls/batch")
}

// cpu is the CPU time in µs of this process and of the server's processes.
func cpu(b *testing.B, postmaster int) float64 {
	b.Helper()
	var own syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &own); err != nil {
		b.Fatal(err)
	}
	sum := float64(own.Utime.Nano()+own.Stime.Nano()) / 1000
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // the process has ended
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		f := strings.Fields(rest) // from the state on, proc(5)
		if f[1] == strconv.Itoa(postmaster) {
			for _, ticks := range f[11:13] {
				n, _ := strconv.ParseFloat(ticks, 64)
				sum += n * 1e6 / 100
			}
		}
	}
	return sum
}

func BenchmarkNames(b *testing.B) {
	ledgertest.BenchmarkNames(b, func(b *testing.B) ledger.Ledger { return openProcess(b).Ledger })
}
