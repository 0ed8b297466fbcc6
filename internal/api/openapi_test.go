package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/secret"
)

func describe(t *testing.T, f *fixture) map[string]any {
	t.Helper()
	f.key = "none: the document is for everybody"
	r := f.send("GET", "/api/openapi.json", "").want(200)
	return decode[map[string]any](r)
}

func TestTheDocumentIsOpenAPI31AndWhole(t *testing.T) {
	t.Parallel()
	doc := describe(t, setup(t, someProject))
	if doc["openapi"] != "3.1.0" {
		t.Errorf("openapi %v, want 3.1.0", doc["openapi"])
	}
	used := map[string]bool{}
	walk(doc, func(path string, node map[string]any) {
		ref, ok := node["$ref"].(string)
		if !ok {
			return
		}
		used[ref] = true
		at := any(doc)
		for _, part := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
			m, _ := at.(map[string]any)
			if at, ok = m[part]; !ok {
				t.Errorf("%s: %s leads nowhere", path, ref)
				return
			}
		}
	})
	for _, kind := range []string{"schemas", "responses"} {
		for name := range doc["components"].(map[string]any)[kind].(map[string]any) {
			if ref := "#/components/" + kind + "/" + name; !used[ref] {
				t.Errorf("nothing refers to %s", ref)
			}
		}
	}
	if text, _ := json.Marshal(doc); strings.Contains(string(text), "$schema") || strings.Contains(string(text), "unpkg") {
		t.Error("the document has $schema links or a documentation page")
	}
}

func walk(v any, visit func(path string, node map[string]any)) { walkAt("#", v, visit) }

func walkAt(path string, v any, visit func(string, map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(path, v)
		for name, child := range v {
			walkAt(path+"/"+name, child, visit)
		}
	case []any:
		for i, child := range v {
			walkAt(path+"/"+strconv.Itoa(i), child, visit)
		}
	}
}

// controlPaths are the paths of the control plane.
func controlPaths(doc huma.API) map[string]*huma.PathItem {
	paths := maps.Clone(doc.OpenAPI().Paths)
	maps.DeleteFunc(paths, func(path string, _ *huma.PathItem) bool { return !strings.HasPrefix(path, "/api/") })
	return paths
}

func TestEveryOperationOfTheContractIsDocumented(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	var got []string
	for pattern, op := range operations(doc) {
		method, path, _ := strings.Cut(pattern, " ")
		got = append(got, strings.TrimSpace(method+" "+strings.TrimPrefix(path, "/api/projects/{projectId}")))
		if op.OperationID == "" || op.Summary == "" || len(op.Tags) == 0 {
			t.Errorf("%s: no id, summary or tag", pattern)
		}
		var params []string
		for _, p := range op.Parameters {
			params = append(params, p.In+":"+p.Name)
			if p.Description == "" {
				t.Errorf("%s: %s is not described", pattern, p.Name)
			}
		}
		for _, name := range wildcards.FindAllStringSubmatch(path, -1) {
			if !slices.Contains(params, "path:"+name[1]) {
				t.Errorf("%s: parameters %q lack %s", pattern, params, name[1])
			}
		}
		if strings.Contains(path, "/identities") && (method == "POST") != slices.Contains(params, "header:Idempotency-Key") {
			t.Errorf("%s: parameters %q", pattern, params)
		}
		statuses := []string{"400", "403", "500", "503"}
		if len(op.Security) > 0 {
			statuses = append(statuses, "401")
		}
		for _, status := range statuses {
			if op.Responses[status] == nil {
				t.Errorf("%s: %s is not documented", pattern, status)
			}
		}
		ofKeys := slices.Contains([]string{"setProvider", "testProvider", "changeProject"}, op.OperationID)
		if (op.Responses["422"] != nil) != ofKeys || op.Responses["default"] != nil {
			t.Errorf("%s: documents an answer that is never given", pattern)
		}
	}
	slices.Sort(got)
	want := []string{
		"DELETE /api/auth/sessions",
		"DELETE /api/auth/sessions/{session}",
		"DELETE /identities/{identity}",
		"DELETE /members/{member}",
		"DELETE /prompts/{prompt}",
		"DELETE /providers/{provider}",
		"DELETE",
		"GET /api/auth/me",
		"GET /api/auth/sessions",
		"GET /api/meta",
		"GET /api/projects",
		"GET /audit",
		"GET /exports/audit.csv",
		"GET /exports/identities.csv",
		"GET /exports/usage.csv",
		"GET /exposure",
		"GET /first-request",
		"GET /identities",
		"GET /identities/{identity}",
		"GET /identities/{identity}/credits",
		"GET /identities/{identity}/history",
		"GET /identities/{identity}/usage",
		"GET /limits/near",
		"GET /live",
		"GET /members",
		"GET /models",
		"GET /operations/{operationId}",
		"GET /overview",
		"GET /prompts",
		"GET /prompts/{prompt}",
		"GET /prompts/{prompt}/versions",
		"GET /prompts/{prompt}/versions/{version}",
		"GET /providers",
		"GET /providers/{provider}", "GET /security/events", "POST /security/test",
		"GET /settings/versions",
		"GET /settings/versions/{n}",
		"GET /usage",
		"GET /usage/top",
		"GET",
		"PATCH /members/{member}",
		"PATCH",
		"POST /api/auth/invitations/accept",
		"POST /api/auth/logout",
		"POST /api/auth/magic-link/request",
		"POST /api/auth/magic-link/verify",
		"POST /api/auth/setup",
		"POST /api/projects",
		"POST /identities",
		"POST /identities/bulk",
		"POST /identities/{identity}/gift",
		"POST /identities/{identity}/promo",
		"POST /identities/{identity}/reset",
		"POST /imports",
		"POST /invitations/{invitation}/resend",
		"POST /limit-response/preview",
		"POST /limits/explain",
		"POST /members",
		"POST /operations",
		"POST /operations/{operationId}/cancel",
		"POST /prompts",
		"POST /prompts/{prompt}/render",
		"POST /prompts/{prompt}/versions/{version}/restore",
		"POST /providers/test",
		"POST /regenerate-secret",
		"POST /settings/versions/{n}/restore",
		"PUT /identities/{identity}",
		"PUT /prompts/{prompt}",
		"PUT /providers/{provider}",
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("operations (-want +got):\n%s", diff)
	}
}

