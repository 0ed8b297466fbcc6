package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/project"
)

const somePlainKey = "sk-proj-Plain-0123456789-abcdWXYZ"

// path is the path of the fixture's project, and of something below it.
func (f *fixture) path(below string) string { return "/api/projects/" + f.project + below }

func TestAProjectIsCreatedListedAndDeleted(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", "")
	made := f.as(ann, "POST", "/api/projects", `{"name": "My app", "settings": {"requestLimit": 3, "providers": {"openai": {"key": "`+somePlainKey+`"}}}}`).want(http.StatusCreated)
	got := decode[CreatedProject](made)
	if made.header.Get("ETag") != `"v1"` || got.Project.Version != 1 || got.Project.Settings.Name != "My app" || *got.Project.Settings.RequestLimit != 3 || len(got.Project.Settings.Tiers) != 0 {
		t.Errorf("created %s with the ETag %s", made.body, made.header.Get("ETag"))
	}
	if strings.Contains(string(made.body), somePlainKey) || !strings.Contains(string(made.body), "WXYZ") {
		t.Errorf("the key is not masked: %s", made.body)
	}
	f.project = got.Project.ProjectID
	f.send("GET", f.path(""), "", "Authorization", "Bearer "+got.SecretKey).want(200)
	list := decode[ListedProjects](f.as(ann, "GET", "/api/projects", "").want(200))
	want := ListedProjects{Items: []ListedProject{{ProjectID: f.project, Name: "My app", Role: account.Owner, Today: TodayFigures{CostUSD: "0"}}}}
	if diff := cmp.Diff(want, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	for name, body := range map[string]string{"": `{"name": "B"}`, "single": `{"name": "B", "template": "single"}`} {
		made := decode[CreatedProject](f.as(ann, "POST", "/api/projects", body).want(201))
		if starts := len(made.Project.Settings.Tiers) > 0; starts != (name == "") {
			t.Errorf("template %q: %+v", name, made.Project.Settings)
		}
	}
	first := decode[ListedProjects](f.as(ann, "GET", "/api/projects?limit=2", "").want(200))
	second := decode[ListedProjects](f.as(ann, "GET", "/api/projects?limit=2&cursor="+*first.NextCursor, "").want(200))
	if len(first.Items) != 2 || len(second.Items) != 1 || second.NextCursor != nil || second.Items[0].ProjectID != f.project {
		t.Errorf("pages %+v and %+v", first, second)
	}
	f.as(ann, "DELETE", f.path(""), "", "If-Match", `"v9"`).problem(412)
	f.as(ann, "DELETE", f.path(""), "").want(204)
	f.as(ann, "GET", f.path(""), "").problem(404)
	f.send("GET", f.path(""), "", "Authorization", "Bearer "+got.SecretKey).problem(401)
	bob := f.signIn("bob@example.com", "")
	if list := decode[ListedProjects](f.as(bob, "GET", "/api/projects", "").want(200)); len(list.Items) != 0 {
		t.Errorf("a stranger lists %+v", list)
	}
}

func TestABadNewProjectIsRefused(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", "")
	for body, location := range map[string]string{
		`{}`:                             "body.name",
		`{"name": "  "}`:                 "body.name",
		`{"name": 5}`:                    "body.name",
		`{"name": "A", "template": "x"}`: "body.template",
		`{"name": "A", "role": "owner"}`: "body.role",
		`{"name": "A", "settings": 5}`:   "body.settings",
		`{"name": "A", "settings": {"requstLimit": 1}}`:                        "body.settings.requstLimit",
		`{"name": "A", "settings": {"tiers": {"x": {"requestLimit": "y"}}}}`:   "body.settings.tiers.x.requestLimit",
		`{"name": "A", "settings": {"providers": {"openai": {"key": "•••"}}}}`: "body.settings.providers.openai.key",
	} {
		f.as(ann, "POST", "/api/projects", body).faults(location)
	}
	if p := f.send("POST", "/api/projects", `{"name": "A"}`).problem(403); p.Code != "session_required" {
		t.Errorf("with a secret key: %+v", p)
	}
	if p := f.send("GET", "/api/projects", "").problem(403); p.Code != "session_required" {
		t.Errorf("with a secret key: %+v", p)
	}
}

// A change takes effect at once, is a version, and is in the audit trail with its author and its reason.
func TestAProjectIsChangedByAMergePatch(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Admin)
	read := f.as(ann, "GET", f.path(""), "").want(200)
	if read.header.Get("ETag") != `"v1"` {
		t.Fatalf("ETag %s", read.header.Get("ETag"))
	}
	body := `{"tiers": {"pro": {"requestLimit": 700}, "free": null}, "providers": {"openai": {"key": "` + somePlainKey + `"}}}`
	changed := f.as(ann, "PATCH", f.path("?reason=launch"), body, "If-Match", `"v1"`).want(200)
	got := decode[Project](changed)
	if changed.header.Get("ETag") != `"v2"` || got.Version != 2 || *got.Settings.Tiers["pro"].RequestLimit != 700 || len(got.Settings.Tiers) != 1 || *got.Settings.RequestLimit != 5 {
		t.Errorf("changed %s, ETag %s", changed.body, changed.header.Get("ETag"))
	}
	p, err := f.catalog.Project(t.Context(), f.project)
	if err != nil || p.Tiers["free"] != nil {
		t.Errorf("the gateway still has the tier: %v, %v", p.Tiers, err)
	}
	versions := decode[SettingsVersions](f.send("GET", f.path("/settings/versions"), "").want(200))
	newest := versions.Items[0]
	if len(versions.Items) != 2 || newest.Version != 2 || *newest.By.Email != "ann@example.com" || *newest.Reason != "launch" || len(newest.Changes) != 3 {
		t.Errorf("versions %+v", versions)
	}
	trail := decode[AuditTrail](f.send("GET", f.path("/audit?action=changeProject&actor=ann@example.com"), "").want(200))
	if len(trail.Items) != 1 || trail.Items[0].Target != "settings" || *trail.Items[0].Reason != "launch" || *trail.Items[0].RequestID != changed.header.Get("X-Request-Id") {
		t.Errorf("audit trail %+v", trail)
	}
	// A masked key that comes back keeps the key. Nothing changes, so there is no version.
	same := f.send("PATCH", f.path(""), `{"providers": {"openai": {"key": "••••••••WXYZ"}}}`).want(200)
	if same.header.Get("ETag") != `"v2"` {
		t.Errorf("nothing changed and the ETag is %s", same.header.Get("ETag"))
	}
	for _, r := range []response{changed, f.send("GET", f.path("/settings/versions/2"), ""), f.send("GET", f.path("/audit"), ""), f.send("GET", f.path(""), "")} {
		if strings.Contains(string(r.body), somePlainKey) {
			t.Errorf("the key is shown: %s", r.body)
		}
	}
}

