package project

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/price"
)

// PriceBook holds an operator's prices, which override the built-in price book in all projects.
type PriceBook struct{ prices priceList }

// ParsePriceBook reads a JSON object of prices by model, in the form of the settings' prices. Errors are
// *document.FieldError, with the model and the field as the path.
func ParsePriceBook(data []byte) (*PriceBook, error) {
	v, err := parse(data)
	if err != nil {
		return nil, err
	}
	if v.Kind() != document.Object {
		return nil, document.Errorf("", "must be an object of prices by model, not %s", v.Describe())
	}
	var prices map[string]price.Override
	if err := byModel(&prices, readPrice)("", v); err != nil {
		return nil, err
	}
	list, err := newPriceList(prices)
	return &PriceBook{list}, err
}

// Models returns how many model keys the book has.
func (b *PriceBook) Models() int {
	if b == nil {
		return 0
	}
	return len(b.prices)
}

// WithBook returns a copy of the snapshot with an operator's price book, nil for none. It overrides the built-in book, and
// the project's own prices override both.
func (s *Snapshot) WithBook(b *PriceBook) *Snapshot {
	c := *s
	c.book, c.keys = b, new(lazyKeys)
	return &c
}

// Price returns a model's price now: the built-in book's, overridden by the operator's and then by the project's own. Of
// several keys in a list that cover the model, the most specific one counts.
func (s *Snapshot) Price(model string) (price.Price, bool) {
	model = limit.NormalizeModel(model)
	p, known := listPrice(model)
	if s.book != nil {
		p, known = s.book.prices.over(model, p, known)
	}
	return s.prices.over(model, p, known)
}

// listPrice returns the built-in book's price of a normalized model. It looks up the name, then the name without snapshot
// and variant, then the model's canonical name. A fine-tuned model has the price of fine-tuned models of its base. For a
// model that is not in the book, it returns only the usual fees of its vendor's tools, and false.
func listPrice(model string) (price.Price, bool) {
	if p, ok := price.Lookup(model); ok {
		return p, true
	}
	if tuned, ok := limit.FineTuned(model); ok {
		if p, ok := price.Lookup("ft:" + tuned); ok {
			return p, true
		}
		if p, ok := price.Lookup("ft:" + limit.BaseModel(tuned)); ok {
			return p, true
		}
		return price.Price{Fees: price.UsualFees(tuned)}, false
	}
	if p, ok := price.Lookup(limit.BaseModel(model)); ok {
		return p, true
	}
	if p, ok := price.Lookup(limit.CanonicalModel(model)); ok {
		return p, true
	}
	return price.Price{Fees: price.UsualFees(model)}, false
}

// priceList holds prices by model key.
type priceList []pricing

type pricing struct {
	key      string
	model    string // canonical; "" if the key is a snapshot or covers several models
	override price.Override
}

// newPriceList prepares prices. The error begins with the key and the invalid field.
func newPriceList(prices map[string]price.Override) (priceList, error) {
	var list priceList
	for _, name := range slices.Sorted(maps.Keys(prices)) {
		if err := prices[name].Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p := pricing{key: limit.NormalizeModel(name), override: prices[name]}
		if limit.BaseModel(p.key) == p.key && !strings.HasSuffix(p.key, "*") {
			p.model = limit.CanonicalModel(p.key)
		}
		list = append(list, p)
	}
	return list, nil
}

// over returns the price p of a normalized model, overridden by the most specific key that covers the model.
func (l priceList) over(model string, p price.Price, known bool) (price.Price, bool) {
	if len(l) == 0 {
		return p, known
	}
	best, found := 0, -1
	for i := range l {
		if rank, ok := limit.Covers(l[i].key, model); ok && (found < 0 || rank > best) {
			best, found = rank, i
		}
	}
	// Another name of the same model is more specific than a prefix.
	if found < 0 || strings.HasSuffix(l[found].key, "*") {
		canonical := limit.CanonicalModel(model)
		if i := slices.IndexFunc(l, func(p pricing) bool { return p.model == canonical }); i >= 0 {
			found = i
		}
	}
	if found < 0 {
		return p, known
	}
	return l[found].override.Over(p, known)
}

// readPrice reads a price of prices.
func readPrice(path string, v document.Value) (price.Override, error) {
	var o price.Override
	all := tokenPrices(&o.TokenPrices)
	all["imageUsd"] = rate(&o.ImageUSD)
	all["audioUsdPerMinute"] = rate(&o.AudioUSDPerMinute)
	all["charactersUsdPerMillion"] = rate(&o.CharactersUSDPerMillion)
	all["feesUsdPerThousand"] = optionalObject(&o.FeesUSDPerThousand, func(f *price.FeePrices) document.Fields {
		return document.Fields{
			"webSearch": rate(&f.WebSearch), "fileSearch": rate(&f.FileSearch),
			"codeInterpreter": rate(&f.CodeInterpreter), "grounding": rate(&f.Grounding),
		}
	})
	all["above"] = optionalObject(&o.Above, func(a *price.AbovePrices) document.Fields {
		above := tokenPrices(&a.TokenPrices)
		above["inputTokens"] = tokens(&a.InputTokens)
		return above
	})
	if err := all.Set(path, v); err != nil {
		return o, err
	}
	if err := o.Check(); err != nil {
		return o, document.Errorf(path, "%v", err)
	}
	return o, nil
}

func tokenPrices(t *price.TokenPrices) document.Fields {
	return document.Fields{
		"inputUsdPerMillion": rate(&t.Input), "outputUsdPerMillion": rate(&t.Output), "cachedInputUsdPerMillion": rate(&t.CachedInput),
		"cacheWriteUsdPerMillion": rate(&t.CacheWrite), "cacheWrite1hUsdPerMillion": rate(&t.CacheWrite1h),
		"imageInputUsdPerMillion": rate(&t.ImageInput), "imageOutputUsdPerMillion": rate(&t.ImageOutput),
		"audioInputUsdPerMillion": rate(&t.AudioInput), "audioOutputUsdPerMillion": rate(&t.AudioOutput),
	}
}

// optionalObject sets an object of fields; null is none.
func optionalObject[T any](into **T, of func(*T) document.Fields) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() == document.Null {
			*into = nil
			return nil
		}
		var t T
		if err := of(&t).Set(path, v); err != nil {
			return err
		}
		*into = &t
		return nil
	}
}

// tokens sets a number of tokens.
func tokens(into **float64) document.Setter {
	return func(path string, v document.Value) error {
		n, err := strconv.ParseInt(v.Text(), 10, 64)
		if v.Kind() != document.Number || err != nil || n < 1 {
			return document.Errorf(path, "must be a whole number of tokens from 1, not %s", v.Describe())
		}
		f := float64(n)
		*into = &f
		return nil
	}
}
