package provider

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/price"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// A line of the vendor table is enough: models are routed, keys go where they belong, and prices are known.
func TestEveryVendorIsRoutedKeyedAndPriced(t *testing.T) {
	t.Parallel()
	for _, v := range project.Vendors() {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			key := "0123456789abcdef"
			p := snapshot(t, fmt.Sprintf(`{"providers": {%q: {"key": %q}}}`, v.Name, key))
			names := []string{v.Example, v.Cheap, v.Dear}
			for _, prefix := range v.Models {
				names = append(names, strings.ReplaceAll(prefix, "#", "1")+"x")
			}
			for _, model := range names {
				to, err := Route(p, chat(t), model, "")
				if err != nil {
					t.Errorf("%s: %v", model, err)
					continue
				}
				if to.Provider.Name != v.Name || !strings.HasPrefix(urlOf(to), v.BaseURL+"/") || !to.Stored {
					t.Errorf("%s goes to %s of %s with the stored key %t", model, urlOf(to), to.Provider.Name, to.Stored)
				}
				if got, err := Authorize(to, chat(t), http.Header{}, "", ""); err != nil || !holds(got, key) {
					t.Errorf("%s is sent with %v, %v; want the stored key", model, got.Header, err)
				}
			}
			for _, model := range names[:3] {
				if got, ok := price.Lookup(model); !ok || got.Output <= 0 {
					t.Errorf("%s has the price %+v", model, got)
				}
			}
			if !slices.ContainsFunc(price.Models(v.Name), func(m string) bool { return vendorOf(m) == v.Name }) {
				t.Errorf("the price book names no model of %s", v.Name)
			}
		})
	}
}

func holds(c Credential, key string) bool {
	return c.Header.Get("Authorization") == "Bearer "+key || c.Header.Get("X-Api-Key") == key || c.Header.Get("X-Goog-Api-Key") == key
}

// Every field of a vendor is filled in, no two vendors claim a name, and the log shows nobody's key.
func TestVendorsAreCompleteAndDistinct(t *testing.T) {
	t.Parallel()
	claimed := map[string]string{}
	for _, v := range project.Vendors() {
		if u, err := url.Parse(v.BaseURL); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s has the base URL %q", v.Name, v.BaseURL)
		}
		if v.Name == "" || v.KeyVariable == "" || v.PriceData == "" || len(v.Models) == 0 || len(v.Families) == 0 {
			t.Errorf("%+v lacks a field", v)
		}
		for _, prefix := range append([]string{v.Name}, v.Models...) {
			if by := claimed[prefix]; by != "" && by != v.Name {
				t.Errorf("%s is claimed by %s and %s", prefix, by, v.Name)
			}
			claimed[prefix] = v.Name
		}
		for _, start := range v.KeyStarts {
			key := start + "0123456789abcdef0123456789abcdef"
			if got := project.KeyOwner(key); got != v.Name {
				t.Errorf("%s is a key of %q, want %s", key, got, v.Name)
			}
			if shown := wire.ShownPath("/v1/" + key); strings.Contains(shown, "0123456789") {
				t.Errorf("the log shows %s", shown)
			}
		}
	}
}