func TestABadPatchIsRefusedByItsPath(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	for body, location := range map[string]string{
		`[]`:                      "body",
		`{"version": 2}`:          "body.version",
		`{"projectId": "pk_x"}`:   "body.projectId",
		`{"requstLimit": null}`:   "body.requstLimit",
		`{"defaultTier": "gold"}`: "body.defaultTier",
		`{"tiers": {"pro": {"modelLimits": {"gpt-4o": {"requestLimit": 1.5}}}}}`: "body.tiers.pro.modelLimits.gpt-4o.requestLimit",
	} {
		f.send("PATCH", f.path(""), body).faults(location)
	}
	f.send("PATCH", f.path("?reason="+strings.Repeat("x", 501)), `{}`).problem(400)
	f.send("PATCH", f.path("?reason=%00"), `{}`).faults("query.reason")
	if v := decode[Project](f.send("GET", f.path(""), "").want(200)).Version; v != 1 {
		t.Errorf("version %d after refused changes", v)
	}
}

// A person's change begins with a version that the person has seen.
func TestAPersonsChangeNeedsTheVersion(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	if p := f.as(ann, "PATCH", f.path(""), `{"requestLimit": 6}`).problem(428); p.Code != "if_match_required" {
		t.Errorf("without If-Match: %+v", p)
	}
	if p := f.as(ann, "POST", f.path("/settings/versions/1/restore"), `{}`).problem(428); p.Code != "if_match_required" {
		t.Errorf("restore without If-Match: %+v", p)
	}
	f.send("PATCH", f.path(""), `{"requestLimit": 7}`).want(200)
	late := f.as(ann, "PATCH", f.path(""), `{"requestLimit": 6}`, "If-Match", `"v1"`)
	p := late.problem(412)
	text, err := json.Marshal(p.Current)
	var current Project
	if err := errors.Join(err, json.Unmarshal(text, &current)); err != nil || p.Code != "document_changed" || current.Version != 2 || *current.Settings.RequestLimit != 7 || late.header.Get("ETag") != `"v2"` {
		t.Errorf("an old version: %s", late.body)
	}
	f.send("PATCH", f.path(""), `{"requestLimit": 6}`, "If-Match", `"v1"`).problem(412)
	f.as(ann, "PATCH", f.path(""), `{"requestLimit": 8}`, "If-Match", `"v1", "v2"`).want(200)
	f.as(ann, "PATCH", f.path(""), `{"requestLimit": 9}`, "If-Match", `*`).want(200)
	f.as(ann, "GET", f.path("/audit"), "").want(200)
}

