package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/google/go-cmp/cmp"
)

func TestACreatedIdentityIsAnsweredWithEveryField(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	got := f.send("POST", "", `{"identity": " user-1 ", "tier": "pro", "requestLimit": 500, "tokenLimit": -1, "costLimitUsd": 0.000001,
		"modelLimits": {"GPT-4o": {"requestLimit": 0}}, "requestsPerMinute": 20, "concurrentRequests": 2,
		"limitResponse": {"message": "<b> & done", "n": 12}, "metadata": {"a": [1.50]}, "enabled": false}`).want(http.StatusCreated)
	const want = `{"identity":"user-1","tier":"pro","requestLimit":500,"tokenLimit":-1,"costLimitUsd":0.000001,"requestsPerMinute":20,"concurrentRequests":2,` +
		`"modelLimits":{"gpt-4o":{"requestLimit":0,"tokenLimit":null,"costLimitUsd":null}},` +
		`"giftedTokens":0,"giftedRequests":0,"giftedCostUsd":0,"unlimitedUntil":null,` +
		`"limitResponse":{"message":"<b> & done","n":12},"metadata":{"a":[1.50]},"enabled":false,` +
		`"usage":{"requests":0,"tokens":0,"costUsd":0},"createdAt":"2026-11-22T12:00:00Z","updatedAt":"2026-11-22T12:00:00Z"}` + "\n"
	if diff := cmp.Diff(want, string(got.body)); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	read := f.send("GET", "/user-1", "").want(http.StatusOK)
	if diff := cmp.Diff(want, string(read.body)); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": ""} {
		if got := got.header.Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if !strings.HasPrefix(got.header.Get("X-Request-Id"), "req_") {
		t.Errorf("x-request-id %q", got.header.Get("X-Request-Id"))
	}
}

func TestAnUpdateChangesOnlyTheFieldsThatItLists(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "PUT"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			f := setup(t, someProject)
			f.send("POST", "", `{"identity": "u", "tier": "pro", "requestLimit": 5, "tokenLimit": 7, "costLimitUsd": 1.5, "requestsPerMinute": 3,
				"concurrentRequests": 4, "modelLimits": {"a": {"requestLimit": 1}}, "limitResponse": {"message": "m"}, "metadata": {"k": 1}, "enabled": false}`).want(201)
			fields := []string{"tier", "requestLimit", "tokenLimit", "costLimitUsd", "requestsPerMinute", "concurrentRequests",
				"modelLimits", "limitResponse", "metadata", "enabled"}
			before := decode[map[string]any](f.send("GET", "/u", ""))
			for _, field := range fields {
				path, body := "/u", `{"`+field+`": null}`
				if method == "POST" {
					path, body = "", `{"identity": "u", "`+field+`": null}`
				}
				after := decode[map[string]any](f.send(method, path, body).want(200))
				want := any(nil)
				switch field {
				case "enabled":
					want = true
				case "modelLimits":
					want = map[string]any{}
				}
				before[field] = want
				if diff := cmp.Diff(before, after); diff != "" {
					t.Fatalf("%s: null (-want +got):\n%s", field, diff)
				}
				before = after
			}
		})
	}
}

func TestPutTakesTheNameOfThePath(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u"}`).want(201)
	f.send("PUT", "/u", `{"identity": "u", "tokenLimit": 3}`).want(200)
	f.send("PUT", "/u", `{"identity": "v", "tokenLimit": 3}`).faults("body.identity")
	if got := decode[Identity](f.send("PUT", "/v", `{"tokenLimit": 3, "reason": "new"}`).want(201)); got.Identity != "v" || *got.TokenLimit != 3 || got.CreatedAt != noon {
		t.Errorf("created %+v, want v with its limit", got)
	}
	f.send("PUT", "/v", `{"tokenLimit": 3}`).want(200)
	if got := f.audit("v"); len(got) != 2 || got[0] != `createIdentity|new|{"tokenLimit":3}` {
		t.Errorf("audit %q, want its creation first", got)
	}
}

