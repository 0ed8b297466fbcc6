package document

import (
	"bytes"
	"hash/maphash"
)

// names is the set of the names of one object. It keeps where they begin in the document, because a map of strings takes
// many times the bytes of an object of short names.
type names struct {
	data  []byte   // the document
	slots []uint32 // offsets, by the hash of the name or next after it; 0 is free, for no name begins at byte 0
	count int
}

// seed keeps a caller from choosing names that all have one hash.
var seed = maphash.MakeSeed()

// add adds a name that begins at an offset. It reports whether the name is new.
func (ns *names) add(name string, at int) bool {
	if ns.count >= len(ns.slots)/4*3 {
		ns.grow()
	}
	i := ns.first(maphash.String(seed, name))
	for ; ns.slots[i] != 0; i = ns.next(i) {
		if string(ns.name(ns.slots[i])) == name {
			return false
		}
	}
	ns.slots[i] = uint32(at)
	ns.count++
	return true
}

func (ns *names) grow() {
	old := ns.slots
	ns.slots = make([]uint32, max(8, 2*len(old)))
	for _, at := range old {
		if at == 0 {
			continue
		}
		i := ns.first(maphash.Bytes(seed, ns.name(at)))
		for ns.slots[i] != 0 {
			i = ns.next(i)
		}
		ns.slots[i] = at
	}
}

// first returns the slot at which the search for a hash begins; next goes on to a further one.
func (ns *names) first(hash uint64) int { return int(hash % uint64(len(ns.slots))) }
func (ns *names) next(i int) int        { return (i + 1) % len(ns.slots) }

// name returns the name that begins at an offset, decoded.
func (ns *names) name(at uint32) []byte {
	raw := ns.data[at:]
	raw = raw[:endOfString(raw)+1]
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return []byte(Value{raw: raw}.Text())
}
