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
	return len(b.prices.all)
}

// WithBook returns a copy of the snapshot with an operator's price book, nil for none. It overrides the built-in book, and
// the project's own prices override both.
func (s *Snapshot) WithBook(b *PriceBook) *Snapshot {
	c := *s
	c.book, c.keys, c.exposed = b, new(lazyKeys), new(exposed)
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

// priceList holds prices by model key. Every request looks up a price, so the keys are indexed.
type priceList struct {
	all    []pricing
	keys   limit.Index    // of all
	models map[string]int // positions of the keys that are one whole model, by its canonical name
}

type pricing struct {
	key      string
	override price.Override
}

// newPriceList prepares prices. The error begins with the key and the invalid field.
func newPriceList(prices map[string]price.Override) (priceList, error) {
	list := priceList{models: make(map[string]int)}
	var keys []string
	for i, name := range slices.Sorted(maps.Keys(prices)) {
		if err := prices[name].Check(); err != nil {
			return priceList{}, fmt.Errorf("%s: %w", name, err)
		}
		key := limit.NormalizeModel(name)
		if limit.BaseModel(key) == key && !strings.HasSuffix(key, "*") {
			model := limit.CanonicalModel(key)
			if _, twice := list.models[model]; !twice {
				list.models[model] = i
			}
		}
		keys = append(keys, key)
		list.all = append(list.all, pricing{key, prices[name]})
	}
	list.keys = limit.NewIndex(keys)
	return list, nil
}

// over returns the price p of a normalized model, overridden by the most specific key that covers the model.
func (l *priceList) over(model string, p price.Price, known bool) (price.Price, bool) {
	if len(l.all) == 0 {
		return p, known
	}
	at, _, found := l.keys.Find(model)
	// Another name of the same model is more specific than a prefix.
	if !found || strings.HasSuffix(l.all[at].key, "*") {
		if i, ok := l.models[limit.CanonicalModel(model)]; ok {
			at, found = i, true
		}
	}
	if !found {
		return p, known
	}
	return l.all[at].override.Over(p, known)
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