// A purchase may come before the first request.
func TestWhatIsGivenToAnUnknownIdentityCreatesIt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ below, body, credits string }{
		{"/gift", `{"requests": 5, "reason": "bought"}`, `{"identity":"new","giftedTokens":0,"giftedRequests":5,"giftedCostUsd":0,"unlimitedUntil":null,"isCurrentlyUnlimited":false}`},
		{"/promo", `{"unlimitedUntil": "2026-12-31"}`, `{"identity":"new","giftedTokens":0,"giftedRequests":0,"giftedCostUsd":0,"unlimitedUntil":"2027-01-01T00:00:00Z","isCurrentlyUnlimited":true}`},
		{"/reset", ``, `{"identity":"new","giftedTokens":0,"giftedRequests":0,"giftedCostUsd":0,"unlimitedUntil":null,"isCurrentlyUnlimited":false}`},
	} {
		t.Run(tc.below, func(t *testing.T) {
			t.Parallel()
			f := setup(t, someProject)
			f.send("POST", "/new"+tc.below, tc.body).want(200)
			if got := string(f.send("GET", "/new/credits", "").want(200).body); got != tc.credits+"\n" {
				t.Errorf("credits %s, want %s", got, tc.credits)
			}
			if got := decode[Identity](f.send("GET", "/new", "").want(200)); got.CreatedAt != noon || got.UpdatedAt != noon || got.Usage.Requests != 0 {
				t.Errorf("%+v, want it created now", got)
			}
			if got := f.audit("new"); len(got) != 2 || got[0] != "createIdentity||{}" {
				t.Errorf("audit %q, want its creation first", got)
			}
			f.use("new", 1, 1)
		})
	}
}

func TestAnIdempotencyKeyIsOneAndNotEmpty(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, tc := range []struct {
		keys   []string
		status int
	}{
		{[]string{""}, 400}, {[]string{"  "}, 400}, {[]string{"a", "b"}, 400}, {[]string{"a", ""}, 400}, {[]string{"", "a"}, 400},
		{[]string{"a", "a"}, 200}, {[]string{"a"}, 200},
	} {
		r := httptest.NewRequest("POST", "/api/projects/"+f.project+"/identities/u/gift", strings.NewReader(`{"tokens": 1}`))
		r.Header.Set("Authorization", "Bearer "+f.key)
		r.Header.Set("Content-Type", "application/json")
		r.Header["Idempotency-Key"] = tc.keys
		got := do(t, f.handler, r).want(tc.status)
		if tc.status == 400 {
			got.faults("header.Idempotency-Key")
		}
	}
	if got := decode[Credits](f.send("GET", "/u/credits", "")); got.GiftedTokens != 1 {
		t.Errorf("%d tokens, want those of one key", got.GiftedTokens)
	}
}

func TestIdentitiesMayBeCalledAnythingPrintable(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, name := range []string{
		"a/b", "/", "//", "/x/", ".", "..", "a..b", "a b", "a?b=c", "a#b", "100%", "%2F", "%", "a+b", "ü", "日本", "👩\u200d👩\u200d👧", "می\u200cخواهم", "❤️\u200d🔥", "a&b;c", "bulk",
		"gift", "credits", "bulk/gift", `"quoted"`, `back\slash`, "{identity}", "a:b@c", strings.Repeat("x", 512),
	} {
		quoted, _ := json.Marshal(name)
		f.send("POST", "", `{"identity": `+string(quoted)+`}`).want(201)
		// Every byte escaped, dots too: clients take an unescaped "." for the folder.
		for form, escaped := range map[string]string{"usual": url.PathEscape(name), "full": escapeAll(name)} {
			if form == "usual" && strings.Trim(name, ".") == "" {
				continue
			}
			for _, below := range []string{"", "/credits", "/usage"} {
				got := decode[struct{ Identity string }](f.send("GET", "/"+escaped+below, "").want(200))
				if got.Identity != name {
					t.Errorf("GET /%s%s: %q, want %q", escaped, below, got.Identity, name)
				}
			}
			f.send("POST", "/"+escaped+"/gift", `{"tokens": 1}`).want(200)
			f.send("PUT", "/"+escaped, `{"requestLimit": 1}`).want(200)
		}
		f.send("DELETE", "/"+escapeAll(name), "").want(204)
		f.send("GET", "/"+escapeAll(name), "").problem(404)
	}
}

func escapeAll(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02x", s[i])
	}
	return b.String()
}

