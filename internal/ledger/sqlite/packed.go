package sqlite

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// packed keeps accounts that nothing is asked of as bytes, in the order of pack. They take a
// third of the memory of those that are not, and the collector goes through none of them: it
// would have to whenever 20 MB of garbage have come together, which with 100,000 accounts is
// a quarter of what a request costs.
//
// What is packed is in the tables as well, so it may be dropped at any time.
type packed struct {
	places map[uint64]place // by the hash of the key
	sizes  [packedSizes]slots
}

const (
	packedStep  = 32 // bytes from one size of slots to the next
	packedSizes = 16
	packedMost  = packedStep * packedSizes // a larger account is not packed
)

// place is where an account is: the number of its slot, times packedSizes, and its size.
type place struct{ slot, lastUsed uint32 }

// put keeps an account of that hash, which fits, in place of any other.
func (p *packed) put(at uint64, b []byte, lastUsed uint32) {
	p.drop(at)
	if p.places == nil {
		p.places = make(map[uint64]place)
	}
	size := uint32(len(b)-1) / packedStep
	slot := p.sizes[size].acquire(size) * packedSizes
	copy(p.bytes(slot+size), b)
	p.places[at] = place{slot + size, lastUsed}
}

// take returns the account of a key and drops it, or nil.
func (p *packed) take(at uint64, key ledger.Key) *account {
	is, ok := p.places[at]
	if !ok {
		return nil
	}
	d := decoder{b: p.bytes(is.slot)}
	if string(d.bytes()) != key.Project || string(d.bytes()) != key.Identity {
		return nil // they have one hash
	}
	a := &account{key: key, lastUsed: is.lastUsed}
	d.account(a)
	p.drop(at)
	return a
}

func (p *packed) drop(at uint64) {
	if is, ok := p.places[at]; ok {
		delete(p.places, at)
		p.sizes[is.slot%packedSizes].release(is.slot / packedSizes)
	}
}

// dropIdle drops what was last used before a time, in Unix seconds.
func (p *packed) dropIdle(before int64) {
	for at, is := range p.places {
		if int64(is.lastUsed) < before {
			p.drop(at)
		}
	}
	if len(p.places) == 0 {
		p.places = nil // a map does not shrink
	}
}

func (p *packed) bytes(slot uint32) []byte {
	size := slot % packedSizes
	return p.sizes[size].bytes(slot/packedSizes, size)
}

// slots are places of one size.
type slots struct {
	blocks [][]byte
	free   []uint32
	used   int
}

const slotsInBlock = 32

// acquire returns the number of a slot that was free.
func (s *slots) acquire(size uint32) uint32 {
	if len(s.free) == 0 {
		first := uint32(len(s.blocks)) * slotsInBlock
		s.blocks = append(s.blocks, make([]byte, slotsInBlock*packedStep*(size+1)))
		for n := first + slotsInBlock; n > first; n-- {
			s.free = append(s.free, n-1)
		}
	}
	n := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	s.used++
	return n
}

func (s *slots) release(n uint32) {
	s.free = append(s.free, n)
	if s.used--; s.used == 0 {
		*s = slots{}
	}
}

func (s *slots) bytes(n, size uint32) []byte {
	length := packedStep * (size + 1)
	start := n % slotsInBlock * length
	return s.blocks[n/slotsInBlock][start : start+length]
}

// appendPacked writes an account that is loaded and has nothing running.
func appendPacked(b []byte, a *account) []byte {
	b = appendKey(b, a.key)
	b = appendBool(appendBool(appendBool(b, a.row.stored), a.row.known), a.ahead)
	b = appendString(b, a.row.settings.text())
	b = binary.AppendVarint(binary.AppendVarint(b, int64(a.row.createdAt)), int64(a.row.updatedAt-a.row.createdAt))
	s := &a.state
	b = appendAmounts(b, s.Credits)
	b = binary.AppendVarint(binary.AppendVarint(b, int64(microsOf(s.UnlimitedUntil))), nanosOf(s.Burst))
	b = binary.AppendVarint(binary.AppendVarint(b, int64(s.Period)), s.Start.Unix())
	b = binary.AppendUvarint(b, uint64(len(s.Used)))
	for i := range s.Used {
		u := &s.Used[i]
		b = appendAmounts(appendAmounts(appendString(b, u.Model), u.Counted), u.Credited)
	}
	return b
}

// account reads what appendPacked has written after the key.
func (d *decoder) account(a *account) {
	a.row.stored, a.row.known, a.ahead = d.bool(), d.bool(), d.bool()
	if text := d.string(); text != "" {
		a.row.settings = &settings{encoded: text}
		if json.Unmarshal([]byte(text), &a.row.settings.Settings) != nil {
			return // it is not loaded
		}
	}
	a.row.createdAt = micros(d.int())
	a.row.updatedAt = a.row.createdAt + micros(d.int())
	s := &a.state
	s.Credits, s.UnlimitedUntil, s.Burst = d.amounts(), micros(d.int()).time(), timeOfNanos(d.int())
	s.Period, s.Start = limit.Period(d.int()), time.Unix(d.int(), 0).UTC()
	if n := d.uint(); n > 0 {
		s.Used = make([]limit.ModelUsage, n)
	}
	for i := range s.Used {
		s.Used[i] = limit.ModelUsage{Model: intern(string(d.bytes())), Counted: d.amounts(), Credited: d.amounts()}
	}
	a.loaded = !d.failed
}
