package price

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate go run ./generate

// listing is one name of a model in the book.
type listing struct {
	name         string
	tariff       tariff
	later        []change // price changes, by day
	peak         []peak   // prices at hours of the day
	context, max int64    // tokens of the context window and of an answer; 0: not known
	current      bool     // the vendor offers it today
}

// change is the price from a day on, in UTC.
type change struct {
	from   string
	tariff tariff
}

// peak is the price between two times of the day, in minutes of the day in UTC. The second is excluded.
type peak struct {
	from, to int
	tariff   tariff
}

// tariff is the price of a model as a price list prints it.
type tariff struct {
	usd         usd
	long        usd   // for the whole of a request whose input exceeds above tokens
	above       int64 // 0: no price for long requests
	hour, chars float64
	fees        fees
}

// usd are prices in USD a million tokens. 0 means the price of plain input or output.
type usd struct{ in, out, cached, write, write1h, audioIn, imageIn, audioOut, imageOut float64 }

// fees are in USD a thousand uses of a hosted tool. A WebSearchPreview of 0 means the price of WebSearch.
type fees struct{ WebSearch, FileSearch, CodeInterpreter, Grounding, WebSearchPreview float64 }

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

// book holds the list prices of the vendors' models by name. A model without a price in these units is not in the book: its
// price is unknown, not zero.
var book = func() map[string]*entry {
	all := make(map[string]*entry)
	for vendor, list := range listings {
		for _, l := range list {
			all[l.name] = l.entry(vendor)
		}
	}
	return all
}()

// Lookup returns a model's current price in the built-in book, by its exact name in lower case. If the name is not found,
// the caller can cut off its date or version. Prices of fine-tuned models have the name ft:MODEL.
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

// LookupAt is Lookup at another time.
func LookupAt(model string, at time.Time) (Price, bool) {
	e, ok := book[model]
	if !ok {
		return Price{}, false
	}
	return e.at(at), true
}

// Vendor returns the vendor of a model's name in lower case: "openai", "anthropic", "google", "xai", "mistral", "deepseek",
// or "" if the book does not know it. The book knows its own names, and other names by their first word if only one
// vendor's names begin with it.
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

// UsualFees are the fees of hosted tools of most models of the name's vendor (see Vendor). They are for a model that the
// book does not know.
func UsualFees(model string) [FeeKinds]int64 { return usualFees()[Vendor(model)] }

// usualFees are each vendor's most frequent fees. Of two equally frequent fees, the higher one counts.
var usualFees = sync.OnceValue(func() map[string][FeeKinds]int64 {
	all := make(map[string][FeeKinds]int64)
	for vendor, list := range listings {
		var seen [FeeKinds]map[int64]int
		for _, l := range list {
			for fee, amount := range book[l.name].price.Fees {
				if seen[fee] == nil {
					seen[fee] = make(map[int64]int)
				}
				seen[fee][amount]++
			}
		}
		var usual [FeeKinds]int64
		for fee, amounts := range seen {
			for amount, n := range amounts {
				if most := amounts[usual[fee]]; n > most || n == most && amount > usual[fee] {
					usual[fee] = amount
				}
			}
		}
		all[vendor] = usual
	}
	return all
})

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

// Models returns the models that a vendor offers today, sorted; none for an unknown vendor.
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

// Names returns every name in the book, sorted.
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
			panic("price: " + l.name + ": " + err.Error()) // the generator refuses such a listing
		}
		e.later = append(e.later, dated{from, l.price(c.tariff)})
	}
	for _, p := range l.peak {
		e.peak = append(e.peak, hours{p.from, p.to, l.price(p.tariff)})
	}
	return e
}

func (l listing) price(t tariff) Price {
	preview := t.fees.WebSearchPreview
	if preview == 0 {
		preview = t.fees.WebSearch
	}
	p := Price{
		Rates:      t.usd.rates(),
		LongAbove:  t.above,
		AudioMilli: picosPer(t.hour, 3_600_000),
		Character:  picosPer(t.chars, 1e6),
		Fees: [FeeKinds]int64{
			WebSearch: picosPer(t.fees.WebSearch, 1000), FileSearch: picosPer(t.fees.FileSearch, 1000),
			CodeInterpreter: picosPer(t.fees.CodeInterpreter, 1000), Grounding: picosPer(t.fees.Grounding, 1000),
			WebSearchPreview: picosPer(preview, 1000),
		},
		MaxOutput: l.max,
		Context:   l.context,
	}
	if t.above > 0 {
		p.Long = t.usd.over(t.long).rates()
	}
	return p
}

// over returns long. A price that long leaves out is u's price, if u has one.
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

// perMillion converts USD a million tokens to pico-USD a token.
func perMillion(usd float64) int64 { return int64(math.Round(usd * picosPerMicro)) }
