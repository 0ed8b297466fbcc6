package limit

import (
	"fmt"
	"testing"
	"time"
)

func benchLevels() Levels {
	return Levels{
		Tier: &Level{Caps: caps(500, nil, nil), Models: models("gpt-4o", caps(nil, 1_000_000, nil))},
		Project: &Level{Caps: caps(50, 100_000, 5_000_000),
			Models:             models("gpt-4o*", requestCap(500), "gemini-2.0-flash", requestCap(-1), "claude-*", requestCap(3)),
			RequestsPerMinute:  new(int64(1 << 30)),
			ConcurrentRequests: new(int64(100)),
		},
	}
}

func BenchmarkResolve(b *testing.B) {
	ls := benchLevels()
	b.ReportAllocs()
	for b.Loop() {
		r := Resolve(ls, "gpt-4o-2024-08-06", Daily, false)
		if !r.set[Requests] {
			b.Fatal("no limit in force")
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, holds := range []int{0, 1, 64} {
		b.Run(fmt.Sprintf("holds=%d", holds), func(b *testing.B) {
			r := Resolve(benchLevels(), "gpt-4o-2024-08-06", Daily, false)
			s := used("gpt-4o", 3, "gpt-4o-mini", 4, "gemini-2.0-flash", 8)
			for i := range holds {
				s.Admit(Hold{ID: uint64(i), Model: testModels[i%len(testModels)], At: noon, Amounts: Amounts{1, 10, 10}}, noon)
			}
			ask := Ask{Tier: "pro", Estimate: Amounts{1, 4096, 400}}
			b.ReportAllocs()
			for b.Loop() {
				if d := Decide(s, &r, ask, noon); d.Refusal != Admitted {
					b.Fatal("refused")
				}
			}
		})
	}
}

// TestDecideDoesNotAllocate: Decide runs for every request, with the account locked.
func TestDecideDoesNotAllocate(t *testing.T) {
	r := Resolve(benchLevels(), "gpt-4o", Daily, false)
	s := used("gpt-4o", 3, "gpt-4o-mini", 4)
	got := testing.AllocsPerRun(100, func() { Decide(s, &r, Ask{Estimate: Amounts{1, 4096, 400}}, noon) })
	if got != 0 {
		t.Errorf("%v allocations, want 0", got)
	}
}

// BenchmarkNames measures a decision, its settlement and a report of all limits, for an account
// that has used this many models.
func BenchmarkNames(b *testing.B) {
	for _, names := range []int{1, 10, 100, 20_000} {
		b.Run(fmt.Sprintf("names=%d", names), func(b *testing.B) {
			s := &State{Start: Daily.Start(noon)}
			one := func(model string) {
				r := Resolve(benchLevels(), model, Daily, false)
				d := Decide(s, &r, Ask{Estimate: Amounts{1, 1, 1}}, noon)
				if d.Refusal == Admitted {
					s.Admit(d.Hold, noon)
					s.Settle(0, Amounts{1, 1, 1}, &r)
				}
			}
			s.UnlimitedUntil = noon.Add(time.Hour)
			for i := range names {
				one(fmt.Sprint("made-up-", i))
			}
			r := Resolve(benchLevels(), "gpt-4o", Daily, false)
			b.Run("decide", func(b *testing.B) {
				for b.Loop() {
					Decide(s, &r, Ask{Estimate: Amounts{1, 1, 1}}, noon)
				}
			})
			b.Run("request", func(b *testing.B) {
				for b.Loop() {
					one("gpt-4o")
				}
			})
			b.Run("standings", func(b *testing.B) {
				for b.Loop() {
					s.Standings(r.Levels)
				}
			})
		})
	}
}
