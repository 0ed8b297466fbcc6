package sqlite

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// packed keeps idle accounts as the bytes that appendPacked writes. A packed account takes a
// third of the memory of an unpacked one, and the garbage collector does not scan it. With
// 100,000 unpacked accounts, scanning would be a quarter of the cost of a request.
//
// Packed accounts are also in the tables, so they may be dropped at any time.
type packed struct {
	places map[uint64]place // by the hash of the key
	slots  [packedSizes]slots
	large  map[uint64][]byte // accounts that do not fit into a slot

	bytes int // the memory that all accounts take
	peak  int // the largest number of accounts since compact
}

const (
	packedStep  = 32 // bytes from one size of slots to the next
	packedSizes = 16
	maxPacked   = packedStep * packedSizes // the largest account that fits into a slot
	placeBytes  = 24                       // the memory of an entry of places
)

// place says where an account is: slot is the number of its slot times packedSizes, plus the
// index of the slot's size.
type place struct{ slot, lastUsed uint32 }

// isLarge marks an account that does not fit into a slot.
const isLarge = 1<<32 - 1

// put stores an account under a hash and replaces any other.
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

// get returns the whole slot of an account: bytes after the account have no meaning.
func (p *packed) get(hash uint64, at place) []byte {
	if at.slot == isLarge {
		return p.large[hash]
	}
	size := at.slot % packedSizes
	return p.slots[size].bytes(at.slot/packedSizes, size)
}

// take returns the account of a key and drops it, or returns nil if there is none.
func (p *packed) take(hash uint64, key ledger.Key) *account {
	at, ok := p.places[hash]
	if !ok {
		return nil
	}
	d := decoder{b: p.get(hash, at)}
	if string(d.bytes()) != key.Project || string(d.bytes()) != key.Identity {
		return nil // another key with the same hash
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

// dropIdle drops the accounts that are idle.
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

// compact frees memory: neither maps nor slots shrink by themselves.
func (p *packed) compact() {
	var c packed
	for hash, at := range p.places {
		c.put(hash, p.get(hash, at), at.lastUsed)
	}
	*p = c
}

// slots are the slots of one size.
type slots struct {
	blocks [][]byte
	free   []uint32
}

const slotsInBlock = 32

// acquire returns the number of a free slot.
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

// appendPacked writes an account that is loaded and has no holds.
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

// account reads the output of appendPacked after the key. It returns nil if it cannot.
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