// Every operation, called with its own example, answers as documented.
func TestExamplesWork(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	schemas := doc.OpenAPI().Components.Schemas
	for pattern, op := range operations(doc) {
		method, path, _ := strings.Cut(pattern, " ")
		if op.OperationID == "watchRequests" { // a stream: TestLive
			continue
		}
		t.Run(op.OperationID, func(t *testing.T) {
			t.Parallel()
			f := setup(t, someProject)
			f.use("user-123", 10, 7)
			f.send("POST", f.prompts(), `{"name": "kept", "content": "{{app}} in {{language}}"}`).want(201)
			f.send("PUT", "/api/projects/"+f.project+"/providers/openai", `{"key": "sk-proj-0123456789-abcdWXYZ"}`).want(200)
			body := ""
			ready := f.ready(op)
			if op.RequestBody != nil {
				if media := op.RequestBody.Content[jsonType]; media != nil {
					body = string(media.Example.(json.RawMessage))
					validate(t, schemas, media.Schema, huma.ModeWriteToServer, body)
				} else {
					body = op.RequestBody.Content[fileType].Example.(string)
					ready.headers = append(ready.headers, "Content-Type", fileType)
				}
			}
			body = strings.ReplaceAll(body, aToken, ready.token)
			at := strings.NewReplacer("{projectId}", f.project, "{identity}", "user-123", "{session}", ready.id, "{member}", ready.id, "{invitation}", ready.id, "{provider}", "openai", "{prompt}", "kept", "{version}", "1", "{n}", "1").Replace(path)
			if before, after, ok := strings.Cut(at, "{operationId}"); ok {
				at = before + f.start(`{"action": "reset", "items": ["user-123"]}`) + after
			}
			r := f.send(method, at, body, ready.headers...)
			res := op.Responses[strconv.Itoa(r.status)]
			if res == nil || r.status >= 300 {
				t.Fatalf("status %d is not documented as a success: %s", r.status, r.body)
			}
			if r.status == http.StatusNoContent {
				return
			}
			if res.Content["text/csv"] != nil {
				if got := r.header.Get("Content-Type"); got != csvType {
					t.Errorf("Content-Type %q", got)
				}
				return
			}
			for status, res := range op.Responses {
				if status[0] == '2' {
					validate(t, schemas, res.Content[jsonType].Schema, huma.ModeReadFromServer, string(res.Content[jsonType].Example.(json.RawMessage)))
				}
			}
			validate(t, schemas, res.Content[jsonType].Schema, huma.ModeReadFromServer, string(r.body))
			documented := fieldsOf(t, schemas, res.Content[jsonType].Schema)
			got := decode[map[string]any](r)
			documented = slices.DeleteFunc(documented, func(name string) bool { // fields without a value are left out
				return (name == "warnings" || name == "test") && got[name] == nil
			})
			if diff := cmp.Diff(documented, slices.Sorted(maps.Keys(got))); diff != "" {
				t.Errorf("fields of the answer (-documented +got):\n%s", diff)
			}
		})
	}
}