func TestADryRunTellsWhatAChangeWouldDo(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "", `{"identity": "u1", "tier": "pro"}`).want(201)
	f.send("POST", "", `{"identity": "u2", "tier": "pro"}`).want(201)
	f.send("POST", "", `{"identity": "u3", "tier": "free"}`).want(201)
	r := f.send("PATCH", f.path("?dryRun=true"), `{"requestLimit": null, "tiers": {"pro": {"requestLimit": 5000}, "free": null}, "modelLimits": {"gtp-4o": {"requestLimit": 1}}}`).want(200)
	got := decode[Trial](r)
	var texts []string
	for _, c := range got.Changes {
		texts = append(texts, c.Text)
	}
	want := []string{`modelLimits.gtp-4o: {"requestLimit":1} (new)`, `requestLimit: 5 → null`, `tiers.free: removed (was {"requestLimit":10})`, `tiers.pro.requestLimit: 500 → 5000`}
	if diff := cmp.Diff(want, texts); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	wantEffects := []Effect{
		{`Identities in the tier free, by the tier that your server has set: tiers.free: removed (was {"requestLimit":10})`, 1, false},
		{`Identities in the tier pro, by the tier that your server has set: tiers.pro.requestLimit: 500 → 5000`, 2, false},
		{`All identities without other limits of their own or of their tier: requestLimit: 5 → null; modelLimits.gtp-4o: {"requestLimit":1} (new)`, 3, false},
	}
	if diff := cmp.Diff(wantEffects, got.Effects); diff != "" {
		t.Errorf("effects (-want +got):\n%s", diff)
	}
	warned := map[string]bool{}
	for _, w := range got.Warnings {
		warned[w.Path] = true
	}
	if !warned["tiers.free"] || !warned["modelLimits.gtp-4o"] {
		t.Errorf("warnings %+v, want the removed tier and the unknown model", got.Warnings)
	}
	if v := decode[Project](f.send("GET", f.path(""), "").want(200)); v.Version != 1 || *v.Settings.RequestLimit != 5 {
		t.Errorf("after a dry run %+v", v)
	}
	if trail := decode[AuditTrail](f.send("GET", f.path("/audit?action=changeProject"), "").want(200)); len(trail.Items) != 0 {
		t.Errorf("a dry run is in the audit trail: %+v", trail)
	}
	f.send("PATCH", f.path("?dryRun=true"), `{"defaultTier": "gold"}`).faults("body.defaultTier")
	dry := f.send("POST", f.path("/settings/versions/1/restore?dryRun=true"), "").want(200)
	if got := decode[Trial](dry); len(got.Changes) != 0 {
		t.Errorf("a dry run of no change: %s", dry.body)
	}
}