func TestNamesThatXIdentityRefusesAreRefusedHereToo(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, name := range []string{"", "  ", "a\nb", "\u200bx", "\u200dx", "x\u200c", "a\u200d\u200db", "a\ufe0f", "\u3164", "a\x7f", "a\u00a0x", strings.Repeat("x", 513), strings.Repeat("ü", 257)} {
		quoted, _ := json.Marshal(name)
		f.send("POST", "", `{"identity": `+string(quoted)+`}`).faults("body.identity")
		f.send("POST", "/bulk", `{"items": [{"identity": "ok"}, {"identity": `+string(quoted)+`}]}`).faults("body.items[1].identity")
		if name != "" {
			f.send("GET", at(name, ""), "").faults("path.identity")
			f.send("POST", at(name, "/gift"), `{"tokens": 1}`).faults("path.identity")
		}
	}
	f.send("GET", "/%ff", "").faults("path.identity")
	f.send("GET", "/%20trimmed%20", "").problem(404)
}

// An earlier version took names that are refused today. Their identities are read, changed, deleted and passed in lists.
func TestIdentitiesWithNamesOfEarlierVersions(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "/bulk", `{"items": [{"identity": "user-0"}, {"identity": "user-2"}]}`).want(200)
	names := []string{"user-1\ufe0f", "user-1\u200d", "user-1\u200b"}
	for _, name := range names {
		f.send("GET", at(name, ""), "").faults("path.identity")
		f.send("PUT", at(name, ""), `{"requestLimit": 1}`).faults("path.identity")
		f.send("POST", at(name, "/gift"), `{"tokens": 1}`).faults("path.identity")
		f.send("POST", at(name, "/promo"), `{"unlimitedUntil": null}`).faults("path.identity")
		f.send("POST", at(name, "/reset"), ``).faults("path.identity")
		f.send("DELETE", at(name, ""), "").faults("path.identity")
		f.use(name, 100, 5)
	}
	var got []string
	for cursor, pages := "", 0; pages < 9; pages++ {
		page := decode[Identities](f.send("GET", "?limit=1&cursor="+cursor, "").want(200))
		for _, item := range page.Items {
			got = append(got, item.Identity)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if diff := cmp.Diff([]string{"user-0", names[2], names[1], names[0], "user-2"}, got); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
	for _, name := range names {
		for _, below := range []string{"", "/credits", "/usage"} {
			f.send("GET", at(name, below), "").want(200)
		}
		quoted, _ := json.Marshal(name)
		f.send("PUT", at(name, ""), `{"identity": `+string(quoted)+`, "requestLimit": 1}`).want(200)
		f.send("POST", at(name, "/gift"), `{"tokens": 1}`).want(200)
		f.send("POST", at(name, "/promo"), `{"unlimitedUntil": null}`).want(200)
		f.send("POST", at(name, "/reset"), ``).want(200)
		f.send("DELETE", at(name, ""), "").want(204)
		f.send("GET", at(name, ""), "").faults("path.identity")
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u"}`).want(201)
	long := strings.Repeat("x", 501)
	for _, tc := range []struct{ path, body, faults string }{
		{"", `{}`, "body.identity"},
		{"", `{"requestLimit": 5}`, "body.identity"},
		{"", `{"identity": null}`, "body.identity"},
		{"", `{"identity": 5}`, "body.identity"},
		{"", `{"Identity": "u"}`, "body.Identity body.identity"},
		{"", `{"identity": "u", "identity": "v"}`, "body.identity"},
		{"", `{"identity": "u", "\u0069dentity": "v"}`, "body.identity"},
		{"", `{"identity": "u", "requestlimit": 5}`, "body.requestlimit"},
		{"", `{"identity": "u", "giftedTokens": 5, "createdAt": null}`, "body.giftedTokens body.createdAt"},
		{"", `{"identity": "u", "requestLimit": "5", "tokenLimit": -2, "costLimitUsd": 0.0000001}`, "body.requestLimit body.tokenLimit body.costLimitUsd"},
		{"", `{"identity": "u", "requestLimit": 1.5}`, "body.requestLimit"},
		{"", `{"identity": "u", "requestLimit": 1e16}`, "body.requestLimit"},
		{"", `{"identity": "u", "modelLimits": {"gpt-4o": {"requestLimit": true}}}`, "body.modelLimits.gpt-4o.requestLimit"},
		{"", `{"identity": "u", "modelLimits": {"gpt-4o": {"requestLimit": 1, "requestLimit": 2}}}`, "body.modelLimits.gpt-4o.requestLimit"},
		{"", `{"identity": "u", "modelLimits": []}`, "body.modelLimits"},
		{"", `{"identity": "u", "tier": "gold"}`, "body.tier"},
		{"", `{"identity": "u", "tier": ""}`, "body.tier"},
		{"", `{"identity": "u", "tier": 1}`, "body.tier"},
		{"", `{"identity": "u", "enabled": "yes"}`, "body.enabled"},
		{"", `{"identity": "u", "metadata": []}`, "body.metadata"},
		{"", `{"identity": "u", "metadata": {"a": {"b": 1, "b": 2}}}`, "body.metadata.a.b"},
		{"", `{"identity": "u", "metadata": {"a": "\u0000"}}`, "body.metadata.a"},
		{"", `{"identity": "u", "metadata": {"a": ["\ud83d"]}}`, "body.metadata.a[0]"},
		{"", `{"identity": "u", "limitResponse": {"\ude00": 1}}`, "body.limitResponse.\ufffd"},
		{"", `{"identity": "u", "metadata": ` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "body.metadata" + strings.Repeat("[0]", 32)},
		{"", `{"identity": "u", "tokenLimit": 01}`, "body"},
		{"", `{"identity": "u", "tokenLimit": NaN}`, "body.tokenLimit"},
		{"", `{"identity": "u", "metadata": {"a": "` + strings.Repeat("x", maxMetadata) + `"}}`, "body.metadata"},
		{"", `{"identity": "u", "limitResponse": {"type": "x"}}`, "body.limitResponse.type"},
		{"", `{"identity": "u", "limitResponse": "x"}`, "body.limitResponse"},
		{"", `{"identity": "u", "reason": "` + long + `"}`, "body.reason"},
		{"", `{"identity": "\ud800"}`, "body.identity"},
		{"", "{\"identity\": \"\xff\"}", "body.identity"},
		{"", `{"identity": "u"} {}`, "body"},
		{"", `{"identity": "u"`, "body"},
		{"", ``, "body"},
		{"", ` `, "body"},
		{"", `null`, "body"},
		{"", `[]`, "body"},
		{"", strings.Repeat("[", 100_000), "body" + strings.Repeat("[0]", 33)},
		{"/bulk", `{"items": []}`, "body.items"},
		{"/bulk", `{"items": {}}`, "body.items"},
		{"/bulk", `{}`, "body.items"},
		{"/bulk", `{"items": [{"identity": "a"}, 5, {"tokenLimit": "x"}], "x": 1}`, "body.x"},
		{"/bulk", `{"items": [{"identity": "a"}, 5, {"tokenLimit": "x"}]}`, "body.items[1] body.items[2].tokenLimit body.items[2].identity"},
		{"/bulk", `{"items": [{"identity": "a"}, {"identity": "b"}, {"identity": " a"}]}`, "body.items[2].identity"},
		{"/bulk", `{"items": [{"identity": "a"}, {"identity": "b", "tier": "x"}]}`, "body.items[1].tier"},
		{"/bulk", `{"items": [` + strings.Repeat(`{},`, maxBulk) + `{}]}`, "body.items"},
		{"/u/gift", `{}`, "body"},
		{"/u/gift", `{"reason": "why"}`, "body"},
		{"/u/gift", `{"tokens": null}`, "body"},
		{"/u/gift", `{"tokens": 0}`, "body.tokens"},
		{"/u/gift", `{"tokens": -1, "requests": 1.5, "costUsd": -1}`, "body.tokens body.requests body.costUsd"},
		{"/u/gift", `{"tokens": "5"}`, "body.tokens"},
		{"/u/gift", `{"tokens": 1e16}`, "body.tokens"},
		{"/u/gift", `{"tokens": 99999999999999999999}`, "body.tokens"},
		{"/u/gift", `{"costUsd": 0.0000001}`, "body.costUsd"},
		{"/u/gift", `{"costUsd": 0}`, "body.costUsd"},
		{"/u/gift", `{"costUsd": "1"}`, "body.costUsd"},
		{"/u/gift", `{"Tokens": 5}`, "body.Tokens"},
		{"/u/gift", `{"tokens": 5, "tokens": 6}`, "body.tokens"},
		{"/u/gift", `{"tokens": 5, "reason": 1}`, "body.reason"},
		{"/u/gift", `{"tokens": 5, "reason": "a\nb"}`, "body.reason"},
		{"/u/promo", `{}`, "body.unlimitedUntil"},
		{"/u/promo", `{"unlimitedUntil": "tomorrow"}`, "body.unlimitedUntil"},
		{"/u/promo", `{"unlimitedUntil": 5}`, "body.unlimitedUntil"},
		{"/u/promo", `{"unlimitedUntil": "2026-02-30"}`, "body.unlimitedUntil"},
		{"/u/reset", `{"resetTokens": false, "resetRequests": false}`, "body"},
		{"/u/reset", `{"resetTokens": 1}`, "body.resetTokens"},
		{"/u/reset", `{"tokens": true}`, "body.tokens"},
		{"/u/reset", `null`, "body"},
	} {
		p := f.send("POST", tc.path, tc.body).faults(strings.Fields(tc.faults)...)
		if len(tc.body) < 200 && !strings.Contains(p.Detail, p.Errors[0].Message) {
			t.Errorf("%s: detail %q does not say %q", tc.body, p.Detail, p.Errors[0].Message)
		}
	}
	if got := decode[Identities](f.send("GET", "", "")); *got.Total != 1 {
		t.Errorf("%d identities after refused calls, want the one", *got.Total)
	}
	if got := f.audit("u"); len(got) != 1 {
		t.Errorf("audit %q, want the creation alone", got)
	}
}

func TestAnUnknownTierIsRefusedWithTheKnownOnes(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	p := f.send("POST", "", `{"identity": "u", "tier": "gold"}`).faults("body.tier")
	if !strings.Contains(p.Detail, "free, pro") {
		t.Errorf("detail %q does not name the tiers", p.Detail)
	}
}

// Valid settings that may be a mistake are applied, and the answer to that call alone warns of them.
func TestWhatMayNotBeMeantIsWarnedOf(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"costLimitUsd": 1}`)
	const settings = `"modelLimits": {"gtp-4o": {"requestLimit": 5}, "gpt-4o": {"requestLimit": 5}}, "limitResponse": {"message": "{{used}} of {{limit}}"}`
	paths := func(id Identity) string {
		var all []string
		for _, w := range id.Warnings {
			all = append(all, w.Path)
			if w.Text == "" {
				t.Errorf("%s: a warning without a text", w.Path)
			}
		}
		return strings.Join(all, " ")
	}
	const want = "modelLimits.gtp-4o limitResponse.message"
	for name, r := range map[string]response{
		"POST": f.send("POST", "", `{"identity": "a", `+settings+`}`),
		"PUT":  f.send("PUT", "/b", `{`+settings+`}`),
	} {
		if got := paths(decode[Identity](r.want(http.StatusCreated))); got != want {
			t.Errorf("%s: warns of %q, want %q", name, got, want)
		}
	}
	bulk := decode[BulkIdentities](f.send("POST", "/bulk", `{"items": [{"identity": "c"}, {"identity": "d", `+settings+`}]}`).want(http.StatusOK))
	for i, want := range []string{"", want} {
		if got := paths(bulk.Items[i]); got != want {
			t.Errorf("bulk, item %d: warns of %q, want %q", i, got, want)
		}
	}
	for name, r := range map[string]response{"read": f.send("GET", "/a", ""), "another change": f.send("PUT", "/a", `{"requestLimit": 5}`)} {
		if got := paths(decode[Identity](r.want(http.StatusOK))); got != "" {
			t.Errorf("%s: warns of %q again", name, got)
		}
	}
}

func TestManyWrongFieldsDontMakeALongAnswer(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, `,"field%d":1`, i)
	}
	if got := f.send("POST", "", `{"identity":"u"`+b.String()+`}`).problem(400); len(got.Errors) != maxProblems {
		t.Errorf("%d errors, want %d", len(got.Errors), maxProblems)
	}
}

func TestBulkIsAllOrNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "b", "tokenLimit": 9}`).want(201)
	f.send("POST", "/bulk", `{"items": [{"identity": "a"}, {"identity": "b", "requestLimit": -5}]}`).problem(400)
	if got := decode[Identities](f.send("GET", "", "")); *got.Total != 1 {
		t.Fatalf("%d identities after a refused bulk call, want 1", *got.Total)
	}
	got := decode[BulkIdentities](f.send("POST", "/bulk", `{"items": [{"identity": "z", "requestLimit": 1}, {"identity": "b", "requestLimit": 2}]}`).want(200))
	if got.Count != 2 || got.Items[0].Identity != "z" || got.Items[1].Identity != "b" || *got.Items[1].TokenLimit != 9 || *got.Items[1].RequestLimit != 2 {
		t.Errorf("bulk answer %+v", got)
	}
	var b strings.Builder
	for i := range maxBulk {
		fmt.Fprintf(&b, `,{"identity":"u%d"}`, i)
	}
	if got := decode[BulkIdentities](f.send("POST", "/bulk", `{"items":[`+b.String()[1:]+`]}`).want(200)); got.Count != maxBulk {
		t.Errorf("count %d, want %d", got.Count, maxBulk)
	}
	// An identity called bulk is one like any other.
	f.send("GET", "/bulk", "").problem(404)
	f.send("POST", "", `{"identity": "bulk"}`).want(201)
	if got := decode[Identity](f.send("GET", "/bulk", "").want(200)); got.Identity != "bulk" {
		t.Errorf("GET /bulk is %q", got.Identity)
	}
}

