package sqlite

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"slices"
	"strings"
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
		loaded: true, hasLater: rapid.Bool().Draw(t, "ahead"), lastUsed: rapid.Uint32().Draw(t, "lastUsed"),
		row: row{known: rapid.Bool().Draw(t, "known"),
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
		s := ledger.Settings{Tier: rapid.StringMatching(`[a-z]{0,9}|[a-z]{600}`).Draw(t, "tier"), Disabled: rapid.Bool().Draw(t, "disabled")}
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

// TestPacked: accounts are unpacked as they were packed, whatever was put, taken and dropped
// before, and free slots are reused.
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
				p.put(at, appendPacked(nil, a), a.lastUsed)
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
			"drop idle": func(t *rapid.T) {
				now, after := time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "now"), 0), time.Duration(rapid.Int64Range(0, 1<<62).Draw(t, "after"))
				p.dropIdle(now, after)
				maps.DeleteFunc(kept, func(_ uint64, a *account) bool { return idle(a.lastUsed, now, after) })
				most = min(most, max(4*len(kept), len(kept))) // memory may be freed
			},
			"": func(t *rapid.T) {
				bytes, large := 0, 0
				for at := range kept {
					is := p.places[at]
					bytes += placeBytes + len(p.get(at, is))
					if is.slot == isLarge {
						large++
					}
				}
				if len(p.places) != len(kept) || p.bytes != bytes || len(p.large) != large {
					t.Fatalf("%d accounts of %d bytes, %d of them large; want %d, %d, %d", len(p.places), p.bytes, len(p.large), len(kept), bytes, large)
				}
				used := 0
				for size := range p.slots {
					s := &p.slots[size]
					used += len(s.blocks)*slotsInBlock - len(s.free)
					if len(s.blocks) > most/slotsInBlock+1 {
						t.Fatalf("%d blocks of size %d, with %d accounts at most", len(s.blocks), size, most)
					}
				}
				if used != len(kept)-large {
					t.Fatalf("%d slots are used for %d accounts", used, len(kept)-large)
				}
			},
		})
		for _, at := range slices.Sorted(maps.Keys(kept)) {
			if got := p.take(at, kept[at].key); !reflect.DeepEqual(got, kept[at]) {
				t.Fatalf("took %+v, want %+v", got, kept[at])
			}
		}
	})
}

// TestAllOfAnAccountIsPacked: a new field of an account must be added to appendPacked,
// decoder.account and anAccount.
func TestAllOfAnAccountIsPacked(t *testing.T) {
	t.Parallel()
	for of, want := range map[reflect.Type]int{
		reflect.TypeFor[account]():          9, // of which mu, evicted and lastStaged are not packed
		reflect.TypeFor[row]():              5, // of which isNew is not packed
		reflect.TypeFor[limit.State]():      7, // of which holds are not packed
		reflect.TypeFor[limit.ModelUsage](): 3,
	} {
		if got := of.NumField(); got != want {
			t.Errorf("%v has %d fields, %d are known to be packed", of, got, want)
		}
	}
}

func TestWhatIsPackedIsNotReadAgain(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	settle(t, l, reserve(t, l, alice, upTo(9)))
	fold(t, l)
	want, err := l.Account(t.Context(), alice, limit.Daily, noon)
	if err != nil {
		t.Fatal(err)
	}
	look := func(after string, want ledger.Account) {
		t.Helper()
		if isUnpacked(l, alice) {
			t.Fatalf("%s the account is in memory as it was", after)
		}
		if got, err := l.Account(t.Context(), alice, limit.Daily, noon); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s it is %+v, %v; want %+v", after, got, err, want)
		}
	}
	pack(l)
	// Only the ledger writes its tables. This change shows whether they are read.
	if _, err := l.writer.conn.ExecContext(t.Context(), `DELETE FROM usage`); err != nil {
		t.Fatal(err)
	}
	look("packed", want)
	forget(l)
	want.State.Used = nil
	look("evicted", want)
}

// TestALargeAccountIsPackedOnce: an account that does not fit into a slot is not packed again
// each second.
func TestALargeAccountIsPackedOnce(t *testing.T) {
	t.Parallel()
	l := stalled(t)
	long := name(strings.Repeat("x", 512))
	for _, key := range []ledger.Key{alice, long} {
		for i := range 60 {
			r := limit.Resolve(limit.Levels{}, fmt.Sprint("model-", i), limit.Daily, false)
			settle(t, l, reserve(t, l, key, &r))
		}
	}
	fold(t, l)
	pack(l)
	for _, key := range []ledger.Key{alice, long} {
		if isUnpacked(l, key) || !isPacked(l, key) {
			t.Errorf("%.9s is in memory: %t, packed: %t; want it packed", key.Identity, isUnpacked(l, key), isPacked(l, key))
		}
		if a, err := l.Account(t.Context(), key, limit.Daily, noon); err != nil || a.State.Total() != (limit.Amounts{60, 3000, 300}) {
			t.Errorf("%.9s has used %v, %v", key.Identity, a.State.Total(), err)
		}
	}
}

// TestAPackedAccountIsSmall: docs/scaling.md states the size.
func TestAPackedAccountIsSmall(t *testing.T) {
	// Not parallel: it measures the whole heap.
	const names, most = 20_000, 200 // bytes, with a name as long as a UUID
	l := stalled(t)
	grow := func(from int) {
		for i := range names {
			settle(t, l, reserve(t, l, name(fmt.Sprintf("%036d", from+i)), upTo(9)))
			if i%1000 == 999 {
				fold(t, l)
				pack(l)
			}
		}
	}
	grow(0)
	before := heap()
	grow(names)
	after := heap()
	if n := inMemory(l); n != 2*names {
		t.Fatalf("%d accounts in memory, want %d", n, 2*names)
	}
	runtime.KeepAlive(l)
	each := (float64(after) - float64(before)) / names
	t.Logf("a packed account takes %.0f bytes", each)
	if each > most {
		t.Errorf("a packed account takes %.0f bytes, want at most %d", each, most)
	}
}
