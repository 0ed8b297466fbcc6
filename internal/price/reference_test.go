package price_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/price"
)

// TestTheBookAgreesWithTheReference compares the book with another list of the vendors' models, if that exists: each of its
// models has a price here, and the same one, except for those that are named.
func TestTheBookAgreesWithTheReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../../shared/reference/model-prices.json")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no reference here")
	}
	if err != nil {
		t.Fatal(err)
	}
	var reference struct {
		Providers map[string]map[string]struct {
			Cost struct {
				Input, Output *float64
				CacheRead     *float64 `json:"cache_read"`
				CacheWrite    *float64 `json:"cache_write"`
				InputAudio    *float64 `json:"input_audio"`
			} `json:"cost_usd_per_million"`
		}
	}
	if err := json.Unmarshal(data, &reference); err != nil {
		t.Fatal(err)
	}
	// Models that are billed by the piece, not by tokens.
	unpriced := []string{"lyria-3-clip-preview", "lyria-3-pro-preview", "grok-imagine-image", "grok-imagine-image-quality", "grok-imagine-video"}
	// Prices that the reference has otherwise: of another day, or without the price of images that the book has apart.
	differ := map[string]string{
		"gpt-3.5-turbo":            "cached input is not free",
		"claude-3-sonnet-20240229": "writes to a cache cost more than input",
		"gemini-2.5-flash-image":   "the reference has the price of cached text",
		"labs-devstral-small-2512": "free in the reference while it was tried out",
		"ministral-3b-latest":      "the name moved to a later version",
		"ministral-8b-latest":      "the name moved to a later version",
		"mistral-embed":            "embeddings have no output",
		"voxtral-small-latest":     "the package has the later price",
		"deepseek-chat":            "served as V4.1 Flash, at its price",
		"deepseek-reasoner":        "served as V4.1 Flash, at its price",
		"deepseek-v4-pro":          "the price of September",
	}
	noon := time.Date(2026, 9, 22, 12, 0, 0, 0, time.UTC)
	for vendor, models := range reference.Providers {
		for name, model := range models {
			p, ok := price.LookupAt(strings.ToLower(name), noon)
			if slices.Contains(unpriced, name) {
				if ok {
					t.Errorf("%s has a price now: take it off the list", name)
				}
				continue
			}
			if !ok || price.Vendor(strings.ToLower(name)) != vendor {
				t.Errorf("%s of %s has no price", name, vendor)
				continue
			}
			same := func(want *float64, rates ...int64) bool {
				if want == nil {
					return true
				}
				for _, rate := range rates {
					if rate == int64(math.Round(*want*1e6)) {
						return true
					}
				}
				return false
			}
			c := model.Cost
			agrees := same(c.Input, p.Input) && same(c.Output, p.Output, p.ImageOutput) && same(c.CacheRead, p.CachedInput) &&
				same(c.CacheWrite, p.CacheWrite) && same(c.InputAudio, p.AudioInput)
			if _, known := differ[name]; !known && !agrees {
				t.Errorf("%s costs %+v, the reference has %+v", name, p.Rates, c)
			}
		}
	}
}
