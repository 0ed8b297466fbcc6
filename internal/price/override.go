package price

import (
	"errors"
	"fmt"
	"math"
)

// maxUSD bounds every figure of an Override. It is far above any price and keeps each rate within an int64.
const maxUSD = 1_000_000

// Override is a price that a project sets itself: an entry of its settings' `prices`. What is nil is not charged, but that
// cached input then costs what input does, and that token prices come in pairs: input without output, or the reverse, is refused
// because it would silently make one of them free.
type Override struct {
	InputUSDPerMillion       *float64 `json:"inputUsdPerMillion,omitempty"`
	OutputUSDPerMillion      *float64 `json:"outputUsdPerMillion,omitempty"`
	CachedInputUSDPerMillion *float64 `json:"cachedInputUsdPerMillion,omitempty"`
	ImageUSD                 *float64 `json:"imageUsd,omitempty"`
	AudioUSDPerMinute        *float64 `json:"audioUsdPerMinute,omitempty"`
	CharactersUSDPerMillion  *float64 `json:"charactersUsdPerMillion,omitempty"`
}

// Price is the override as a price, each figure to the nearest pico-USD. The error names the field that is
// negative, not finite or beyond 1,000,000 USD.
func (o Override) Price() (Price, error) {
	const millisPerMinute = 60_000
	var p Price
	var set bool
	for _, f := range []struct {
		name  string
		value *float64
		units float64 // that the value is the price of
		into  *int64
	}{
		{"inputUsdPerMillion", o.InputUSDPerMillion, 1e6, &p.Input},
		{"outputUsdPerMillion", o.OutputUSDPerMillion, 1e6, &p.Output},
		{"cachedInputUsdPerMillion", o.CachedInputUSDPerMillion, 1e6, &p.CachedInput},
		{"imageUsd", o.ImageUSD, 1, &p.Image},
		{"audioUsdPerMinute", o.AudioUSDPerMinute, millisPerMinute, &p.AudioMilli},
		{"charactersUsdPerMillion", o.CharactersUSDPerMillion, 1e6, &p.Character},
	} {
		if f.value == nil {
			continue
		}
		set = true
		if !(*f.value >= 0 && *f.value <= maxUSD) { // NaN included
			return Price{}, fmt.Errorf("%s must be a number from 0 to %d, not %v", f.name, maxUSD, *f.value)
		}
		*f.into = picosPer(*f.value, f.units)
	}
	switch {
	case !set:
		return Price{}, errors.New("sets no price")
	case o.InputUSDPerMillion == nil && (o.OutputUSDPerMillion != nil || o.CachedInputUSDPerMillion != nil):
		return Price{}, errors.New("inputUsdPerMillion is missing; set it to 0 if input is free")
	case o.OutputUSDPerMillion == nil && o.InputUSDPerMillion != nil:
		return Price{}, errors.New("outputUsdPerMillion is missing; set it to 0 if output is free")
	}
	if o.CachedInputUSDPerMillion == nil {
		p.CachedInput = p.Input
	}
	p.CacheWrite, p.CacheWrite1h, p.AudioInput, p.ImageInput = p.Input, p.Input, p.Input, p.Input
	p.AudioOutput, p.ImageOutput = p.Output, p.Output
	return p, nil
}

// picosPer is usd for that many units as pico-USD a unit; what isn't free never rounds to nothing.
func picosPer(usd, units float64) int64 {
	n := int64(math.Round(usd * 1e12 / units))
	if n == 0 && usd > 0 {
		return 1
	}
	return n
}
