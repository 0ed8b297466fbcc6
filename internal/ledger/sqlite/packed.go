package sqlite

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// packed keeps accounts that nothing is asked of as bytes, as appendPacked writes them. They
// take a third of the memory of those that are not, and the collector goes through none of
// them: it would have to whenever 20 MB of garbage have come together, which with 100,000
// accounts is a quarter of what a request costs.
//
// What is packed is in the tables as well, so it may be dropped at any time.
type packed struct {
	places map[uint64]place // by the hash of the key
	slots  [packedSizes]slots
	large  map[uint64][]byte // those that have no slot

	bytes int // that they take
	peak  int // accounts since compact
}

const (
	packedStep  = 32 // bytes from one size of slots to the next
	packedSizes = 16
	maxPacked   = packedStep * packedSizes // that fit into a slot
	placeBytes  = 24                       // what an entry of places takes
)

// place is where an account is: the number of its slot, times packedSizes, and its size.
type place struct{ slot, lastUsed uint32 }

// isLarge is the slot of an account that has none.
const isLarge = 1<<32 - 1

// put keeps an account of that hash, in place of any other.
func (p *packed) put(hash uint64, b []byte, lastUsed uint32) {
	p.drop(hash)
	if p.places == nil {
		p.places, p.large = make(map[uint64]place), make(map[uint64][]byte)
	}
	at := place{isLarge, lastUsed}
	if len(b) > maxPacked {
		p.large[hash] = bytes.Clone(b)
	} else {
		size := uint32(len(b)-1) / packedStep
		at.slot = p.slots[size].acquire(size)*packedSizes + size
		copy(p.get(hash, at), b)
	}
	p.places[hash] = at
	p.bytes += placeBytes + len(p.get(hash, at))
	p.peak = max(p.peak, len(p.places))
}

// get returns an account, with whatever is behind it in its slot.
func (p *packed) get(hash uint64, at place) []byte {
	if at.slot == isLarge {
		return p.large[hash]
	}
	size := at.slot % packedSizes
	return p.slots[size].bytes(at.slot/packedSizes, size)
}

// take returns the account of a key and drops it, or nil where there is none.
func (p *packed) take(hash uint64, key ledger.Key) *account {
	at, ok := p.places[hash]
	if !ok {
		return nil
	}
	d := decoder{b: p.get(hash, at)}
	if string(d.bytes()) != key.Project || string(d.bytes()) != key.Identity {
		return nil // they have one hash
	}
	a := d.account(key, at.lastUsed)
	p.drop(hash)
	return a
}

func (p *packed) drop(hash uint64) {
	at, ok := p.places[hash]
	if !ok {
		return
	}
	p.bytes -= placeBytes + len(p.get(hash, at))
	delete(p.places, hash)
	if at.slot == isLarge {
		delete(p.large, hash)
	} else {
		p.slots[at.slot%packedSizes].release(at.slot / packedSizes)
	}
}

// dropIdle drops what is idle at a time.
func (p *packed) dropIdle(now time.Time, after time.Duration) {
	for hash, at := range p.places {
		if idle(at.lastUsed, now, after) {
			p.drop(hash)
		}
	}
	if 4*len(p.places) < p.peak {
		p.compact()
	}
}

// compact gives back memory: neither maps nor slots shrink by themselves.
func (p *packed) compact() {
	var c packed
	for hash, at := range p.places {
		c.put(hash, p.get(hash, at), at.lastUsed)
	}
	*p = c
}

// slots are places of one size.
type slots struct {
	blocks [][]byte
	free   []uint32
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
	return n
}

func (s *slots) release(n uint32) { s.free = append(s.free, n) }

func (s *slots) bytes(n, size uint32) []byte {
	length := packedStep * (size + 1)
	start := n % slotsInBlock * length
	return s.blocks[n/slotsInBlock][start : start+length]
}

// appendPacked writes an account that is loaded and has nothing running.
func appendPacked(b []byte, a *account) []byte {
	b = appendKey(b, a.key)
	b = appendBool(appendBool(b, a.row.known), a.hasLater)
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

// account reads what appendPacked has written after the key, or returns nil where it cannot.
func (d *decoder) account(key ledger.Key, lastUsed uint32) *account {
	a := &account{key: key, lastUsed: lastUsed, loaded: true}
	a.row.known, a.hasLater = d.bool(), d.bool()
	if text := d.string(); text != "" {
		a.row.settings = &settings{encoded: text}
		if json.Unmarshal([]byte(text), &a.row.settings.Settings) != nil {
			return nil
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
	if d.failed {
		return nil
	}
	return a
}
