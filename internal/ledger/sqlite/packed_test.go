package sqlite

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// anAccount draws an account that may be packed.
func anAccount(t *rapid.T) *account {
	amounts := rapid.Custom(func(t *rapid.T) (a limit.Amounts) {
		for m := range a {
			a[m] = rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 1000)).Draw(t, "amount")
		}
		return a
	})
	micro := rapid.OneOf(rapid.Just(micros(0)), rapid.Map(rapid.Int64Range(1, 1<<52), func(n int64) micros { return micros(n) }))
	a := &account{
		key:    ledger.Key{Project: rapid.String().Draw(t, "project"), Identity: rapid.String().Draw(t, "identity")},
		loaded: true, ahead: rapid.Bool().Draw(t, "ahead"), lastUsed: rapid.Uint32().Draw(t, "lastUsed"),
		row: row{stored: rapid.Bool().Draw(t, "stored"), known: rapid.Bool().Draw(t, "known"),
			createdAt: micro.Draw(t, "createdAt"), updatedAt: micro.Draw(t, "updatedAt")},
		state: limit.State{
			Period: rapid.SampledFrom([]limit.Period{limit.Daily, limit.Weekly, limit.Monthly}).Draw(t, "period"),
			Start:  time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "start"), 0).UTC(), Credits: amounts.Draw(t, "credits"),
			UnlimitedUntil: micro.Draw(t, "unlimitedUntil").time(), Burst: timeOfNanos(rapid.Int64Range(0, 1<<62).Draw(t, "burst")),
			Used: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) limit.ModelUsage {
				return limit.ModelUsage{Model: rapid.String().Draw(t, "model"), Counted: amounts.Draw(t, "counted"), Credited: amounts.Draw(t, "credited")}
			}), 0, 4).Draw(t, "used"),
		},
	}
	if len(a.state.Used) == 0 {
		a.state.Used = nil
	}
	if rapid.Bool().Draw(t, "set") {
		s := ledger.Settings{Tier: rapid.StringMatching(`[a-z]{0,9}`).Draw(t, "tier"), Disabled: rapid.Bool().Draw(t, "disabled")}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b, &s); err != nil { // as it is read from the tables
			t.Fatal(err)
		}
		a.row.settings = &settings{s, string(b)}
	}
	return a
}

// TestPacked: accounts come out as they were put in, whatever was put, taken and dropped before, and what is free
// is used again.
func TestPacked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var p packed
		kept := map[uint64]*account{}
		most := 0
		hash := rapid.Uint64Range(0, 40)
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				a, at := anAccount(t), hash.Draw(t, "hash")
				b := appendPacked(nil, a)
				if len(b) > packedMost {
					t.Skip("too large")
				}
				p.put(at, b, a.lastUsed)
				kept[at] = a
				most = max(most, len(kept))
			},
			"take": func(t *rapid.T) {
				at := hash.Draw(t, "hash")
				want := kept[at]
				if want == nil {
					if got := p.take(at, alice); got != nil {
						t.Fatalf("took %+v, which nobody has put", got)
					}
					return
				}
				other := want.key
				other.Identity += "."
				if got := p.take(at, other); got != nil {
					t.Fatalf("took %+v for %v, which has the same hash", got, other)
				}
				if got := p.take(at, want.key); !reflect.DeepEqual(got, want) {
					t.Fatalf("took %+v, want %+v", got, want)
				}
				delete(kept, at)
			},
			"dropIdle": func(t *rapid.T) {
				before := rapid.Int64Range(0, 1<<33).Draw(t, "before")
				p.dropIdle(before)
				maps.DeleteFunc(kept, func(_ uint64, a *account) bool { return int64(a.lastUsed) < before })
			},
			"": func(t *rapid.T) {
				if len(p.places) != len(kept) {
					t.Fatalf("%d accounts, want %d", len(p.places), len(kept))
				}
				for size := range p.sizes {
					s := &p.sizes[size]
					if s.used+len(s.free) != len(s.blocks)*slotsInBlock || len(s.blocks) > most/slotsInBlock+1 {
						t.Fatalf("size %d: %d slots are used and %d free of %d blocks, with %d accounts at most", size, s.used, len(s.free), len(s.blocks), most)
					}
				}
			},
		})
		for _, at := range slices.Sorted(maps.Keys(kept)) {
			if got := p.take(at, kept[at].key); !reflect.DeepEqual(got, kept[at]) {
				t.Fatalf("took %+v, want %+v", got, kept[at])
			}
		}
		for size := range p.sizes {
			if n := len(p.sizes[size].blocks); n != 0 {
				t.Fatalf("%d blocks are kept for nothing", n)
			}
		}
	})
}

func TestWhatIsPackedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	p := openProcess(t)
	settle(t, p.Ledger, reserve(t, p.Ledger, alice, upTo(9)))
	if _, err := gift(p.Ledger, alice, nil); err != nil { // all that is written
		t.Fatal(err)
	}
	want, err := p.Account(t.Context(), alice, limit.Daily, noon)
	if err != nil {
		t.Fatal(err)
	}
	look := func(after string, want ledger.Account) {
		t.Helper()
		if inMemory(p.Ledger, alice) {
			t.Fatalf("%s the account is in memory as it was", after)
		}
		if got, err := p.Account(t.Context(), alice, limit.Daily, noon); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s it is %+v, %v; want %+v", after, got, err, want)
		}
	}
	packing{p}.Forget(t)
	// Nobody else writes the ledger's tables. Here it shows who reads them.
	if _, err := p.db.Write.Exec(`DELETE FROM usage`); err != nil {
		t.Fatal(err)
	}
	look("packed", want)
	p.Forget(t)
	want.State.Used = nil
	look("let go of", want)
}

func TestALargeAccountIsNotPacked(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	for i := range packedMost / len("model-10") {
		r := limit.Resolve(limit.Levels{}, fmt.Sprint("model-", i), limit.Daily, false)
		settle(t, l, reserve(t, l, alice, &r))
	}
	fold(t, l)
	l.evict(noon.Add(time.Minute), noon)
	if !inMemory(l, alice) || isPacked(l, alice) {
		t.Errorf("in memory: %t, packed: %t; want it in memory", inMemory(l, alice), isPacked(l, alice))
	}
	evict(l, noon.Add(time.Minute))
	if l.size() != 0 {
		t.Error("it is still in memory, idle as it is")
	}
}

// TestAPackedAccountIsSmall: docs/scaling.md says how small.
func TestAPackedAccountIsSmall(t *testing.T) {
	// Not parallel: it looks at the whole heap.
	const names, most = 20_000, 200 // bytes, with a name as long as a UUID
	l := stalled(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	grow := func(from int) {
		for i := range names {
			settle(t, l, reserve(t, l, name(fmt.Sprintf("%036d", from+i)), upTo(9)))
			if i%1000 == 999 {
				fold(t, l)
				l.evict(noon.Add(time.Minute), noon)
			}
		}
	}
	grow(0)
	before := heap()
	grow(names)
	after := heap()
	if n := l.size(); n != 2*names {
		t.Fatalf("%d accounts in memory, want %d", n, 2*names)
	}
	each := (float64(after) - float64(before)) / names
	t.Logf("a packed account takes %.0f bytes", each)
	if each > most {
		t.Errorf("a packed account takes %.0f bytes, want at most %d", each, most)
	}
}
