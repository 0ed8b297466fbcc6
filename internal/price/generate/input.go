package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// published is genai-prices.json.
type published struct {
	Package, Version, Date, License string
	Models                          map[string][]model
}

// model is a model of the package: https://github.com/pydantic/genai-prices, prices/new_data.
type model struct {
	ID         string          `json:"id"`
	Match      rule            `json:"match"`
	Context    int64           `json:"context_window"`
	Deprecated bool            `json:"deprecated"`
	Prices     json.RawMessage `json:"prices"`
}

// rule says which names a model has.
type rule struct {
	Or, And                                         []rule
	Equals, StartsWith, EndsWith, Contains, Pattern *string
}

// UnmarshalJSON reads the package's spelling of the fields.
func (r *rule) UnmarshalJSON(data []byte) error {
	var fields struct {
		Or         []rule  `json:"or"`
		And        []rule  `json:"and"`
		Equals     *string `json:"equals"`
		StartsWith *string `json:"starts_with"`
		EndsWith   *string `json:"ends_with"`
		Contains   *string `json:"contains"`
		Pattern    *string `json:"regex"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&fields); err != nil {
		return err
	}
	*r = rule(fields)
	return nil
}

// names are the names that a rule spells out. A prefix counts as a whole name. Longer names are dated versions, which
// limit.BaseModel recognises, or future models, whose price is unknown. Patterns are left out, because they match dates.
func (r rule) names() []string {
	var names []string
	for _, part := range r.Or {
		names = append(names, part.names()...)
	}
	for _, part := range r.And {
		names = append(names, part.names()...)
	}
	for _, word := range []*string{r.Equals, r.StartsWith, r.EndsWith, r.Contains} {
		if word != nil && (word != r.Contains || strings.Contains(*word, "-")) { // moderation is a kind of models
			names = append(names, strings.TrimRight(strings.ToLower(*word), "-@"))
		}
	}
	return names
}

// amount is a price in USD, and a second price for long requests if above is set.
type amount struct {
	base, long float64
	above      int64 // tokens; 0: long is not used
}

// UnmarshalJSON reads a number, or a base with one tier.
func (a *amount) UnmarshalJSON(data []byte) error {
	if data[0] != '{' {
		return json.Unmarshal(data, &a.base)
	}
	var tiered struct {
		Base  float64
		Tiers []struct {
			Start int64
			Price float64
		}
	}
	if err := json.Unmarshal(data, &tiered); err != nil {
		return err
	}
	if len(tiered.Tiers) != 1 {
		return fmt.Errorf("%d tiers, want 1", len(tiered.Tiers))
	}
	*a = amount{base: tiered.Base, long: tiered.Tiers[0].Price, above: tiered.Tiers[0].Start}
	return nil
}

// tariffs returns a model's price on the package's day, its later prices, and its prices at hours of the day.
func (m model) tariffs(date string) (now tariff, later []change, peaks []peak, err error) {
	if m.Prices[0] == '{' {
		now, err = readTariff(m.Prices)
		return now, nil, nil, err
	}
	var conditional []struct {
		Prices     json.RawMessage
		Constraint *struct {
			Type      string
			StartDate string `json:"start_date"`
			StartTime string `json:"start_time"`
			EndTime   string `json:"end_time"`
		}
	}
	if err := json.Unmarshal(m.Prices, &conditional); err != nil {
		return now, nil, nil, err
	}
	for _, c := range conditional {
		t, err := readTariff(c.Prices)
		switch {
		case err != nil:
			return now, nil, nil, err
		case c.Constraint == nil || c.Constraint.Type == "start_date" && c.Constraint.StartDate <= date:
			now = t
		case c.Constraint.Type == "start_date":
			later = append(later, change{c.Constraint.StartDate, t})
		case c.Constraint.Type == "time_of_date":
			from, err1 := minutes(c.Constraint.StartTime)
			to, err2 := minutes(c.Constraint.EndTime)
			if err1 != nil || err2 != nil || from >= to {
				return now, nil, nil, fmt.Errorf("hours from %s to %s", c.Constraint.StartTime, c.Constraint.EndTime)
			}
			peaks = append(peaks, peak{from, to, t})
		default:
			return now, nil, nil, fmt.Errorf("a constraint of the type %q", c.Constraint.Type)
		}
	}
	return now, later, peaks, nil
}

// minutes is a time of day, as 16:30:00Z, in minutes.
func minutes(s string) (int, error) {
	t, err := time.Parse("15:04:05Z07:00", s)
	return t.Hour()*60 + t.Minute(), err
}

// readTariff reads a price list of the package. An unknown unit is an error, because requests may be billed by it.
func readTariff(data []byte) (tariff, error) {
	var list map[string]amount
	if err := json.Unmarshal(data, &list); err != nil {
		return tariff{}, err
	}
	var t tariff
	for _, unit := range slices.Sorted(maps.Keys(list)) {
		a := list[unit]
		if rate := t.rate(unit); rate != nil {
			*rate = a.base
			if a.above > 0 {
				if t.above > 0 && t.above != a.above {
					return t, fmt.Errorf("tiers from %d and from %d tokens", t.above, a.above)
				}
				t.above = a.above
				*t.long.rate(unit) = a.long
			}
			continue
		}
		switch unit {
		case "audio_hours", "input_audio_hours":
			t.hour = a.base
		case "web_searches_kcount":
			t.fees.WebSearch = a.base
		case "storage_searches_kcount":
			t.fees.FileSearch = a.base
		case "cache_audio_read_mtok", "cache_image_read_mtok", // price.Usage has one figure for all cached input
			"input_document_kpages", "input_annotated_document_kpages", // of an endpoint that is not served
			"input_text_messages_kcount": // of realtime models
		default:
			return t, fmt.Errorf("the unit %s is not known", unit)
		}
	}
	return t, nil
}

// rate returns the field of a unit of the package, or nil.
func (r *rates) rate(unit string) *float64 {
	switch unit {
	case "input_mtok":
		return &r.in
	case "output_mtok":
		return &r.out
	case "cache_read_mtok":
		return &r.cached
	case "cache_write_mtok":
		return &r.write
	case "cache_write_1h_mtok":
		return &r.write1h
	case "input_audio_mtok":
		return &r.audioIn
	case "input_image_mtok":
		return &r.imageIn
	case "output_audio_mtok":
		return &r.audioOut
	case "output_image_mtok":
		return &r.imageOut
	case "input_video_mtok":
		return &r.videoIn
	case "output_video_mtok":
		return &r.videoOut
	}
	return nil
}

// supplement is supplement.json.
type supplement struct {
	About, Date string
	Vendors     map[string]vendorSupplement
}

type vendorSupplement struct {
	Fees struct {
		Source string
		Fees   fees `json:"feesUsdPerThousand"`
	}
	FeesByPrefix map[string]fees     // by prefix of the name
	Separate     []string            // base names, with dashes for dots, of models that the package prices under another model's name
	Prices       map[string]addition // by name
	Current      map[string]struct{ Context, Output int64 }
}

// fees returns the fees of the vendor's hosted tools for a model.
func (s vendorSupplement) fees(name string) fees {
	for prefix, f := range s.FeesByPrefix {
		if strings.HasPrefix(name, prefix) {
			return f
		}
	}
	return s.Fees.Fees
}

// fees are in USD a thousand uses.
type fees struct{ WebSearch, FileSearch, CodeInterpreter, Grounding, WebSearchPreview float64 }

// setFees sets the fees that the price list leaves out.
func (e *entry) setFees(f fees) {
	set := func(t *tariff) {
		t.fees = fees{
			WebSearch: max(t.fees.WebSearch, f.WebSearch), FileSearch: max(t.fees.FileSearch, f.FileSearch),
			CodeInterpreter: max(t.fees.CodeInterpreter, f.CodeInterpreter), Grounding: max(t.fees.Grounding, f.Grounding),
			WebSearchPreview: max(t.fees.WebSearchPreview, f.WebSearchPreview),
		}
	}
	set(&e.tariff)
	e.later, e.peak = slices.Clone(e.later), slices.Clone(e.peak)
	for i := range e.later {
		set(&e.later[i].tariff)
	}
	for i := range e.peak {
		set(&e.peak[i].tariff)
	}
}

// addition is a price of the supplement.
type addition struct {
	Source, Like  string
	Same          bool     // the name and Like are names of one model
	Input         *float64 `json:"inputUsdPerMillion"`
	Output        float64  `json:"outputUsdPerMillion"`
	Cached        float64  `json:"cachedInputUsdPerMillion"`
	CacheWrite    float64  `json:"cacheWriteUsdPerMillion"`
	CacheWrite1h  float64  `json:"cacheWrite1hUsdPerMillion"`
	AudioInput    float64  `json:"audioInputUsdPerMillion"`
	AudioOutput   float64  `json:"audioOutputUsdPerMillion"`
	CharactersUSD float64  `json:"charactersUsdPerMillion"`
	MinuteUSD     float64  `json:"audioUsdPerMinute"`
	PeakTimes     float64  // multiplies the price at the package's hours; 0: the price holds all day
	Fees          fees     `json:"feesUsdPerThousand"`
	Above         struct {
		InputTokens  int64
		Input        float64 `json:"inputUsdPerMillion"`
		Output       float64 `json:"outputUsdPerMillion"`
		Cached       float64 `json:"cachedInputUsdPerMillion"`
		CacheWrite   float64 `json:"cacheWriteUsdPerMillion"`
		CacheWrite1h float64 `json:"cacheWrite1hUsdPerMillion"`
	}
}

func (a addition) tariff() tariff {
	t := tariff{chars: a.CharactersUSD, hour: 60 * a.MinuteUSD, above: a.Above.InputTokens}
	if a.Input != nil {
		t.rates = rates{in: *a.Input, out: a.Output, cached: a.Cached, write: a.CacheWrite, write1h: a.CacheWrite1h,
			audioIn: a.AudioInput, audioOut: a.AudioOutput}
	}
	long := a.Above
	t.long = rates{in: long.Input, out: long.Output, cached: long.Cached, write: long.CacheWrite, write1h: long.CacheWrite1h}
	return t
}

// peaks returns the hours of other with a multiple of the addition's price.
func (a addition) peaks(other []peak) []peak {
	if a.PeakTimes == 0 {
		return nil
	}
	t := a.tariff()
	t.in, t.out, t.cached = t.in*a.PeakTimes, t.out*a.PeakTimes, t.cached*a.PeakTimes
	peaks := slices.Clone(other)
	for i := range peaks {
		peaks[i].tariff = t
	}
	return peaks
}
