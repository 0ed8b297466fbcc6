package faults

import (
	"fmt"
	"math"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/test/node"
)

// The charge follows from how a request ended for its client and from whether the provider served it, as
// docs/charges.md says: exactly, where the answer tells its figures, within an estimate where it does not. Only what went
// through a node that was killed, or was taken for dead, may have been counted as it was held instead.

// doubt is a time in which a node was killed, or was taken for dead because it was paused or cut off. Others settle what it
// had running as it was held, and that stands.
type doubt struct {
	from, until int // moments; what began later is none of it
	killed      bool
}

// doubt begins one about a node, which is a kill's unless it ends: with the node serving again, and knowing that it was
// taken for dead.
func (f *fleet) doubt(p *node.Process) (end func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &doubt{from: f.moment(), until: math.MaxInt, killed: true}
	f.doubts[p] = append(f.doubts[p], d)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		d.until, d.killed = f.moment(), false
	}
}

// doubtful finds the doubt about a request. There is none where its end was written before the node was killed, or taken
// for dead: a node writes the ends and beginnings of one identity's requests in their order, and one that began after the
// end has been answered, which it is only when its beginning is written. Who has not seen the end, of a stream that broke
// off or that it left, does not know when that was for the node.
func (f *fleet) doubtful(r *asked) *doubt {
	seen := r.end != running && r.end != lost && (r.end != answered || r.told != price.Usage{})
	for _, d := range f.doubts[r.through] {
		if r.began >= d.until {
			continue
		}
		written := false
		for _, later := range f.requests {
			written = written || seen && later.through == r.through && later.identity == r.identity && later.end == answered &&
				r.ended < later.began && later.first < d.from
		}
		// Of what is unavailable nobody knew whether it was admitted; it is undone when it can be.
		if !written || r.end == unavailable {
			return d
		}
	}
	return nil
}

// due is what must be counted of an identity: what surely counts, and of what may count so much as is counted.
type due struct {
	sure, may             int64 // requests
	least, most           kept  // of those that surely count
	leastOfMay, mostOfMay kept  // of one that may count, if it does
}

// due says what must be counted, and checks that the provider served what it must have and nothing else.
func (f *fleet) due() map[string]*due {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	all := map[string]*due{}
	for id, r := range f.requests {
		served := 1
		switch r.end {
		case refused, unavailable:
			served = 0
		case lost, running:
			served = r.served
		}
		if r.served != served {
			f.t.Errorf("%s of %s is %s and reached the provider %d times", id, r.identity, r.end, r.served)
		}
		d := all[r.identity]
		if d == nil {
			d = &due{leastOfMay: kept{tokens: math.MaxInt64, micros: math.MaxInt64}}
			all[r.identity] = d
		}
		f.charge(r, d)
	}
	return all
}

// hiddenInput is what is set aside for what vendors add to the input.
const hiddenInput = 32

// charge adds to what is due what a request may be charged.
func (f *fleet) charge(r *asked, d *due) {
	unread := int64(len(fmt.Sprint(controls, streams(r.kind))))
	held := amounts(r.size-unread+hiddenInput, outputCap)
	// The vendor's figures may have come although the client did not see them; else four bytes are a token.
	least, most := amounts(wordsIn, wordsOut), amounts((r.size+3)/4, outputCap)
	if r.told != (price.Usage{}) {
		least = amounts(r.told.Input, r.told.Output)
		most = least
	}
	unlimited := f.limits[r.tier].tokens == 0 // else as much is held as is left
	if r.told == (price.Usage{}) && !unlimited {
		most = held // a strict limit charges an output that is not known as it was held
	}
	doubt := f.doubtful(r)
	counts := r.end == answered || r.end == costly || (r.end == lost || r.end == running) && r.served > 0 && r.kind != failing
	if doubt == nil {
		if counts {
			d.surely(least, most)
		}
		return
	}
	most = held
	switch {
	case r.end == refused:
		return
	// The provider has not ended its answer, so nobody but who found its node dead has settled it.
	case counts && r.kept && doubt.killed && unlimited, !counts && unlimited:
		least = held
	}
	// With PostgreSQL the provider is asked when the reservation is committed, with a file the answer's first byte waits.
	if r.end == answered || counts && f.db.cluster != nil {
		d.surely(least, most)
	} else {
		d.maybe(least, most)
	}
}

func (d *due) surely(least, most kept) {
	d.sure++
	d.least.tokens, d.least.micros = d.least.tokens+least.tokens, d.least.micros+least.micros
	d.most.tokens, d.most.micros = d.most.tokens+most.tokens, d.most.micros+most.micros
}

func (d *due) maybe(least, most kept) {
	d.may++
	d.leastOfMay.tokens, d.leastOfMay.micros = min(d.leastOfMay.tokens, least.tokens), min(d.leastOfMay.micros, least.micros)
	d.mostOfMay.tokens, d.mostOfMay.micros = max(d.mostOfMay.tokens, most.tokens), max(d.mostOfMay.micros, most.micros)
}

// disagrees says what is wrong with what is counted.
func (d *due) disagrees(k *kept) string {
	beyond := k.requests - d.sure
	if beyond < 0 || beyond > d.may {
		return fmt.Sprintf("%d requests are counted, want %d, and of %d others any", k.requests, d.sure, d.may)
	}
	if beyond > 0 {
		d.least.tokens, d.least.micros = d.least.tokens+beyond*d.leastOfMay.tokens, d.least.micros+beyond*d.leastOfMay.micros
		d.most.tokens, d.most.micros = d.most.tokens+beyond*d.mostOfMay.tokens, d.most.micros+beyond*d.mostOfMay.micros
	}
	switch {
	case k.tokens < d.least.tokens || k.tokens > d.most.tokens:
		return fmt.Sprintf("%d tokens are counted for %d requests, %d of them surely due, want %d to %d", k.tokens, k.requests, d.sure, d.least.tokens, d.most.tokens)
	case k.micros < d.least.micros || k.micros > d.most.micros:
		return fmt.Sprintf("%d micro-USD are counted for %d requests, %d of them surely due, want %d to %d", k.micros, k.requests, d.sure, d.least.micros, d.most.micros)
	}
	return ""
}

// amounts is what tokens come to.
func amounts(input, output int64) kept {
	known, _ := price.Lookup(model)
	u := price.Usage{Input: input, Output: output}
	return kept{tokens: input + output, micros: known.Cost(u)}
}