// Every page of a list comes once, whatever is made and deleted meanwhile beside it.
func TestPagesByCursorAreTheWholeList(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	var items []string
	for i := range 45 {
		items = append(items, fmt.Sprintf(`{"identity": "user-%03d"}`, i))
	}
	for _, name := range []string{"zoë", "👩\u200d👩\u200d👧", "a b", "100%", "user-1"} {
		items = append(items, `{"identity": "`+name+`"}`)
	}
	f.send("POST", "/bulk", `{"items": [`+strings.Join(items, ",")+`]}`).want(200)
	whole := decode[Identities](f.send("GET", "?limit=200", ""))
	for _, query := range []string{"limit=7", "limit=1", "limit=50", "limit=7&q=user-0", "limit=3&q=1&match=contains", "limit=4&search=1"} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for _, item := range whole.Items {
			name := item.Identity
			switch {
			case values.Get("search") != "" || values.Get("match") == "contains":
				if !strings.Contains(name, "1") {
					continue
				}
			case !strings.HasPrefix(name, values.Get("q")):
				continue
			}
			want = append(want, name)
		}
		for pages := 0; ; pages++ {
			page := decode[Identities](f.send("GET", "?"+values.Encode(), "").want(200))
			for _, item := range page.Items {
				got = append(got, item.Identity)
			}
			if page.NextCursor == nil || pages > 60 {
				break
			}
			values.Set("cursor", *page.NextCursor)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	// The page's last identity may go before the next page is asked for.
	first := decode[Identities](f.send("GET", "?limit=2&q=user-0", ""))
	f.send("DELETE", at(first.Items[1].Identity, ""), "").want(204)
	next := decode[Identities](f.send("GET", "?limit=2&q=user-0&cursor="+*first.NextCursor, ""))
	if len(next.Items) != 2 || next.Items[0].Identity != "user-002" || *next.Total != 44 {
		t.Errorf("after a deletion: %+v, want to go on behind it", next)
	}
}

func TestListsPageAndSearch(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "/bulk", `{"items": [{"identity": "cat"}, {"identity": "ant"}, {"identity": "Bee%_"}, {"identity": "ape"}]}`).want(200)
	f.use("traffic-ant", 100, 5)
	for _, tc := range []struct {
		query         string
		names         string
		total         int
		limit, offset int
	}{
		{"", "Bee%_ ant ape cat traffic-ant", 5, 50, 0},
		{"?limit=2", "Bee%_ ant", 5, 2, 0},
		{"?limit=2&offset=4", "traffic-ant", 5, 2, 4},
		{"?limit=200&search=ant", "ant traffic-ant", 2, 200, 0},
		{"?offset=9", "", 5, 50, 9},
		{"?offset=10000", "", 5, 50, 10000},
		{"?search=ant", "ant traffic-ant", 2, 50, 0},
		{"?search=%25_", "Bee%_", 1, 50, 0},
		{"?search=nobody", "", 0, 50, 0},
		{"?q=a", "ant ape", 2, 50, 0},
		{"?q=ant&match=prefix&sort=name", "ant", 1, 50, 0},
		{"?q=ant&match=contains", "ant traffic-ant", 2, 50, 0},
		{"?q=ant&match=exact", "ant", 1, 50, 0},
		{"?q=an&match=exact", "", 0, 50, 0},
		{"?match=exact", "Bee%_ ant ape cat traffic-ant", 5, 50, 0},
		{"?match=contains", "Bee%_ ant ape cat traffic-ant", 5, 50, 0},
	} {
		got := decode[Identities](f.send("GET", tc.query, "").want(200))
		var names []string
		for _, i := range got.Items {
			names = append(names, i.Identity)
		}
		if got.Items == nil || strings.Join(names, " ") != tc.names || got.Total == nil || *got.Total != tc.total || got.TotalAtLeast != nil ||
			got.Limit != tc.limit || got.Offset != tc.offset || (got.NextCursor != nil) != (len(names) == 2 && tc.limit == 2) {
			t.Errorf("%q: %q of %v, limit %d, offset %d, next %v; want %+v", tc.query, names, got.Total, got.Limit, got.Offset, got.NextCursor, tc)
		}
	}
	for query, location := range map[string]string{"limit=0": "query.limit", "limit=201": "query.limit", "limit=x": "query.limit", "offset=-1": "query.offset",
		"offset=10001": "query.offset", "cursor=!": "query.cursor", "cursor=gA": "query.cursor", "cursor=YW50&offset=1": "query.offset",
		"search=%00": "query.search", "search=%ff": "query.search", "q=%00": "query.q", "match=like": "query.match", "sort=age": "query.sort",
		"q=a&search=b": "query.search"} {
		f.send("GET", "?"+query, "").faults(location)
	}
	if got := decode[Identity](f.send("GET", "/traffic-ant", "").want(200)); got.Usage.Requests != 1 || got.Usage.Tokens != 100 || got.Usage.CostUSD != "0.000005" {
		t.Errorf("usage %+v, want 1 request, 100 tokens, 0.000005 USD", got.Usage)
	}
}

