package price

import (
	"math"
	"slices"
	"strings"
	"time"
)

//go:generate go run ./generate

// listing is one name of a model in the book.
type listing struct {
	name         string
	tariff       tariff
	later        []change // by day, what it costs from then on
	peak         []peak   // what it costs at hours of the day
	context, max int64    // tokens of the context window and of an answer; 0: not known
	current      bool     // the vendor lists it today
}

// change is a price from a day in UTC on.
type change struct {
	from   string
	tariff tariff
}

// peak is a price between two times of the day, in minutes of the day in UTC, the second one excluded.
type peak struct {
	from, to int
	tariff   tariff
}

// tariff is what a model costs, as a price list prints it.
type tariff struct {
	usd         usd
	long        usd   // for the whole of a request whose input exceeds above tokens
	above       int64 // 0: there is no such price
	hour, chars float64
	fees        fees
}

// usd are prices in USD a million tokens. Where one is 0 the tokens cost what plain input or output does.
type usd struct{ in, out, cached, write, write1h, audioIn, imageIn, audioOut, imageOut float64 }

// fees are in USD a thousand uses of a hosted tool.
type fees struct{ WebSearch, FileSearch, CodeInterpreter, Grounding float64 }

// entry is a listing ready for use.
type entry struct {
	vendor string
	price  Price
	later  []dated
	peak   []hours
}

type dated struct {
	from  time.Time
	price Price
}

type hours struct {
	from, to int
	price    Price
}

// book holds the list prices of the vendors' models by name. A model without a price in these units is left out: it is
// unpriced, not free.
var book = func() map[string]*entry {
	all := make(map[string]*entry)
	for vendor, list := range listings {
		for _, l := range list {
			all[l.name] = l.entry(vendor)
		}
	}
	return all
}()

// Lookup finds what a model costs now in the built-in book, by its exact name in lower case. Dates and versions are the
// caller's to cut off when the whole name is not found. What fine-tunes of a model cost stands under ft:MODEL.
func Lookup(model string) (Price, bool) {
	e, ok := book[model]
	if !ok {
		return Price{}, false
	}
	if e.later == nil && e.peak == nil {
		return e.price, true
	}
	return e.at(time.Now()), true
}

// LookupAt is Lookup for another time.
func LookupAt(model string, at time.Time) (Price, bool) {
	e, ok := book[model]
	if !ok {
		return Price{}, false
	}
	return e.at(at), true
}

// Vendor returns the vendor whose models have a name, in lower case: "openai", "anthropic", "google", "xai", "mistral",
// "deepseek", or "" where the book does not know it. The book knows its own names, and others by their first word where
// only one vendor's names begin with it.
func Vendor(model string) string {
	if e, ok := book[model]; ok {
		return e.vendor
	}
	word, _, more := strings.Cut(model, "-")
	if !more {
		return ""
	}
	return families[word]
}

func (e *entry) at(t time.Time) Price {
	p := e.price
	for _, c := range e.later {
		if !t.Before(c.from) {
			p = c.price
		}
	}
	t = t.UTC()
	minute := t.Hour()*60 + t.Minute()
	for _, h := range e.peak {
		if h.from <= minute && minute < h.to {
			p = h.price
		}
	}
	return p
}

// Models lists the models that a vendor lists today, sorted; none of an unknown one.
func Models(vendor string) []string {
	var names []string
	for _, l := range listings[vendor] {
		if l.current {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}

// Names lists every name in the book, sorted.
func Names() []string {
	var names []string
	for name := range book {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (l listing) entry(vendor string) *entry {
	e := &entry{vendor: vendor, price: l.price(l.tariff)}
	for _, c := range l.later {
		from, err := time.Parse(time.DateOnly, c.from)
		if err != nil {
			panic("price: " + l.name + ": " + err.Error()) // the generator has read it
		}
		e.later = append(e.later, dated{from, l.price(c.tariff)})
	}
	for _, p := range l.peak {
		e.peak = append(e.peak, hours{p.from, p.to, l.price(p.tariff)})
	}
	return e
}

func (l listing) price(t tariff) Price {
	p := Price{
		Rates:      t.usd.rates(),
		LongAbove:  t.above,
		AudioMilli: picosPer(t.hour, 3_600_000),
		Character:  picosPer(t.chars, 1e6),
		Fees: [FeeKinds]int64{
			WebSearch: picosPer(t.fees.WebSearch, 1000), FileSearch: picosPer(t.fees.FileSearch, 1000),
			CodeInterpreter: picosPer(t.fees.CodeInterpreter, 1000), Grounding: picosPer(t.fees.Grounding, 1000),
		},
		MaxOutput: l.max,
		Context:   l.context,
	}
	if t.above > 0 {
		p.Long = t.usd.over(t.long).rates()
	}
	return p
}

// over returns long with what it leaves out from u, but for what u itself leaves out.
func (u usd) over(long usd) usd {
	or := func(a, b float64) float64 {
		if a == 0 {
			return b
		}
		return a
	}
	return usd{
		in: or(long.in, u.in), out: or(long.out, u.out), cached: or(long.cached, u.cached),
		write: or(long.write, u.write), write1h: or(long.write1h, u.write1h),
		audioIn: or(long.audioIn, u.audioIn), imageIn: or(long.imageIn, u.imageIn),
		audioOut: or(long.audioOut, u.audioOut), imageOut: or(long.imageOut, u.imageOut),
	}
}

func (u usd) rates() Rates {
	rate := func(usd float64, plain int64) int64 {
		if usd == 0 {
			return plain
		}
		return perMillion(usd)
	}
	r := Rates{Input: perMillion(u.in), Output: perMillion(u.out)}
	r.CachedInput, r.CacheWrite = rate(u.cached, r.Input), rate(u.write, r.Input)
	r.CacheWrite1h = rate(u.write1h, r.CacheWrite)
	r.AudioInput, r.ImageInput = rate(u.audioIn, r.Input), rate(u.imageIn, r.Input)
	r.AudioOutput, r.ImageOutput = rate(u.audioOut, r.Output), rate(u.imageOut, r.Output)
	return r
}

// perMillion is pico-USD a token from USD a million tokens.
func perMillion(usd float64) int64 { return int64(math.Round(usd * picosPerMicro)) }
