package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one read of the control plane.
type call struct {
	operation string // its operationId in the OpenAPI document
	path      string
	body      string // of a POST that changes nothing
	session   bool   // it needs a session in place of the secret key
}

// untimed are the reads that send more than one answer: a stream, or files as large as the tables.
var untimed = []string{"watchRequests", "exportIdentities", "exportUsage", "exportAudit"}

// sorts are the orders of the list of identities, with the cursor of a place in the middle, or "" for those that are paged through.
type order struct{ name, middle string }

// orders returns the orders of identities that a server has.
func (w *world) orders(names []string) (all []order) {
	for _, name := range names {
		at := ""
		switch name {
		case "name":
			at = identityName(w.identities / 2)
		case "recent":
			at = strconv.FormatInt(w.now.Add(-45*24*time.Hour).UnixMicro(), 10) + "\x00" + identityName(0)
		}
		all = append(all, order{name, base64.RawURLEncoding.EncodeToString([]byte(at))})
	}
	return all
}

// calls returns every read, in several variants.
func (w *world) calls(sorts []string) []call {
	all := slices.Concat(w.projectCalls(), w.reportCalls(), w.identityCalls(sorts), w.keptCalls())
	for i := range all {
		all[i].path = strings.ReplaceAll(all[i].path, "…", "/api/projects/"+w.project)
	}
	return all
}

// with returns a call for each query of an operation.
func with(operation, path string, queries ...string) (all []call) {
	for _, q := range queries {
		if q != "" {
			q = "?" + q
		}
		all = append(all, call{operation: operation, path: path + q})
	}
	return all
}

// projectCalls are reads of settings and people.
func (w *world) projectCalls() []call {
	return slices.Concat([]call{
		{operation: "getMeta", path: "/api/meta"},
		{operation: "getMe", path: "/api/auth/me", session: true},
		{operation: "listSessions", path: "/api/auth/sessions", session: true},
		{operation: "listProjects", path: "/api/projects", session: true},
		{operation: "listMembers", path: "…/members", session: true},
		{operation: "explainLimits", path: "…/limits/explain", body: `{"identity": "` + identityName(busy) + `", "model": "model-1"}`},
		{operation: "explainLimits", path: "…/limits/explain", body: `{"settings": {"requestLimit": 5}, "tier": "pro"}`},
		{operation: "previewLimitResponse", path: "…/limit-response/preview", body: `{"identity": "` + identityName(busy) + `"}`},
	}, with("getProject", "…", ""), with("getExposure", "…/exposure", ""),
		with("listSettingsVersions", "…/settings/versions", "", "limit=200", fmt.Sprint("limit=200&cursor=", worldVersions/2)),
		with("getSettingsVersion", "…/settings/versions/7", ""),
		with("listProviders", "…/providers", ""), with("getProvider", "…/providers/openai", ""))
}

// reportCalls are reads of the rollups.
func (w *world) reportCalls() []call {
	day := func(ago int) string { return "from=" + w.now.AddDate(0, 0, 1-ago).Format(time.DateOnly) }
	var series []string
	for _, in := range []string{"by=hour", "by=hour&" + day(7), "by=day", "by=day&" + day(90), "by=day&" + day(worldDays)} {
		for _, of := range []string{"", "&split=model", "&split=tier&metric=costUsd", "&split=outcome", "&split=code&metric=refused", "&model=model-5", "&tier=pro&metric=tokens"} {
			series = append(series, in+of)
		}
	}
	series = append(series, "split=tier&model=model-1&metric=refused", "split=code&tier=pro&metric=refused&"+day(30))
	var tops []string
	for _, of := range []string{"identity", "model", "tier", "refusedIdentity"} {
		for _, from := range []string{"", "&" + day(30), "&" + day(90), "&" + day(worldDays)} {
			tops = append(tops, "of="+of+from)
		}
	}
	return slices.Concat(
		with("getOverview", "…/overview", "range=24h", "range=7d", "range=30d", "range=90d"),
		with("getUsageOverTime", "…/usage", series...),
		with("getTopUsage", "…/usage/top", append(tops, "metric=requests&limit=200")...),
		with("listNearLimits", "…/limits/near", "", "limit=200", "threshold=0.5&metric=requests", "tier=gold", "metric=costUsd"),
		with("listModels", "…/models", "", "limit=200", "q=model-7"),
		with("getFirstRequest", "…/first-request", ""))
}

// identityCalls are reads of identities: one, and every order of the list with every filter.
func (w *world) identityCalls(sorts []string) []call {
	one := "…/identities/" + identityName(busy)
	day := func(ago int) string { return "from=" + w.now.AddDate(0, 0, 1-ago).Format(time.DateOnly) }
	all := slices.Concat(
		with("getIdentity", one, ""), with("getIdentity", "…/identities/"+identityName(w.identities-1), ""),
		with("getCredits", one+"/credits", ""), with("getUsage", one+"/usage", ""),
		with("getHistory", one+"/history", "", "split=model", "by=hour&"+day(7)+"&split=model", day(90)+"&split=model", day(worldDays)+"&split=model"))
	filters := []string{"", "tier=gold", "tier=nobody", "enabled=false", "has=override", "has=credits", "has=promo",
		"q=user-0000", "q=" + identityName(busy) + "&match=exact", "search=77", "search=nowhere", "search=77&tier=gold&has=promo"}
	var lists []string
	for _, o := range w.orders(sorts) {
		for _, f := range filters {
			lists = append(lists, "limit=200&sort="+o.name+"&"+f)
		}
		if o.middle != "" {
			lists = append(lists, "limit=200&sort="+o.name+"&cursor="+url.QueryEscape(o.middle), "sort="+o.name+"&tier=gold&cursor="+url.QueryEscape(o.middle))
		}
	}
	return append(all, with("listIdentities", "…/identities", append(lists, "offset=10000")...)...)
}

// keptCalls are reads of the audit trail, of prompts and of operations.
func (w *world) keptCalls() []call {
	day := func(ago int) string { return w.now.AddDate(0, 0, -ago).Format(time.DateOnly) }
	return slices.Concat(
		with("listAudit", "…/audit", "limit=200", "limit=200&identity="+identityName(busy), "action=giftIdentity&limit=200", "action=deleteProject", "actor=nobody@example.com",
			"from="+day(60)+"&to="+day(30)+"&limit=200"),
		with("listPrompts", "…/prompts", "limit=200"), with("getPrompt", "…/prompts/prompt-1", ""),
		with("listPromptVersions", "…/prompts/prompt-1/versions", "limit=200"), with("getPromptVersion", "…/prompts/prompt-1/versions/3", ""),
		[]call{{operation: "renderPrompt", path: "…/prompts/prompt-1/render", body: `{"variables": {"app": "Notes"}}`}},
		with("getOperation", "…/operations/op_bench7", ""))
}

// request makes the call's request.
func (c *call) request(w *world, base string) (*http.Request, error) {
	method := http.MethodGet
	if c.body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, base+c.path, strings.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	if c.body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.session {
		r.AddCookie(&http.Cookie{Name: "airatelimit", Value: w.session})
	} else {
		r.Header.Set("Authorization", "Bearer "+w.secretKey)
	}
	return r, nil
}

// name is the call as the table has it.
func (c *call) name(w *world) string {
	name := strings.ReplaceAll(strings.ReplaceAll(c.path, "/api/projects/"+w.project, "…"), identityName(busy), "{identity}")
	if _, cursor, ok := strings.Cut(name, "&cursor="); ok {
		name = strings.TrimSuffix(name, cursor) + "middle"
	}
	if c.body != "" {
		return "POST " + name
	}
	return "GET " + name
}