// A part of a name may begin or end within a word or an emoji.
func TestPartsOfNamesAreSearchedFor(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	const family, word = "👩\u200d👩\u200d👧", "می\u200cخواهم"
	f.send("POST", "/bulk", `{"items": [{"identity": "`+family+`"}, {"identity": "`+word+`"}, {"identity": "ann"}]}`).want(200)
	for part, want := range map[string]string{"\u200d👧": family, "👩\u200d": family, "\u200d👩\u200d": family, "\u200cخ": word, "ی\u200c": word, "nn": "ann"} {
		got := decode[Identities](f.send("GET", "?match=contains&q="+url.QueryEscape(part), "").want(200))
		if len(got.Items) != 1 || got.Items[0].Identity != want {
			t.Errorf("%q: %+v, want %s alone", part, got.Items, want)
		}
	}
	// No new name has these, but one of an earlier version may.
	for _, part := range []string{"\u200b", "+\u200d+", "a\u200d\u200db"} {
		if got := decode[Identities](f.send("GET", "?search="+url.QueryEscape(part), "").want(200)); len(got.Items) > 0 {
			t.Errorf("%q: %+v, want nothing", part, got.Items)
		}
	}
}

func TestUnknownIdentitiesAreNotFoundAndNotMade(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for _, tc := range []struct{ method, below, body string }{
		{"GET", "", ""}, {"DELETE", "", ""}, {"GET", "/credits", ""}, {"GET", "/usage", ""},
	} {
		f.send(tc.method, "/nobody"+tc.below, tc.body).problem(404)
	}
	if got := decode[Identities](f.send("GET", "", "")); *got.Total != 0 {
		t.Errorf("%d identities, want none", *got.Total)
	}
}

