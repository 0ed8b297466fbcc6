// Command generate writes the price book, internal/price/listings.go, and each model's names in it,
// internal/limit/spellings.go. It reads only genai-prices.json (see fetch.mjs) and supplement.json, so that the same files
// always give the same book.
package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"go/format"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "-vendors" { // for fetch.mjs
		var ids [][2]string
		for _, v := range project.Vendors() {
			ids = append(ids, [2]string{v.Name, v.PriceData})
		}
		_ = json.NewEncoder(os.Stdout).Encode(ids) // a broken pipe is the reader's
		return
	}
	// go generate runs in the folder of the package.
	if err := run("generate", "listings.go", filepath.Join("..", "limit", "spellings.go")); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(from, listings, spellings string) error {
	var p published
	if err := read(filepath.Join(from, "genai-prices.json"), &p); err != nil {
		return err
	}
	var s supplement
	if err := read(filepath.Join(from, "supplement.json"), &s); err != nil {
		return err
	}
	licence, err := os.ReadFile(filepath.Join(from, "genai-prices.LICENSE"))
	if err != nil {
		return err
	}
	b, err := newBook(p, s)
	if err != nil {
		return err
	}
	if err := write(listings, b.listings(p, s, string(licence))); err != nil {
		return err
	}
	return write(spellings, b.spellings())
}

func read(name string, into any) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func write(name string, source []byte) error {
	formatted, err := format.Source(source)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, formatted, 0o644)
}

// book holds an entry for each name of a model.
type book struct {
	entries  map[string]*entry
	sameness sets
	current  map[string]bool
}

// entry is one name of a model.
type entry struct {
	vendor       string
	tariff       tariff
	later        []change
	peak         []peak
	context, max int64
	current      bool
	free         bool
}

// newBook adds the package's names and prices, then the supplement's.
func newBook(p published, s supplement) (*book, error) {
	b := &book{entries: map[string]*entry{}, sameness: sets{}, current: map[string]bool{}}
	for _, vendor := range slices.Sorted(maps.Keys(p.Models)) {
		for _, m := range p.Models[vendor] {
			if err := b.add(vendor, m, p.Date, s.Vendors[vendor]); err != nil {
				return nil, fmt.Errorf("%s of %s: %w", m.ID, vendor, err)
			}
		}
	}
	for _, vendor := range slices.Sorted(maps.Keys(s.Vendors)) {
		if err := b.supplement(vendor, s.Vendors[vendor]); err != nil {
			return nil, fmt.Errorf("%s: %w", vendor, err)
		}
	}
	return b, nil
}

// add adds a model of the package under every name that its rule spells out.
func (b *book) add(vendor string, m model, date string, s vendorSupplement) error {
	t, later, peaks, err := m.tariffs(date)
	if err != nil {
		return err
	}
	same := map[string][]string{}
	for _, name := range m.Match.names() {
		if !callable(name) || vendor == "google" && strings.HasPrefix(name, "claude-") { // Vertex AI's, at its own address
			continue
		}
		if other, ok := b.entries[name]; ok {
			if other.vendor != vendor {
				return fmt.Errorf("%s is a model of %s too", name, other.vendor)
			}
			continue // the package's first matching rule wins
		}
		e := &entry{vendor: vendor, tariff: t, later: later, peak: peaks, context: m.Context, free: string(m.Prices) == "{}"}
		e.setFees(s.fees(name))
		b.entries[name] = e
		base := limit.BaseModel(name)
		apart := "" // the separate model that the name belongs to
		if dashed := strings.ReplaceAll(base, ".", "-"); slices.Contains(s.Separate, dashed) {
			apart = dashed
		}
		same[apart] = append(same[apart], base)
	}
	for _, names := range same {
		for _, base := range names {
			b.sameness.union(names[0], base)
		}
	}
	return nil
}

// callable reports whether a name of the package can be a vendor's model. Names with a slash or a colon are names of
// OpenRouter or of fine-tuned models; names with .ft are names of fine-tuned models.
func callable(name string) bool {
	return !strings.ContainsAny(name, "/:") && !strings.HasSuffix(name, ".ft")
}

