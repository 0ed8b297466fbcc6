package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestTheBookIsWhatTheFilesSay: the checked-in files equal the output of go generate.
func TestTheBookIsWhatTheFilesSay(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	listings, spellings := filepath.Join(dir, "listings.go"), filepath.Join(dir, "spellings.go")
	if err := run(".", listings, spellings); err != nil {
		t.Fatal(err)
	}
	for made, kept := range map[string]string{listings: "../listings.go", spellings: "../../limit/spellings.go"} {
		want, err := os.ReadFile(made)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(kept)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what its source says: run go generate ./internal/price", kept)
		}
	}
}

func input(t *testing.T, vendor, models, supplements string) (published, supplement) {
	t.Helper()
	p, s := published{Date: "2026-09-23"}, supplement{}
	if err := json.Unmarshal([]byte(`{"`+vendor+`": `+models+`}`), &p.Models); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(`{"`+vendor+`": `+supplements+`}`), &s.Vendors); err != nil {
		t.Fatal(err)
	}
	return p, s
}

func TestWhatIsNotUnderstoodIsAnError(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ models, supplement, want string }{
		"a current model without a price": {`[]`, `{"current": {"m-1": {}}}`, "the current model m-1 has no price"},
		"one that has none in known units": {`[{"id": "m-1", "match": {"equals": "m-1"}, "prices": {"input_document_kpages": 1}}]`,
			`{"current": {"m-1": {}}}`, "the current model m-1 has no price"},
		"an unknown unit": {`[{"id": "m", "match": {"equals": "m"}, "prices": {"input_smell_mtok": 1}}]`, `{}`, "the unit input_smell_mtok is not known"},
		"an unknown constraint": {`[{"id": "m", "match": {"equals": "m"}, "prices": [{"prices": {}, "constraint": {"type": "moon"}}]}]`, `{}`,
			`a constraint of the type "moon"`},
		"several tiers": {`[{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": {"base": 1, "tiers": [{"start": 1, "price": 2}, {"start": 2, "price": 3}]}}}]`,
			`{}`, "2 tiers, want 1"},
		"a price without a source": {`[]`, `{"prices": {"m": {"inputUsdPerMillion": 1}}}`, "has no source"},
		"hours that nobody names":  {`[]`, `{"prices": {"m": {"inputUsdPerMillion": 1, "peakTimes": 2, "source": "s"}}}`, "the package has no peak hours"},
		"a likeness to nothing":    {`[]`, `{"prices": {"m": {"like": "n", "source": "s"}}}`, "have no known price"},
	} {
		p, s := input(t, "openai", tc.models, tc.supplement)
		if _, err := newBook(p, s); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want %q in it", name, err, tc.want)
		}
	}
	p, s := input(t, "openai", `[{"id": "m", "match": {"equals": "m"}, "prices": {"input_mtok": 1}}]`, `{}`)
	p.Models["xai"] = p.Models["openai"]
	if _, err := newBook(p, s); err == nil || !strings.Contains(err.Error(), "m is a model of openai too") {
		t.Errorf("a name that two vendors claim: error %v", err)
	}
}

func TestNamesOfOneModel(t *testing.T) {
	t.Parallel()
	p, s := input(t, "openai", `[
		{"id": "m-1", "match": {"or": [{"equals": "m-1"}, {"equals": "m-1-2026-01-01"}, {"starts_with": "m-one-"}, {"equals": "m-1-codex"}, {"equals": "x/m-1"}]},
		 "prices": {"input_mtok": 1, "output_mtok": 2}},
		{"id": "m-1-old", "match": {"equals": "m-1-2025-01-01"}, "prices": {"input_mtok": 3, "output_mtok": 4}},
		{"id": "m-2", "match": {"equals": "m-2"}, "prices": {"input_mtok": 1, "output_mtok": 2}}]`,
		`{"separate": ["m-1-codex"], "prices": {"m-newest": {"like": "m-2", "same": true, "source": "s"}}, "current": {"m-1": {"context": 5, "output": 6}}}`)
	b, err := newBook(p, s)
	if err != nil {
		t.Fatal(err)
	}
	canonical := b.canonical()
	for name, want := range map[string]string{"m-1": "m-1", "m-one": "m-1", "m-1-codex": "m-1-codex", "m-2": "m-2", "m-newest": "m-2"} {
		if got := canonical[name]; got != want {
			t.Errorf("%s is the model %q, want %s", name, got, want)
		}
	}
	if e := b.entries["m-1-2025-01-01"]; e == nil || e.tariff.in != 3 {
		t.Errorf("an old snapshot has the price %+v, want its own", e)
	}
	if e := b.entries["m-1-2026-01-01"]; e == nil || e.context != 5 || e.max != 6 {
		t.Errorf("a snapshot has the size %+v, want its model's", e)
	}
	if b.entries["x/m-1"] != nil {
		t.Error("a name with a slash is in the book")
	}
}

// A corrected price also holds for names that are like it, in any order, and at peak hours with its multiple.
func TestACorrectedPrice(t *testing.T) {
	t.Parallel()
	p, s := input(t, "deepseek", `[{"id": "m", "match": {"equals": "m"}, "prices": [{"prices": {"input_mtok": 5, "output_mtok": 7}},
		{"prices": {"input_mtok": 10, "output_mtok": 14}, "constraint": {"type": "time_of_date", "start_time": "01:00:00Z", "end_time": "04:00:00Z"}}]}]`,
		`{"fees": {"source": "s", "feesUsdPerThousand": {"webSearch": 1}}, "prices": {
			"a": {"like": "m", "source": "s"}, "z": {"like": "a", "source": "s"},
			"m": {"inputUsdPerMillion": 3, "cachedInputUsdPerMillion": 1, "outputUsdPerMillion": 4, "peakTimes": 2, "source": "s"}}}`)
	b, err := newBook(p, s)
	if err != nil {
		t.Fatal(err)
	}
	fee := fees{WebSearch: 1}
	now := tariff{rates: rates{in: 3, out: 4, cached: 1}, fees: fee}
	most := []peak{{60, 240, tariff{rates: rates{in: 6, out: 8, cached: 2}, fees: fee}}}
	for _, name := range []string{"a", "m", "z"} {
		if e := b.entries[name]; e.tariff != now || !slices.Equal(e.peak, most) {
			t.Errorf("%s costs %+v, at times %+v, want %+v and %+v", name, e.tariff, e.peak, now, most)
		}
	}
}