// preparation is what a call needs so that it succeeds with the document's example.
type preparation struct {
	token   string   // in place of the example's
	id      string   // of what the path names
	headers []string // in place of the secret key's
}

// ready prepares a call. One that no secret key may make is an owner's.
func (f *fixture) ready(op *huma.Operation) (p preparation) {
	f.t.Helper()
	if a := op.Metadata[accessKey].(access); a == accessOpen {
		p.headers = []string{"Authorization", ""}
	} else if !a.takesKeys() {
		p.headers = []string{"Authorization", "", "Cookie", f.signIn("ann@example.com", account.Owner)}
	}
	invite := func() {
		p.token = secret.NewToken()
		i, err := f.store.Invite(f.t.Context(), account.Invitation{ID: "in_1", Project: f.project, Email: "bob@example.com", Role: account.Viewer,
			ExpiresAt: noon.Add(time.Hour)}, secret.Hash(p.token))
		if err != nil {
			f.t.Fatal(err)
		}
		p.id = i.ID
	}
	switch op.OperationID {
	case "setUp":
		p.token = f.setupToken()
	case "verifyMagicLink":
		f.browser().ask("ann@example.com")
		p.token, _ = proofs(f.t, f.mailed())
	case "acceptInvitation":
		f.signIn("ann@example.com", account.Owner)
		invite()
	case "resendInvitation":
		invite()
	case "endSession":
		p.id = decode[Sessions](f.send("GET", sessionsPath, "", p.headers...)).Items[0].ID
	case "changeMember", "removeMember":
		f.signIn("bob@example.com", account.Viewer)
		_, ids := f.people(p.headers[3])
		p.id = ids["bob@example.com"]
	}
	return p
}

func fieldsOf(t *testing.T, schemas huma.Registry, s *huma.Schema) []string {
	t.Helper()
	if len(s.OneOf) > 0 { // the first one is that of the example
		s = s.OneOf[0]
	}
	if s.Ref != "" {
		s = schemas.SchemaFromRef(s.Ref)
	}
	return slices.Sorted(maps.Keys(s.Properties))
}

func validate(t *testing.T, schemas huma.Registry, s *huma.Schema, mode huma.ValidateMode, text string) {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var res huma.ValidateResult
	huma.Validate(schemas, s, huma.NewPathBuffer(nil, 0), mode, v, &res)
	for _, err := range res.Errors {
		t.Errorf("not as documented: %v: %s", err, text)
	}
}

// The types that describe requests and the decoders that read them know the same fields.
func TestRequestsAreDocumentedAsTheyAreRead(t *testing.T) {
	t.Parallel()
	_, doc := build(Options{})
	schemas := doc.OpenAPI().Components.Schemas.Map()
	for name, read := range map[string]func([]byte) error{
		"GiftRequest":  func(b []byte) error { _, _, err := readGift(b); return err },
		"PromoRequest": func(b []byte) error { _, _, err := readPromo(b); return err },
		"ResetRequest": func(b []byte) error { _, _, _, err := readReset(b); return err },
		"NewIdentity":  func(b []byte) error { _, err := readNew(&project.Snapshot{}, b); return err },
		"IdentityFields": func(b []byte) error {
			_, err := readUpdate(&project.Snapshot{}, "u", b)
			return err
		},
		"NewPrompt":      func(b []byte) error { _, err := readNewPrompt(b); return err },
		"PromptFields":   func(b []byte) error { var f promptFields; return readBody(b, f.fields()) },
		"RestoreRequest": func(b []byte) error { _, err := readRestore(b); return err },
		"RenderRequest":  func(b []byte) error { _, _, err := readRender(b); return err },
		"NewIdentities":  func(b []byte) error { _, err := readMany(&project.Snapshot{}, b); return err },
	} {
		err := read([]byte(`{"nothing is called so": 1}`))
		_, known, _ := strings.Cut(err.Error(), "known here are ")
		known, _, _ = strings.Cut(known, " (and")
		got := strings.Split(known, ", ")
		if name == "IdentityFields" { // may repeat what the path says
			got = slices.DeleteFunc(got, func(s string) bool { return s == "identity" })
		}
		if diff := cmp.Diff(slices.Sorted(maps.Keys(schemas[name].Properties)), got); diff != "" {
			t.Errorf("%s (-documented +read):\n%s", name, diff)
		}
		if schemas[name].AdditionalProperties != false {
			t.Errorf("%s does not say that it is strict", name)
		}
	}
	for _, name := range []string{"Identity", "Gift", "Problem", "Usage", "Totals"} {
		if schemas[name].AdditionalProperties != nil {
			t.Errorf("%s says that it will never get another field", name)
		}
	}
}
