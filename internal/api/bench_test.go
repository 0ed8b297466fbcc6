package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// BenchmarkList reads a page of 200 identities that nobody has used lately.
func BenchmarkList(b *testing.B) {
	f := setup(b, someProject)
	var items []string
	for i := range 200 {
		name, _ := json.Marshal(fmt.Sprintf("user-%06d", i))
		items = append(items, fmt.Sprintf(`{"identity": %s, "tier": "pro"}`, name))
	}
	f.send("POST", "/bulk", `{"items": [`+strings.Join(items, ", ")+`]}`).want(http.StatusOK)
	f.restart()
	for b.Loop() {
		r := httptest.NewRequestWithContext(b.Context(), "GET", "/api/projects/"+f.project+"/identities?limit=200", nil)
		r.Header.Set("Authorization", "Bearer "+f.key)
		do(b, f.handler, r).want(http.StatusOK)
	}
}