func TestAVersionIsRestored(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"name": "A", "requestLimit": 5, "providers": {"mistral": {"key": "mistral-0123456789abcdef"}}}`)
	f.send("PATCH", f.path(""), `{"requestLimit": 6, "providers": {"openai": {"key": "`+somePlainKey+`"}, "mistral": null}}`).want(200)
	then := decode[SettingsVersion](f.send("GET", f.path("/settings/versions/1"), "").want(200))
	if *then.Settings.RequestLimit != 5 || then.Settings.Providers["mistral"].Key != "••••••••cdef" {
		t.Errorf("version 1: %+v", then)
	}
	restored := decode[Project](f.send("POST", f.path("/settings/versions/1/restore"), `{"reason": "too high"}`, "If-Match", `"v2"`).want(200))
	if restored.Version != 3 || *restored.Settings.RequestLimit != 5 || restored.Settings.Providers["openai"].Key != "••••••••WXYZ" {
		t.Errorf("restored %+v", restored)
	}
	lost := false
	for _, w := range restored.Warnings {
		lost = lost || w.Path == "providers.mistral.key"
	}
	if !lost {
		t.Errorf("warnings %+v, want one of the lost key", restored.Warnings)
	}
	newest := decode[SettingsVersions](f.send("GET", f.path("/settings/versions?limit=1"), "").want(200))
	if newest.Items[0].Version != 3 || *newest.Items[0].Reason != "too high" || *newest.NextCursor != "3" {
		t.Errorf("versions %+v", newest)
	}
	older := decode[SettingsVersions](f.send("GET", f.path("/settings/versions?cursor=3"), "").want(200))
	if len(older.Items) != 2 || older.Items[0].Version != 2 || older.NextCursor != nil {
		t.Errorf("older versions %+v", older)
	}
	if p := f.send("GET", f.path("/settings/versions/9"), "").problem(404); p.Code != "unknown_version" {
		t.Errorf("a version that never was: %+v", p)
	}
	f.send("POST", f.path("/settings/versions/9/restore"), "").problem(404)
	f.send("GET", f.path("/settings/versions?cursor=x"), "").faults("query.cursor")
}

func TestTheSecretKeyIsReplacedWithAGrace(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	old := f.key
	got := decode[NewSecret](f.send("POST", f.path("/regenerate-secret"), `{"graceSeconds": 60}`).want(200))
	if !got.OldValidUntil.Equal(f.clock().Add(time.Minute)) {
		t.Errorf("old key until %s", got.OldValidUntil)
	}
	f.key = got.SecretKey
	f.send("GET", f.path(""), "").want(200)
	f.send("GET", f.path(""), "", "Authorization", "Bearer "+old).want(200)
	again := decode[NewSecret](f.send("POST", f.path("/regenerate-secret"), "").want(200))
	f.send("GET", f.path(""), "", "Authorization", "Bearer "+old).problem(401)
	f.send("GET", f.path(""), "").problem(401)
	f.key = again.SecretKey
	for _, body := range []string{`{"graceSeconds": -1}`, `{"graceSeconds": 86401}`, `{"graceSeconds": "1"}`, `{"graceSeconds": 0.5}`} {
		f.send("POST", f.path("/regenerate-secret"), body).faults("body.graceSeconds")
	}
	trail := f.send("GET", f.path("/audit?action=regenerateSecret"), "").want(200)
	if text := string(trail.body); strings.Count(text, `"target":"secretKey"`) != 2 || strings.Contains(text, again.SecretKey) {
		t.Errorf("audit trail %s", text)
	}
}

func TestTheAuditTrailIsRead(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", "/u/gift", `{"tokens": 5, "reason": "sorry"}`).want(200)
	f.travel(time.Hour)
	f.send("POST", "/v/reset", "").want(200)
	actions := func(query string) (got []string, next *string) {
		t.Helper()
		trail := decode[AuditTrail](f.send("GET", f.path("/audit"+query), "").want(200))
		for _, e := range trail.Items {
			got = append(got, e.Action+" "+e.Target)
		}
		return got, trail.NextCursor
	}
	for query, want := range map[string][]string{
		"?actor=secretKey":                           {"resetIdentity v", "createIdentity v", "giftIdentity u", "createIdentity u"},
		"?identity=u":                                {"giftIdentity u", "createIdentity u"},
		"?action=giftIdentity&actor=secretKey":       {"giftIdentity u"},
		"?actor=secretKey&from=2026-11-22T13:00:00Z": {"resetIdentity v", "createIdentity v"},
		"?actor=secretKey&to=2026-11-22T13:00:00Z":   {"giftIdentity u", "createIdentity u"},
		"?from=2026-11-23&identity=u":                nil,
		"?to=2026-11-22&identity=u":                  nil,
	} {
		if got, _ := actions(query); cmp.Diff(want, got) != "" {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	first, next := actions("?identity=u&limit=1")
	second, end := actions("?identity=u&limit=1&cursor=" + *next)
	if first[0] != "giftIdentity u" || second[0] != "createIdentity u" || end != nil {
		t.Errorf("pages %q and %q, then %v", first, second, end)
	}
	gift := decode[AuditTrail](f.send("GET", f.path("/audit?action=giftIdentity"), "").want(200)).Items[0]
	if string(gift.Detail) == "" || gift.Changes == nil || *gift.Reason != "sorry" || gift.Actor.Kind != "secretKey" || gift.RequestID == nil || *gift.Identity != "u" {
		t.Errorf("entry %+v", gift)
	}
	for query, location := range map[string]string{"?from=yesterday": "query.from", "?to=5": "query.to", "?cursor=x": "query.cursor", "?identity=%00": "query.identity"} {
		f.send("GET", f.path("/audit"+query), "").faults(location)
	}
}

// An identity's changes and a stranger's view of a project.
func TestOnlyMembersSeeAProject(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	stranger, viewer, admin := f.signIn("eve@example.com", ""), f.signIn("vic@example.com", account.Viewer), f.signIn("adam@example.com", account.Admin)
	for _, call := range []struct{ method, below, body string }{
		{"GET", "", ""}, {"GET", "/audit", ""}, {"GET", "/settings/versions", ""}, {"GET", "/settings/versions/1", ""},
	} {
		f.as(stranger, call.method, f.path(call.below), call.body).problem(404)
		f.as(viewer, call.method, f.path(call.below), call.body).want(200)
	}
	f.as(viewer, "PATCH", f.path(""), `{}`, "If-Match", "*").problem(403)
	f.as(viewer, "POST", f.path("/regenerate-secret"), "").problem(403)
	f.as(viewer, "POST", f.path("/settings/versions/1/restore"), "", "If-Match", "*").problem(403)
	f.as(admin, "DELETE", f.path(""), "").problem(403)
	f.send("DELETE", f.path(""), "").problem(403)
}

// A default prompt that nobody has stored, or that is disabled, is warned of by every call that sets settings.
func TestADefaultPromptThatIsNotThereIsWarnedOf(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	warned := func(warnings []project.Warning) string {
		t.Helper()
		for _, w := range warnings {
			if w.Path == "defaultPrompt" {
				return w.Text
			}
		}
		return ""
	}
	const doc = `{"defaultPrompt": "house-rules"}`
	ann := f.signIn("ann@example.com", account.Owner)
	for what, warnings := range map[string][]project.Warning{
		"created": decode[CreatedProject](f.as(ann, "POST", "/api/projects", `{"name": "B", "settings": `+doc+`}`).want(201)).Project.Warnings,
		"tried":   decode[Trial](f.send("PATCH", f.path("?dryRun=true"), doc).want(200)).Warnings,
		"changed": decode[Project](f.send("PATCH", f.path(""), doc).want(200)).Warnings,
	} {
		if got := warned(warnings); !strings.Contains(got, `"house-rules" is no stored prompt`) {
			t.Errorf("%s: %q", what, got)
		}
	}
	f.send("POST", f.path("/prompts"), `{"name": "house-rules", "content": "Be kind.", "enabled": false}`).want(201)
	if got := warned(decode[ListedProvider](f.send("PUT", f.path("/providers/mistral"), `{"models": ["a"]}`).want(200)).Warnings); !strings.Contains(got, "is disabled") {
		t.Errorf("a disabled prompt: %q", got)
	}
	f.send("PUT", f.path("/prompts/house-rules"), `{"enabled": true}`).want(200)
	if got := warned(decode[Project](f.send("PATCH", f.path(""), `{"requestLimit": 3}`).want(200)).Warnings); got != "" {
		t.Errorf("a prompt that is there: %q", got)
	}
	if got := warned(decode[Project](f.send("PATCH", f.path(""), `{"defaultPrompt": null}`).want(200)).Warnings); got != "" {
		t.Errorf("no default prompt: %q", got)
	}
}

func TestAUserCannotMakeProjectsWithoutEnd(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	_, err := f.db.Write.Exec(`INSERT INTO projects (id, settings, secret_id, secret_hash, created_at, updated_at, revision)
		WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < $1)
		SELECT 'pk_more' || i, '{}', 'more' || i, secret_hash, 0, 0, 0 FROM n, projects`, account.MaxProjects)
	if err == nil {
		_, err = f.db.Write.Exec(`INSERT INTO members (project_id, user_id, role, created_at)
			SELECT p.id, m.user_id, 'owner', 0 FROM projects p, members m WHERE p.id LIKE 'pk_more%'`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if p := f.as(ann, "POST", "/api/projects", `{"name": "One more"}`).problem(409); p.Code != "too_many_projects" {
		t.Errorf("answered %+v", p)
	}
}
