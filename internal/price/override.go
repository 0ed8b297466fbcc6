package price

import (
	"errors"
	"fmt"
	"math"
)

// maxUSD bounds every figure of an Override. It is far above any price and keeps each rate within an int64.
const maxUSD = 1_000_000

// Override is a price that a project or an operator sets: an entry of the settings' `prices` or of the file PRICE_BOOK. Its
// figures override the book's (see Over). A nil figure is not set.
type Override struct {
	TokenPrices
	ImageUSD                *float64     `json:"imageUsd,omitempty" minimum:"0" maximum:"1e6" doc:"USD an image."`
	AudioUSDPerMinute       *float64     `json:"audioUsdPerMinute,omitempty" minimum:"0" maximum:"1e6" doc:"USD a minute of sound."`
	CharactersUSDPerMillion *float64     `json:"charactersUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million characters."`
	FeesUSDPerThousand      *FeePrices   `json:"feesUsdPerThousand,omitempty" doc:"Fees of hosted tools."`
	Above                   *AbovePrices `json:"above,omitempty" doc:"Prices of a request whose input exceeds inputTokens."`
}

// TokenPrices are in USD a million tokens.
type TokenPrices struct {
	Input        *float64 `json:"inputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million input tokens."`
	Output       *float64 `json:"outputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million output tokens."`
	CachedInput  *float64 `json:"cachedInputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million tokens read from a cache."`
	CacheWrite   *float64 `json:"cacheWriteUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million tokens written to a cache."`
	CacheWrite1h *float64 `json:"cacheWrite1hUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million tokens written to a cache for an hour."`
	ImageInput   *float64 `json:"imageInputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million input tokens of images."`
	ImageOutput  *float64 `json:"imageOutputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million output tokens of images."`
	AudioInput   *float64 `json:"audioInputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million input tokens of sound."`
	AudioOutput  *float64 `json:"audioOutputUsdPerMillion,omitempty" minimum:"0" maximum:"1e6" doc:"USD a million output tokens of sound."`
}

// AbovePrices are for the whole of a request whose input exceeds InputTokens.
type AbovePrices struct {
	InputTokens *float64 `json:"inputTokens,omitempty" minimum:"1" doc:"The size of the input above which these prices apply to the whole request."`
	TokenPrices
}

// FeePrices are in USD a thousand uses of a hosted tool.
type FeePrices struct {
	WebSearch       *float64 `json:"webSearch,omitempty" minimum:"0" maximum:"1e6" doc:"USD a thousand searches of the web."`
	FileSearch      *float64 `json:"fileSearch,omitempty" minimum:"0" maximum:"1e6" doc:"USD a thousand searches of files."`
	CodeInterpreter *float64 `json:"codeInterpreter,omitempty" minimum:"0" maximum:"1e6" doc:"USD a thousand uses of the code interpreter."`
	Grounding       *float64 `json:"grounding,omitempty" minimum:"0" maximum:"1e6" doc:"USD a thousand grounded requests."`
}

// figure is a figure that can be set, with its name in JSON.
type figure struct {
	name  string
	value *float64
}

func (t TokenPrices) figures(path string) []figure {
	return []figure{
		{path + "inputUsdPerMillion", t.Input}, {path + "outputUsdPerMillion", t.Output},
		{path + "cachedInputUsdPerMillion", t.CachedInput},
		{path + "cacheWriteUsdPerMillion", t.CacheWrite}, {path + "cacheWrite1hUsdPerMillion", t.CacheWrite1h},
		{path + "imageInputUsdPerMillion", t.ImageInput}, {path + "imageOutputUsdPerMillion", t.ImageOutput},
		{path + "audioInputUsdPerMillion", t.AudioInput}, {path + "audioOutputUsdPerMillion", t.AudioOutput},
	}
}

func (f FeePrices) figures() []figure {
	const path = "feesUsdPerThousand."
	return []figure{
		{path + "webSearch", f.WebSearch}, {path + "fileSearch", f.FileSearch},
		{path + "codeInterpreter", f.CodeInterpreter}, {path + "grounding", f.Grounding},
	}
}

// Check returns an error that names the field that is negative, not finite, above 1,000,000 USD, or missing. Token prices
// need both plain input and plain output: the missing one would silently be free.
func (o Override) Check() error {
	all := o.TokenPrices.figures("")
	all = append(all, figure{"imageUsd", o.ImageUSD}, figure{"audioUsdPerMinute", o.AudioUSDPerMinute},
		figure{"charactersUsdPerMillion", o.CharactersUSDPerMillion})
	if o.FeesUSDPerThousand != nil {
		all = append(all, o.FeesUSDPerThousand.figures()...)
	}
	if o.Above != nil {
		all = append(all, o.Above.figures("above.")...)
	}
	set := false
	for _, f := range all {
		if f.value == nil {
			continue
		}
		set = true
		if !(*f.value >= 0 && *f.value <= maxUSD) { // NaN included
			return fmt.Errorf("%s must be a number from 0 to %d, not %v", f.name, maxUSD, *f.value)
		}
	}
	if !set {
		return errors.New("sets no price; set at least one")
	}
	if err := o.TokenPrices.checkPair("", o.Above != nil); err != nil || o.Above == nil {
		return err
	}
	if err := o.Above.checkPair("above.", true); err != nil {
		return err
	}
	const most = 1 << 40
	if n := o.Above.InputTokens; n == nil || !(*n >= 1 && *n <= most && *n == math.Trunc(*n)) {
		return errors.New("above.inputTokens must be a whole number of tokens from 1")
	}
	return nil
}