// supplement adds prices and size limits to the vendor's models.
func (b *book) supplement(vendor string, s vendorSupplement) error {
	pending := maps.Clone(s.Prices)
	for len(pending) > 0 {
		before := len(pending)
		for _, name := range slices.Sorted(maps.Keys(pending)) {
			if _, waits := pending[pending[name].Like]; waits {
				continue // the supplement also corrects the price of the model Like
			}
			ok, err := b.supply(vendor, name, pending[name], s)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			if ok {
				delete(pending, name)
			}
		}
		if len(pending) == before {
			return fmt.Errorf("the models that %q are like have no known price", slices.Sorted(maps.Keys(pending)))
		}
	}
	for name, c := range s.Current {
		e := b.find(name)
		if e == nil || !e.priced() {
			return fmt.Errorf("the current model %s has no price", name)
		}
		own := *e
		own.context, own.max, own.current = cmp.Or(c.Context, own.context), c.Output, true
		b.entries[name] = &own
		base := limit.BaseModel(name)
		b.sameness.union(base, base)
		b.current[base] = b.current[base] || !s.Prices[name].Same
	}
	// A name that is not in the list has the limits of its base model.
	for name, e := range b.entries {
		if like := b.find(limit.BaseModel(name)); !e.current && like != nil && like.current {
			e.context, e.max = like.context, like.max
		}
	}
	return nil
}

// find returns the entry of a name, or of its base model.
func (b *book) find(name string) *entry {
	if e := b.entries[name]; e != nil {
		return e
	}
	return b.entries[limit.BaseModel(name)]
}

// supply adds one price. It reports false if the model Like has no price yet.
func (b *book) supply(vendor, name string, a addition, s vendorSupplement) (bool, error) {
	if a.Source == "" {
		return false, fmt.Errorf("has no source")
	}
	e := b.find(name)
	if a.Like != "" {
		if e = b.find(a.Like); e == nil {
			return false, nil
		}
	}
	own := entry{vendor: vendor}
	if e != nil {
		own = *e
		own.vendor, own.current = vendor, false
	}
	if a.Input != nil || a.CharactersUSD != 0 || a.MinuteUSD != 0 {
		own.tariff, own.later, own.peak = a.tariff(), nil, a.peaks(own.peak)
		if a.PeakTimes != 0 && own.peak == nil {
			return false, fmt.Errorf("has a peak price, but the package has no peak hours for it")
		}
		own.setFees(s.fees(name))
		own.free = a.Input != nil && *a.Input == 0 && a.Output == 0
	}
	if a.Fees != (fees{}) {
		own.setFees(a.Fees)
	}
	b.entries[name] = &own
	if base := limit.BaseModel(name); !strings.HasPrefix(name, "ft:") {
		b.sameness.union(base, base)
		if a.Same {
			b.sameness.union(limit.BaseModel(a.Like), base)
		}
	}
	return true, nil
}

// canonical returns the name under which each set of base names is limited: a name that the vendor lists, or else the
// shortest.
func (b *book) canonical() map[string]string {
	all := map[string]string{}
	for _, set := range b.sameness.all() {
		best := slices.MinFunc(set, func(x, y string) int {
			if b.current[x] != b.current[y] {
				return map[bool]int{true: -1, false: 1}[b.current[x]]
			}
			return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(y, x)) // gpt-5.3 before gpt-5-3
		})
		for _, name := range set {
			all[name] = best
		}
	}
	return all
}

// families are words that begin several names of one vendor, and no name of another vendor.
func (b *book) families() map[string]string {
	// Words that do not identify a vendor.
	common := []string{"text", "open", "labs", "computer", "deep", "omni", "chat"}
	models, vendors := map[string]int{}, map[string]string{}
	for name, e := range b.entries {
		word, _, ok := strings.Cut(name, "-")
		if !ok || strings.Contains(word, ":") || slices.Contains(common, word) {
			continue
		}
		models[word]++
		if other, ok := vendors[word]; ok && other != e.vendor {
			vendors[word] = ""
			continue
		}
		vendors[word] = e.vendor
	}
	maps.DeleteFunc(vendors, func(word, vendor string) bool { return vendor == "" || models[word] < 2 })
	return vendors
}

// sets are disjoint sets of names. Each name points to another name of its set; the last one points to itself.
type sets map[string]string

func (s sets) root(name string) string {
	for {
		parent, ok := s[name]
		if !ok {
			s[name] = name
			return name
		}
		if parent == name {
			return name
		}
		name = parent
	}
}

func (s sets) union(a, b string) { s[s.root(b)] = s.root(a) }

func (s sets) all() map[string][]string {
	all := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(s)) {
		root := s.root(name)
		all[root] = append(all[root], name)
	}
	return all
}
