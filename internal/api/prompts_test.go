package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

// prompts returns the path of the project's prompts, and of something below them.
func (f *fixture) prompts(below ...string) string {
	path := "/api/projects/" + f.project + "/prompts"
	for _, part := range below {
		path += "/" + url.PathEscape(part)
	}
	return path
}

const theText = "You are the assistant of {{app}}. Never tell anybody about XYZZY."

func TestPrompts_liveThroughTheirVersions(t *testing.T) {
	t.Parallel()
	f := setup(t, `{"name": "A", "defaultPrompt": "assistant/v1"}`)
	if got := string(f.send("GET", f.prompts(), "").want(200).body); got != `{"items":[],"nextCursor":null}`+"\n" {
		t.Errorf("no prompts: %s", got)
	}
	r := f.send("POST", f.prompts()+"?reason=first", `{"name": "assistant/v1", "content": `+quoted(theText)+`, "description": "d"}`).want(201)
	made := decode[Prompt](r)
	if made.Version != 1 || !made.Enabled || !made.Default || *made.Content != theText || made.By.Kind != "secretKey" || made.By.ID == "" ||
		!made.At.Equal(noon) || made.Bytes != len(theText) || !slices.Equal(made.Variables, []string{"app"}) || r.header.Get("ETag") != `"v1"` {
		t.Errorf("created %+v, ETag %s", made, r.header.Get("ETag"))
	}
	f.send("POST", f.prompts(), `{"name": "other", "content": "x", "enabled": false}`).want(201)

	path := f.prompts("assistant/v1")
	r = f.send("PUT", path, `{"content": "second"}`).want(200)
	if p := decode[Prompt](r); p.Version != 2 || *p.Content != "second" || p.Description != "d" || !p.Enabled || r.header.Get("ETag") != `"v2"` {
		t.Errorf("updated %+v", p)
	}
	f.send("PUT", path, `{"enabled": false, "description": ""}`).want(200)
	r = f.send("POST", path+"/versions/1/restore", `{"reason": "better"}`).want(200)
	if p := decode[Prompt](r); p.Version != 4 || *p.Content != theText || p.Description != "d" || p.Enabled || *p.Restored != 1 {
		t.Errorf("restored %+v", p)
	}
	f.send("POST", path+"/versions/2/restore", "").want(200)

	first := decode[PromptVersions](f.send("GET", path+"/versions?limit=3", "").want(200))
	rest := decode[PromptVersions](f.send("GET", path+"/versions?limit=3&cursor="+*first.NextCursor, "").want(200))
	var numbers []int64
	for _, v := range append(first.Items, rest.Items...) {
		numbers = append(numbers, v.Version)
		if v.Content != nil {
			t.Errorf("a listed version has its text: %+v", v)
		}
	}
	if !slices.Equal(numbers, []int64{5, 4, 3, 2, 1}) || rest.NextCursor != nil {
		t.Errorf("versions %v, then %v", numbers, rest.NextCursor)
	}
	if v := decode[PromptVersion](f.send("GET", path+"/versions/2", "").want(200)); v.Version != 2 || *v.Content != "second" {
		t.Errorf("version 2: %+v", v)
	}

	list := decode[PromptList](f.send("GET", f.prompts()+"?limit=1", "").want(200))
	next := decode[PromptList](f.send("GET", f.prompts()+"?limit=1&cursor="+*list.NextCursor, "").want(200))
	if len(list.Items) != 1 || list.Items[0].Name != "assistant/v1" || len(next.Items) != 1 || next.Items[0].Name != "other" || next.NextCursor != nil {
		t.Errorf("pages %+v and %+v", list, next)
	}
	f.send("DELETE", path, "").want(204)
	if p := f.send("GET", path, "").problem(404); p.Code != "unknown_prompt" {
		t.Errorf("deleted: %+v", p)
	}
	want := []string{"createProject|", "createPrompt|first", "createPrompt|", "updatePrompt|", "updatePrompt|", "restorePrompt|better", "restorePrompt|", "deletePrompt|"}
	var got []string
	for _, line := range f.audit("") {
		got = append(got, line[:strings.LastIndex(line, "|")])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	if trail := strings.Join(f.audit(""), "\n"); strings.Contains(trail, "XYZZY") || strings.Contains(f.log.String(), "XYZZY") {
		t.Error("the audit trail or the log has the text")
	}
}

// quoted is a text as JSON.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// Lists and viewers never see a text.
func TestPrompts_textsAreForAdmins(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", f.prompts(), `{"name": "p", "content": `+quoted(theText)+`}`).want(201)
	viewer, admin := f.signIn("viewer@example.com", account.Viewer), f.signIn("admin@example.com", account.Admin)
	reads := []string{f.prompts(), f.prompts("p"), f.prompts("p", "versions"), f.prompts("p", "versions", "1")}
	for _, path := range reads {
		for who, cookie := range map[string]string{"viewer": viewer, "admin": admin} {
			body := string(f.as(cookie, "GET", path, "").want(200).body)
			one := path == reads[1] || path == reads[3]
			if shown := strings.Contains(body, "XYZZY"); shown != (who == "admin" && one) {
				t.Errorf("%s of %s: the text is shown: %v; %s", path, who, shown, body)
			}
			if strings.Contains(body, `"app"`) && who == "viewer" {
				t.Errorf("%s shows a viewer the variables: %s", path, body)
			}
		}
	}
	for _, call := range [][2]string{{"POST", f.prompts("p", "render")}, {"PUT", f.prompts("p")}, {"POST", f.prompts("p", "versions", "1", "restore")}, {"DELETE", f.prompts("p")}} {
		if p := f.as(viewer, call[0], call[1], `{}`, "If-Match", "*").problem(403); p.Code != "role_too_small" {
			t.Errorf("%v by a viewer: %+v", call, p)
		}
	}
}

func TestPrompts_sessionsSayWhichVersionTheyHaveSeen(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	admin := f.signIn("admin@example.com", account.Admin)
	f.as(admin, "POST", f.prompts(), `{"name": "p", "content": "first"}`).want(201)
	changes := map[string][2]string{"PUT": {f.prompts("p"), `{"content": "mine"}`}, "POST": {f.prompts("p", "versions", "1", "restore"), `{}`}, "DELETE": {f.prompts("p"), ""}}
	f.send("PUT", f.prompts("p"), `{"content": "theirs"}`).want(200)
	for method, change := range changes {
		if p := f.as(admin, method, change[0], change[1]).problem(428); p.Code != "if_match_required" {
			t.Errorf("%s without If-Match: %+v", method, p)
		}
		r := f.as(admin, method, change[0], change[1], "If-Match", `"v1"`)
		p := r.problem(412)
		current, _ := p.Current.(map[string]any)
		if p.Code != "document_changed" || r.header.Get("ETag") != `"v2"` || current["content"] != "theirs" {
			t.Errorf("%s of an older version: %s, ETag %s", method, r.body, r.header.Get("ETag"))
		}
		f.send(method, change[0], change[1], "If-Match", `"v7"`).problem(412) // a server may say it, too
	}
	r := f.as(admin, "PUT", f.prompts("p"), `{"content": "mine"}`, "If-Match", `W/"v2"`).want(200)
	if p := decode[Prompt](r); p.Version != 3 || p.By.Kind != "user" || p.By.Email != "admin@example.com" {
		t.Errorf("updated %+v", p)
	}
	f.as(admin, "POST", f.prompts("p", "versions", "2", "restore"), `{}`, "If-Match", "*").want(200)
	f.as(admin, "DELETE", f.prompts("p"), "", "If-Match", `"v1", "v4"`).want(204)
}

func TestPrompts_render(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", f.prompts(), `{"name": "p", "content": "{{a}} and {{b}} and {{c}}"}`).want(201)
	f.send("PUT", f.prompts("p"), `{"content": "now {{a}}"}`).want(200)
	render := f.prompts("p", "render")
	got := decode[RenderedPrompt](f.send("POST", render, `{"variables": {"a": "{{b}}", "b": "B", "z": ""}, "version": 1}`).want(200))
	if diff := cmp.Diff(RenderedPrompt{Text: "{{b}} and B and {{c}}", Missing: []string{"c"}, Unused: []string{"z"}}, got); diff != "" {
		t.Errorf("rendered (-want +got):\n%s", diff)
	}
	if got := string(f.send("POST", render, `{"variables": {"a": "x"}}`).want(200).body); got != `{"text":"now x","missing":[],"unused":[]}`+"\n" {
		t.Errorf("rendered %s", got)
	}
	f.send("POST", render, `{"variables": {"a": 1}}`).faults("body.variables.a")
	f.send("POST", render, `{"variables": {"a": "`+strings.Repeat("x", maxPromptVariable+1)+`"}}`).faults("body.variables.a")
	f.send("POST", render, `{"variables": [], "version": 0}`).faults("body.variables", "body.version")
	f.send("POST", render, `{"version": 9}`).problem(404)
	f.send("POST", f.prompts("q", "render"), `{}`).problem(404)
}

func TestPrompts_triedChangesChangeNothing(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", f.prompts()+"?dryRun=true", `{"name": "q", "content": "x"}`).want(201)
	f.send("GET", f.prompts("q"), "").problem(404)
	f.send("POST", f.prompts(), `{"name": "p", "content": "first"}`).want(201)
	if p := decode[Prompt](f.send("PUT", f.prompts("p")+"?dryRun=true", `{"content": "second"}`).want(200)); p.Version != 2 || *p.Content != "second" {
		t.Errorf("tried %+v", p)
	}
	f.send("POST", f.prompts("p", "versions", "1", "restore")+"?dryRun=true", `{}`).want(200)
	f.send("DELETE", f.prompts("p")+"?dryRun=true", "").want(204)
	if p := decode[Prompt](f.send("GET", f.prompts("p"), "").want(200)); p.Version != 1 || *p.Content != "first" {
		t.Errorf("after trials %+v", p)
	}
	if n := len(f.audit("")); n != 2 {
		t.Errorf("%d lines in the audit trail, want those of the two creations", n)
	}
}

func TestPrompts_refuseWhatCannotBeStored(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.send("POST", f.prompts(), `{"name": "p", "content": "x"}`).want(201)
	if p := f.send("POST", f.prompts(), `{"name": "p", "content": "y"}`).problem(409); p.Code != "prompt_exists" {
		t.Errorf("a second one of the name: %+v", p)
	}
	for body, at := range map[string]string{
		`{}`: "body.content body.name", `{"name": "q"}`: "body.content", `{"name": " q", "content": "x"}`: "body.name", `{"name": "q", "content": ""}`: "body.content",
		`{"name": "q", "content": 5}`: "body.content", `{"name": "q", "content": "x", "enabled": "yes"}`: "body.enabled",
		`{"name": "q", "content": "x", "description": "a\nb"}`: "body.description", `{"name": "q", "content": "x", "version": 3}`: "body.version",
		`{"name": "q", "content": "x", "projectId": "pk_1"}`:                                          "body.projectId",
		`{"name": "q", "content": ` + quoted(strings.Repeat("y", prompt.MaxText+1)) + `}`:             "body.content",
		`{"name": "q", "content": ` + quoted(strings.Repeat("{{a}}", prompt.MaxPlaceholders+1)) + `}`: "body.content",
	} {
		p := f.send("POST", f.prompts(), body).faults(strings.Fields(at)...)
		if strings.Contains(fmt.Sprint(p), "yyyy") {
			t.Errorf("the problem quotes the text: %.200v", p)
		}
	}
	f.send("PUT", f.prompts("p"), `{"name": "r"}`).faults("body.name")
	f.send("PUT", f.prompts("none"), `{"content": "x"}`).problem(404)
	f.send("DELETE", f.prompts("none"), "").problem(404)
	f.send("GET", f.prompts("none", "versions"), "").problem(404)
	f.send("POST", f.prompts("p", "versions", "2", "restore"), `{}`).problem(404)
	f.send("GET", f.prompts("p", "versions", "0"), "").problem(400)
	f.send("PUT", f.prompts("p")+"?reason=%00", `{"content": "x"}`).faults("query.reason")
	f.send("DELETE", f.prompts("p")+"?reason="+strings.Repeat("%C3%A4", 251), "").faults("query.reason")
	f.send("GET", f.prompts()+"?cursor=!", "").problem(400)
	f.send("GET", f.prompts("p", "versions")+"?cursor=eA", "").problem(400)
	f.send("GET", f.prompts()+"?limit=201", "").problem(400)
	for i := 1; i < prompt.MaxPrompts; i++ {
		f.send("POST", f.prompts(), fmt.Sprintf(`{"name": "p%d", "content": "x"}`, i)).want(201)
	}
	if p := f.send("POST", f.prompts(), `{"name": "more", "content": "x"}`).problem(409); p.Code != "too_many_prompts" {
		t.Errorf("one too many: %+v", p)
	}
}