// checkPair requires plain input and output if any token price is set or wanted.
func (t TokenPrices) checkPair(path string, wanted bool) error {
	for _, f := range t.figures(path) {
		wanted = wanted || f.value != nil
	}
	switch {
	case wanted && t.Input == nil:
		return errors.New(path + "inputUsdPerMillion is missing; set it to 0 if input is free")
	case wanted && t.Output == nil:
		return errors.New(path + "outputUsdPerMillion is missing; set it to 0 if output is free")
	}
	return nil
}

// Over applies the override to base, the book's price of the model; known says whether the book has one. o must have passed
// Check.
//
// An unset price of an image, a minute, a million characters or a fee stays as it is. An unset token price keeps its
// proportion to plain input or output if that makes it dearer; otherwise it is the price of plain tokens. Unset cached input
// costs as much as input, and an unset long request as much as a short one. For a model that the book does not know, every
// kind of token costs as much as plain tokens. An override of only fees sets no price for such a model.
func (o Override) Over(base Price, known bool) (Price, bool) {
	p := base
	if o.Input != nil {
		p.Rates = o.TokenPrices.over(base.Rates)
		p.Rates.CachedInput = picos1M(o.CachedInput, p.Input)
		p.Long, p.LongAbove = Rates{}, 0
		known = true
	}
	if o.Above != nil {
		p.LongAbove = int64(*o.Above.InputTokens)
		p.Long = o.Above.over(p.Rates)
		p.Long.CachedInput = picos1M(o.Above.CachedInput, scale(p.CachedInput, p.Input, p.Long.Input))
	}
	for _, f := range []struct {
		value *float64
		units float64 // the value is the price of so many units
		into  *int64
	}{
		{o.ImageUSD, 1, &p.Image},
		{o.AudioUSDPerMinute, 60_000, &p.AudioMilli},
		{o.CharactersUSDPerMillion, 1e6, &p.Character},
	} {
		if f.value != nil {
			*f.into = picosPer(*f.value, f.units)
			known = true
		}
	}
	if o.FeesUSDPerThousand != nil {
		f := o.FeesUSDPerThousand
		for fee, value := range [FeeKinds]*float64{WebSearch: f.WebSearch, WebSearchPreview: f.WebSearch, FileSearch: f.FileSearch,
			CodeInterpreter: f.CodeInterpreter, Grounding: f.Grounding} {
			if value != nil {
				p.Fees[fee] = picosPer(*value, 1000)
			}
		}
	}
	return p, known
}

// over returns the set rates. An unset rate keeps its proportion to base's plain rates, if that is dearer.
func (t TokenPrices) over(base Rates) Rates {
	r := Rates{Input: picosPer(*t.Input, 1e6), Output: picosPer(*t.Output, 1e6)}
	input := func(set *float64, rate int64) int64 {
		return picos1M(set, max(r.Input, scale(rate, base.Input, r.Input)))
	}
	output := func(set *float64, rate int64) int64 {
		return picos1M(set, max(r.Output, scale(rate, base.Output, r.Output)))
	}
	r.CachedInput = r.Input
	r.CacheWrite, r.AudioInput, r.ImageInput = input(t.CacheWrite, base.CacheWrite), input(t.AudioInput, base.AudioInput), input(t.ImageInput, base.ImageInput)
	r.CacheWrite1h = picos1M(t.CacheWrite1h, max(r.CacheWrite, input(nil, base.CacheWrite1h)))
	r.AudioOutput, r.ImageOutput = output(t.AudioOutput, base.AudioOutput), output(t.ImageOutput, base.ImageOutput)
	return r
}

// scale is rate × to ÷ of, rounded to the nearest, or rate if of is 0. It saturates.
func scale(rate, of, to int64) int64 {
	if of == 0 || of == to {
		return rate
	}
	scaled := math.Round(float64(rate) / float64(of) * float64(to))
	if scaled >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(scaled)
}

// picos1M converts USD a million units to pico-USD a unit. It is otherwise if usd is not set.
func picos1M(usd *float64, otherwise int64) int64 {
	if usd == nil {
		return otherwise
	}
	return picosPer(*usd, 1e6)
}

// picosPer converts usd for that many units to pico-USD a unit. A price that is not free never rounds to 0.
func picosPer(usd, units float64) int64 {
	n := int64(math.Round(usd * 1e12 / units))
	if n == 0 && usd > 0 {
		return 1
	}
	return n
}
