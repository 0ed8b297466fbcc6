package project

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

type fieldsOf = map[string]any

func TestLimitResponsesMergeFieldByField(t *testing.T) {
	t.Parallel()
	project := fieldsOf{"message": "project", "deepLink": "app://project", "plan": fieldsOf{"a": 1}}
	tier := fieldsOf{"message": "tier", "upgradeUrl": "https://tier"}
	for name, tc := range map[string]struct {
		levels []map[string]any
		want   fieldsOf
	}{
		"none":                    {nil, fieldsOf{}},
		"nil levels":              {[]map[string]any{nil, nil, project}, project},
		"the first that sets it":  {[]map[string]any{{"message": "identity"}, tier, project}, fieldsOf{"message": "identity", "upgradeUrl": "https://tier", "deepLink": "app://project", "plan": fieldsOf{"a": 1}}},
		"objects are not merged":  {[]map[string]any{nil, {"plan": fieldsOf{"b": 2}}, project}, fieldsOf{"message": "project", "deepLink": "app://project", "plan": fieldsOf{"b": 2}}},
		"false and zero are set":  {[]map[string]any{{"x": false, "y": 0, "z": ""}, {"x": true, "y": 1, "z": "z"}}, fieldsOf{"x": false, "y": 0, "z": ""}},
		"null with nothing below": {[]map[string]any{{"x": nil}}, fieldsOf{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, MergeLimitResponse(tc.levels...)); diff != "" {
				t.Errorf("merged (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFieldFailure_ANullOverrideErasesTheTiersMessage(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"tiers": {"pro": {"limitResponse": {"message": "Pro is used up", "deepLink": null}}}, "limitResponse": {"deepLink": "app://upgrade"}}`)
	identity := mustParse(t, `{"limitResponse": {"message": null, "deepLink": null}}`).LimitResponse
	want := fieldsOf{"message": "Pro is used up", "deepLink": "app://upgrade"}
	if diff := cmp.Diff(want, MergeLimitResponse(identity, s.Tiers["pro"].LimitResponse, s.LimitResponse)); diff != "" {
		t.Errorf("merged (-want +got):\n%s", diff)
	}
}

// The deep link, and every field of the developer's own, is kept and filled in.
func TestFieldFailure_TheDeepLinkNeverReachesTheApp(t *testing.T) {
	t.Parallel()
	s := mustParse(t, `{"limitResponse": {"message": "{{usage}}/{{limit}}", "deepLink": "app://upgrade?from={{tier}}", "offer": {"days": [7, "{{model}}"]}}}`)
	snap, err := NewSnapshot(Record{Settings: s}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := Fill(MergeLimitResponse(snap.LimitResponse), map[string]string{"usage": "5", "limit": "5", "tier": "free", "model": "gpt-4o"})
	const want = `{"deepLink":"app://upgrade?from=free","message":"5/5","offer":{"days":[7,"gpt-4o"]}}`
	if text := mustMarshal(t, got); text != want {
		t.Errorf("filled: %s; want %s", text, want)
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"a": "1", "b": "{{a}}", "empty": ""}
	for in, want := range map[string]string{
		"":                  "",
		"plain":             "plain",
		"{{a}}":             "1",
		"{{a}}{{a}} {{a}}x": "11 1x",
		"{{b}}":             "{{a}}", // what was filled in is not looked at again
		"{{empty}}":         "",
		"{{unknown}}":       "{{unknown}}",
		"{{ a }}":           "{{ a }}",
		"{{A}}":             "{{A}}",
		"{{a":               "{{a",
		"a}}":               "a}}",
		"{{{a}}}":           "{1}",
		"{{{{a}}}}":         "{{1}}",
		"{{x{{a}}":          "{{x1",
		"{{}}":              "{{}}",
		"{{unknown}}{{a}}":  "{{unknown}}1",
	} {
		if got := Fill(in, vars); got != want {
			t.Errorf("Fill(%q) = %q; want %q", in, got, want)
		}
	}
}

func TestFillEncodesValuesInURLs(t *testing.T) {
	t.Parallel()
	vars := map[string]string{"identity": "a b&plan=pro#/ü+", "resetsAt": "2026-11-23T00:00:00Z", "tier": "free"}
	for in, want := range map[string]string{
		"app://upgrade?user={{identity}}":               "app://upgrade?user=a%20b%26plan%3Dpro%23%2F%C3%BC%2B",
		"https://example.com/{{tier}}/{{identity}}?x=1": "https://example.com/free/a%20b%26plan%3Dpro%23%2F%C3%BC%2B?x=1",
		"my-app+x.y://back/{{resetsAt}}":                "my-app+x.y://back/2026-11-23T00%3A00%3A00Z",
		"app://upgrade?user={{unknown}}":                "app://upgrade?user={{unknown}}",
		"{{identity}}":                                  "a b&plan=pro#/ü+",
		"Hello {{identity}}":                            "Hello a b&plan=pro#/ü+",
		"See https://example.com, {{identity}}":         "See https://example.com, a b&plan=pro#/ü+",
		"https://example.com is for {{identity}}":       "https://example.com is for a b&plan=pro#/ü+",
		"://{{identity}}":                               "://a b&plan=pro#/ü+",
	} {
		if got := Fill(in, vars); got != want {
			t.Errorf("Fill(%q) = %q; want %q", in, got, want)
		}
	}
}

// A client's name adds nothing to a deep link but the value of its own parameter.
func TestFillKeepsWhatAClientChoseInItsPlace(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.String().Draw(t, "identity")
		filled, _ := Fill("app://upgrade?user={{identity}}&plan=free#top", map[string]string{"identity": identity}).(string)
		u, err := url.Parse(filled)
		if err != nil {
			t.Fatalf("%q is no URL: %v", filled, err)
		}
		want := url.Values{"user": {identity}, "plan": {"free"}}
		if diff := cmp.Diff(want, u.Query()); diff != "" || u.Fragment != "top" {
			t.Errorf("parameters of %q (-want +got), fragment %q:\n%s", filled, u.Fragment, diff)
		}
	})
}

func TestFillLeavesItsArgumentAsItIs(t *testing.T) {
	t.Parallel()
	in := fieldsOf{"list": []any{"{{a}}", fieldsOf{"x": "{{a}}"}}, "n": 5, "null": nil}
	got := Fill(in, map[string]string{"a": "1"})
	if diff := cmp.Diff(fieldsOf{"list": []any{"1", fieldsOf{"x": "1"}}, "n": 5, "null": nil}, got); diff != "" {
		t.Errorf("filled (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(fieldsOf{"list": []any{"{{a}}", fieldsOf{"x": "{{a}}"}}, "n": 5, "null": nil}, in); diff != "" {
		t.Errorf("the template changed (-want +got):\n%s", diff)
	}
}

func TestFillKeepsTextWithoutVariables(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[{}a ]*`).Draw(t, "s")
		if got := fillText(s, nil); got != s {
			t.Fatalf("fillText(%q) = %q", s, got)
		}
		if got := fillText(s, map[string]string{"a": "a"}); strings.Count(got, "a") != strings.Count(s, "a") {
			t.Fatalf("fillText(%q) = %q", s, got)
		}
	})
}
