package price

// Plus is the price of two models that both use the same tokens. Except for rounding, its Cost is never less than the sum of
// the costs of p and q. The long rates begin at the smaller LongAbove of the two.
func (p Price) Plus(q Price) Price { return p.combined(q, addCount) }

// Dearest is the higher price of two models, rate by rate: its Cost is never less than that of p or of q.
func (p Price) Dearest(q Price) Price { return p.combined(q, dearer) }

func dearer(a, b int64) int64 { return max(a, b) }

// combined combines the rates of the same name.
func (p Price) combined(q Price, f func(a, b int64) int64) Price {
	out := Price{
		Rates:      p.Rates.combined(q.Rates, f),
		Image:      f(p.Image, q.Image),
		AudioMilli: f(p.AudioMilli, q.AudioMilli),
		Character:  f(p.Character, q.Character),
		MaxOutput:  max(p.MaxOutput, q.MaxOutput),
		Context:    max(p.Context, q.Context),
	}
	for fee := range out.Fees {
		out.Fees[fee] = f(p.Fees[fee], q.Fees[fee])
	}
	if p.LongAbove > 0 || q.LongAbove > 0 {
		out.Long = p.longest().combined(q.longest(), f)
		out.LongAbove = min(orEndless(p.LongAbove), orEndless(q.LongAbove))
	}
	return out
}

// longest are the rates of a long request, each at least that of an ordinary request.
func (p Price) longest() Rates {
	if p.LongAbove <= 0 {
		return p.Rates
	}
	return p.Rates.combined(p.Long, dearer)
}

func (r Rates) combined(s Rates, f func(a, b int64) int64) Rates {
	return Rates{
		Input:        f(r.Input, s.Input),
		CachedInput:  f(r.CachedInput, s.CachedInput),
		CacheWrite:   f(r.CacheWrite, s.CacheWrite),
		CacheWrite1h: f(r.CacheWrite1h, s.CacheWrite1h),
		AudioInput:   f(r.AudioInput, s.AudioInput),
		ImageInput:   f(r.ImageInput, s.ImageInput),
		Output:       f(r.Output, s.Output),
		AudioOutput:  f(r.AudioOutput, s.AudioOutput),
		ImageOutput:  f(r.ImageOutput, s.ImageOutput),
	}
}

func orEndless(n int64) int64 {
	if n <= 0 {
		return 1<<63 - 1
	}
	return n
}