func TestDeletingLeavesWhatWasUsed(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("u", 100, 0)
	f.send("PUT", "/u", `{"requestLimit": 3, "enabled": false}`).want(200)
	f.send("POST", "/u/gift", `{"tokens": 10, "costUsd": 1}`).want(200)
	f.send("POST", "/u/promo", `{"unlimitedUntil": "2027-01-01"}`).want(200)
	if got := f.send("DELETE", "/u?reason=asked+to", "").want(204); len(got.body) != 0 {
		t.Errorf("204 with a body: %s", got.body)
	}
	f.send("DELETE", "/u", "").problem(404)
	f.send("GET", "/u", "").problem(404)
	f.use("u", 50, 0)
	got := decode[Identity](f.send("GET", "/u", "").want(200))
	if got.Usage.Requests != 2 || got.Usage.Tokens != 150 || got.RequestLimit != nil || !got.Enabled ||
		got.GiftedTokens != 0 || got.GiftedCostUSD != "0" || got.UnlimitedUntil != nil {
		t.Errorf("after delete and a request: %+v, want its usage and nothing else", got)
	}
	if last := f.audit("u"); last[len(last)-1] != `deleteIdentity|asked to|{"credits":{"requests":0,"tokens":10,"costUsd":1}}` {
		t.Errorf("audit %q", last)
	}
}

func TestTheAuditTrailNamesTheKeyAndTheRequest(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	a := f.send("POST", "/u/gift", `{"tokens": 5}`).want(200)
	var actor string
	err := f.db.Read.QueryRow(`SELECT DISTINCT actor_kind || '|' || actor_id || '|' || request_id FROM audit WHERE project_id = $1`, f.project).Scan(&actor)
	id, _, _ := secret.ParseSecretKey(f.key)
	if want := "secretKey|" + id + "|" + a.header.Get("X-Request-Id"); err != nil || actor != want {
		t.Errorf("actor and request %q, %v, want %q", actor, err, want)
	}
}

func TestTheAuditTrailKeepsFiguresAndNoText(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u", "requestLimit": 5, "tier": "pro", "limitResponse": {"message": "hush"}, "metadata": {"secret": "hush"}, "reason": "new"}`).want(201)
	f.send("PUT", "/u", `{"enabled": false, "requestLimit": null, "metadata": null}`).want(200)
	f.send("POST", "/u/gift", `{"requests": 2, "costUsd": 0.5, "reason": "sorry"}`).want(200)
	f.send("POST", "/u/promo", `{"unlimitedUntil": "2026-12-31", "reason": "launch"}`).want(200)
	f.send("POST", "/u/promo", `{"unlimitedUntil": null}`).want(200)
	f.use("v", 70, 3)
	f.send("POST", "/v/reset", `{"reason": "bug"}`).want(200)
	want := []string{
		`createIdentity|new|{"limitResponse":true,"metadata":true,"requestLimit":5,"tier":"pro"}`,
		`updateIdentity||{"enabled":false,"metadata":false,"requestLimit":null}`,
		`giftIdentity|sorry|{"requests":2,"tokens":0,"costUsd":0.5}`,
		`promoteIdentity|launch|{"unlimitedUntil":"2027-01-01T00:00:00Z"}`,
		`promoteIdentity||{"unlimitedUntil":null}`,
	}
	if diff := cmp.Diff(want, f.audit("u")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{`resetIdentity|bug|{"requests":1,"tokens":70,"costUsd":0.000003}`}, f.audit("v")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if log := f.log.String(); strings.Contains(log, "hush") || strings.Contains(log, "sk_") || strings.Contains(log, "/u") {
		t.Errorf("the log tells too much:\n%s", log)
	}
}

func TestARestartChangesNoAnswer(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.mu.Lock()
	f.now = f.now.Add(123456789) // finer than stores keep it
	f.mu.Unlock()
	f.send("POST", "", `{"identity": "u", "tier": "pro", "requestLimit": -1, "tokenLimit": 1000, "costLimitUsd": 999999999.999999, "requestsPerMinute": 9,
		"modelLimits": {"gpt-*": {"requestLimit": -1, "costLimitUsd": 0.1}}, "limitResponse": {"message": "m", "x": [1, null]}, "metadata": {"big": 12345678901234567890, "a": "é"}}`).want(201)
	f.use("u", 10, 5)
	f.use("traffic", 1, 1)
	f.send("POST", "/u/gift", `{"tokens": 3, "costUsd": 0.000001}`).want(200)
	f.send("POST", "/u/promo", `{"unlimitedUntil": "2026-12-24T18:00:00.5+01:00"}`).want(200)
	paths := []string{"", "/u", "/u/credits", "/u/usage", "/traffic"}
	before := make([]string, len(paths))
	for i, path := range paths {
		before[i] = string(f.send("GET", path, "").want(200).body)
	}
	f.restart()
	for i, path := range paths {
		if diff := cmp.Diff(before[i], string(f.send("GET", path, "").want(200).body)); diff != "" {
			t.Errorf("GET %s after a restart (-before +after):\n%s", path, diff)
		}
	}
}
