package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/provider"
	"github.com/airatelimit/airatelimit/internal/wire"
)

const (
	providersTag  = "providers"
	providersPath = thisProject + "/providers"
	providerPath  = providersPath + "/{provider}"
)

// ListedProvider is a provider of a project, built in or the project's own.
type ListedProvider struct {
	Name           string              `json:"name" doc:"The name that stands before a model, as in groq/llama-3, and in x-provider."`
	BuiltIn        bool                `json:"builtIn"`
	Configured     bool                `json:"configured" doc:"Whether the project's settings list it. The built-in echo serves requests only then."`
	Dialect        string              `json:"dialect" enum:"openai,anthropic,gemini" doc:"The API that it speaks. The built-in echo speaks all three."`
	BaseURL        string              `json:"baseUrl" doc:"Empty for echo, which has no address."`
	Models         []string            `json:"models" doc:"Keys of the models that it serves, beside those that its name tells."`
	AllowedObjects []string            `json:"allowedObjects"`
	StreamUsage    *bool               `json:"streamUsage"`
	ForwardHeaders []string            `json:"forwardHeaders"`
	ReturnHeaders  []string            `json:"returnHeaders"`
	Key            orNull[ProviderKey] `json:"key" doc:"The stored key. Null: there is none, and apps send their own."`

	Warnings []project.Warning `json:"warnings,omitempty" doc:"After a change: settings that were applied and are probably mistakes."`
	Test     *KeyTest          `json:"test,omitempty" doc:"With test=true: what the test has found."`
}

// orNull is an object or null.
type orNull[T any] struct{ is *T }

// MarshalJSON implements json.Marshaler.
func (o orNull[T]) MarshalJSON() ([]byte, error) { return json.Marshal(o.is) }

// Schema implements huma.SchemaProvider.
func (orNull[T]) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{r.Schema(reflect.TypeFor[T](), true, ""), {Type: "null"}}}
}

// ProviderKey is what may be shown of a stored key.
type ProviderKey struct {
	Mask        string             `json:"mask" doc:"Its last four characters."`
	SetAt       *time.Time         `json:"setAt" doc:"When it was stored. Null: before this was noted."`
	SetBy       orNull[KeyAuthor]  `json:"setBy" doc:"Who stored it."`
	LastUsedAt  *time.Time         `json:"lastUsedAt" doc:"The last answer that it was good for, to about a minute."`
	LastFailure orNull[KeyFailure] `json:"lastFailure" doc:"The last time that the provider refused the key or its account."`
}

// KeyAuthor is who stored a key.
type KeyAuthor struct {
	Kind  string `json:"kind" enum:"user,secretKey,cli,system"`
	ID    string `json:"id"`
	Email string `json:"email,omitempty"`
}

// KeyFailure is a refusal of a key.
type KeyFailure struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason" doc:"In words of this server, never the provider's."`
}

// ProviderList is the list of a project's providers.
type ProviderList struct {
	Items      []ListedProvider `json:"items" doc:"In the order of their names: all that are built in, and the project's own."`
	NextCursor *string          `json:"nextCursor" doc:"Always null: the list is whole."`
}

// KeyTest is the result of a test call.
type KeyTest struct {
	OK      bool    `json:"ok" doc:"Whether the provider takes the key."`
	Reason  *string `json:"reason" doc:"Why not: bad_key, no_credit, forbidden, wrong_vendor, unreachable, timeout or private_address. Null if ok."`
	Message string  `json:"message"`
	Next    *string `json:"next" doc:"What to do. Null if there is nothing to do."`
	Models  *int    `json:"models" doc:"How many models the key opens. Null if that is not known."`
	Millis  int64   `json:"ms" doc:"How long the call took."`
}

// TestRequest is the body of a test call.
type TestRequest struct {
	_ struct{} `additionalProperties:"false"`

	Name    *string `json:"name,omitempty" doc:"A provider by its name. Without key its stored key is tested."`
	BaseURL *string `json:"baseUrl,omitempty" doc:"The base URL of a provider that is not stored yet."`
	Dialect *string `json:"dialect,omitempty" enum:"openai,anthropic,gemini" doc:"With baseUrl: its dialect."`
	Key     *string `json:"key,omitempty" doc:"The key to test. It is not kept."`
}

// OfProvider are the parameters of an operation on one provider.
type OfProvider struct {
	InProject
	Provider string `path:"provider" doc:"The name of the provider." minLength:"1" maxLength:"32" example:"openai"`
}

const aProvider = `{"name": "openai", "builtIn": true, "configured": true, "dialect": "openai", "baseUrl": "https://api.openai.com/v1", "models": [], ` +
	`"allowedObjects": [], "streamUsage": null, "forwardHeaders": [], "returnHeaders": [], "key": {"mask": "••••••••WXYZ", "setAt": "2026-12-01T09:30:00Z", ` +
	`"setBy": {"kind": "user", "id": "us_7fTqLmXw", "email": "ada@example.com"}, "lastUsedAt": "2026-12-01T10:00:00Z", "lastFailure": null}}`

func (c *control) providers(doc huma.API) {
	tags := []string{providersTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "listProviders", Method: http.MethodGet, Path: providersPath, Tags: tags, Summary: "List providers",
	}, example{response: `{"items": [` + aProvider + `], "nextCursor": null}`}, nil, c.listProviders)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getProvider", Method: http.MethodGet, Path: providerPath, Tags: tags, Summary: "Read a provider",
		Description: "The ETag is that of the project's settings, which the provider is a part of.",
	}, example{response: aProvider}, []int{http.StatusNotFound}, c.getProvider)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "setProvider", Method: http.MethodPut, Path: providerPath, Tags: tags, Summary: "Set a provider or its key",
		Description: "An absent field keeps its value. Null removes one, and the key too. A mask that is sent back keeps the key, unless baseUrl leads to another host: " +
			"then the key must be given again, or the answer is 422 key_required. With test=true the key is " +
			"tested first: a key that the provider refuses is 422 key_refused unless force=true, and a key that could not be tested is stored.",
	}, example{`{"key": "sk-proj-0123456789-abcdWXYZ"}`, aProvider},
		[]int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusUnprocessableEntity}, c.setProvider)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "deleteProvider", Method: http.MethodDelete, Path: providerPath, Tags: tags, Summary: "Remove a provider and its key",
		Description: "A built-in provider stays, without settings and without a key.",
	}, example{}, []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, c.deleteProvider)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "testProvider", Method: http.MethodPost, Path: providersPath + "/test", Tags: tags, Summary: "Test a provider's key",
		Description: "The provider is asked for its list of models, once and for ten seconds at most. Nothing is stored. Without key the stored one is tested, at its own " +
			"host only: with a baseUrl of another host the answer is 422 key_required.",
	}, example{`{"name": "openai", "key": "sk-proj-0123456789-abcdWXYZ"}`,
		`{"ok": true, "reason": null, "message": "openai takes this key.", "next": null, "models": 62, "ms": 412}`}, []int{http.StatusNotFound, http.StatusUnprocessableEntity}, c.testProvider)
}

func unknownProvider() *problem {
	return refuse(http.StatusNotFound, "unknown_provider", "The project has no such provider. Set it first, with its baseUrl and dialect.")
}

// offered returns a provider of a project, or the echo, which every project may list.
func offered(s *project.Snapshot, name string) (*project.Provider, bool) {
	p, ok := s.Provider(name)
	if !ok && name == project.Echo {
		return project.NewEcho(), true
	}
	return p, ok
}

// offeredNames are the names of the providers that offered finds, sorted.
func offeredNames(s *project.Snapshot) []string {
	names := append(s.ProviderNames(), project.Echo)
	slices.Sort(names)
	return slices.Compact(names)
}

// listed shows a provider of a record, whose settings are in force with snapshot p.
func listedProvider(rec project.Record, p *project.Provider) ListedProvider {
	fields, configured := rec.Settings.Providers[p.Name]
	out := ListedProvider{Name: p.Name, BuiltIn: p.Builtin, Configured: configured, Dialect: p.Dialect.String(), BaseURL: p.BaseURL,
		Models: orEmpty(fields.Models), AllowedObjects: orEmpty(fields.AllowedObjects), StreamUsage: fields.StreamUsage,
		ForwardHeaders: orEmpty(fields.ForwardHeaders), ReturnHeaders: orEmpty(fields.ReturnHeaders)}
	if p.Echoes() {
		out.BaseURL = ""
	}
	if k, ok := rec.Keys[p.Name]; ok {
		key := &ProviderKey{Mask: k.Mask, SetAt: timeOrNull(k.SetAt), LastUsedAt: timeOrNull(k.LastUsedAt)}
		if k.SetBy.Kind != "" {
			key.SetBy.is = &KeyAuthor{string(k.SetBy.Kind), k.SetBy.ID, k.SetBy.Email}
		}
		if !k.FailedAt.IsZero() {
			key.LastFailure.is = &KeyFailure{k.FailedAt, k.Failure}
		}
		out.Key.is = key
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// providersOf prepares the providers of a record, without opening their keys.
func providersOf(rec project.Record) (*project.Snapshot, error) {
	return project.NewSnapshot(rec, func(string, string) (string, error) { return "", errors.New("the key stays sealed") })
}

func (c *control) listProviders(ctx context.Context, _ *projectInput) (*tagged[ProviderList], error) {
	rec, err := c.record(ctx)
	if err != nil {
		return nil, err
	}
	s, err := providersOf(rec)
	if err != nil {
		return nil, err
	}
	out := ProviderList{Items: []ListedProvider{}}
	for _, name := range offeredNames(s) {
		p, _ := offered(s, name)
		out.Items = append(out.Items, listedProvider(rec, p))
	}
	return &tagged[ProviderList]{http.StatusOK, tagOf(rec.Version), out}, nil
}

func (c *control) getProvider(ctx context.Context, in *OfProvider) (*tagged[ListedProvider], error) {
	rec, err := c.record(ctx)
	if err != nil {
		return nil, err
	}
	return answerProvider(rec, in.Provider)
}

func answerProvider(rec project.Record, name string) (*tagged[ListedProvider], error) {
	s, err := providersOf(rec)
	if err != nil {
		return nil, err
	}
	p, ok := offered(s, name)
	if !ok {
		return nil, unknownProvider()
	}
	return &tagged[ListedProvider]{http.StatusOK, tagOf(rec.Version), listedProvider(rec, p)}, nil
}

type setProviderInput struct {
	OfProvider
	Match
	Dry
	Reasoned
	Test  bool `query:"test" doc:"Tests the key before it is stored."`
	Force bool `query:"force" doc:"With test: stores a key that the provider refuses, too."`
	Body  body[project.ProviderFields]
}

func (c *control) setProvider(ctx context.Context, in *setProviderInput) (*tagged[ListedProvider], error) {
	patch, err := providerPatch(in.Provider, in.Body.data)
	if err != nil {
		return nil, err
	}
	var test *KeyTest
	if in.Test {
		if test, err = c.testChange(ctx, in, patch); err != nil {
			return nil, err
		}
	}
	rec, err := c.editProviders(ctx, in.Provider, in.Match, in.Reason, ledger.ActionSetProvider, func(rec project.Record) (project.Settings, error) {
		return rec.Document().Merge(patch)
	})
	if err != nil {
		return nil, err
	}
	out, err := answerProvider(rec, in.Provider)
	if err != nil {
		return nil, err
	}
	out.Body.Test = test
	out.Body.Warnings, err = c.warnings(ctx, rec.Key, rec.Settings, rec.Settings)
	return out, err
}

// providerPatch returns the merge patch of the settings that a body changes a provider by.
func providerPatch(name string, body []byte) ([]byte, error) {
	v, err := parse(body)
	if err != nil {
		return nil, err
	}
	if v.Kind() != document.Object { // null would remove the provider and its key
		return nil, wrong("body", "must be an object, not %s", v.Describe())
	}
	return encode(map[string]any{"providers": map[string]json.RawMessage{name: body}})
}

// inProvider turns an error about a field of a provider's settings into one about the body.
func inProvider(name string, err error) error {
	var field *document.FieldError
	if !errors.As(err, &field) {
		return err
	}
	at, own := strings.CutPrefix(field.Path, document.Join("providers", name))
	if !own || at != "" && at[0] != '.' { // another setting, which the change does not fit
		return wrong("body", "does not fit the project's settings: %s", field.Error())
	}
	return ofSettings(err, fieldProblem{"body" + at, field.Problem})
}

// editProviders changes the settings of a project's providers, which are a part of its settings.
func (c *control) editProviders(ctx context.Context, name string, m Match, reason, action string,
	edit func(project.Record) (project.Settings, error)) (rec project.Record, err error) {
	apply := func(rec project.Record) (project.Settings, error) {
		current, err := answerProvider(rec, name)
		if err != nil && !errors.As(err, new(*problem)) {
			return project.Settings{}, err
		}
		var shown any
		if current != nil {
			shown = current.Body
		}
		if err := m.check(ctx, tagOf(rec.Version), shown); err != nil {
			return project.Settings{}, err
		}
		return edit(rec)
	}
	if callOf(ctx).dry {
		var change tried
		change, err = c.tryEdit(ctx, apply)
		rec = change.after
	} else {
		rec, err = c.Records.EditProject(c.causeOf(context.WithoutCancel(ctx), reason), projectOf(ctx).Key, action, apply)
	}
	return rec, away(inProvider(name, err))
}

type deleteProviderInput struct {
	OfProvider
	Match
	Dry
	Reasoned
}

func (c *control) deleteProvider(ctx context.Context, in *deleteProviderInput) (*struct{}, error) {
	_, err := c.editProviders(ctx, in.Provider, in.Match, in.Reason, ledger.ActionDeleteProvider, func(rec project.Record) (project.Settings, error) {
		settings := rec.Document()
		if _, ok := settings.Providers[in.Provider]; !ok {
			return settings, unknownProvider()
		}
		delete(settings.Providers, in.Provider)
		return settings, nil
	})
	return nil, err
}

// testChange tests the key that a change leaves. The provider's refusal is an error unless the change is forced.
func (c *control) testChange(ctx context.Context, in *setProviderInput, patch []byte) (*KeyTest, error) {
	rec, err := c.record(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := rec.Document().Merge(patch)
	if err != nil {
		return nil, inProvider(in.Provider, err)
	}
	fields := settings.Providers[in.Provider]
	given := &fields.Key
	if k, kept := rec.Keys[in.Provider]; kept && k.Mask == fields.Key {
		given = nil
	}
	test, finding, err := c.check(ctx, in.Provider, fields, given)
	if err == nil && finding.Reason.Refused() && !in.Force {
		p := refuse(http.StatusUnprocessableEntity, "key_refused", "%s %s", finding.Message, finding.Next)
		p.Test = test
		err = p
	}
	return test, err
}

// candidate returns the provider that the fields make, with the given key, or else with the stored key if that may go there.
func (c *control) candidate(ctx context.Context, name string, fields project.ProviderFields, given *string) (*project.Provider, error) {
	key := ""
	if given != nil {
		key = *given
	} else if stored, ok := projectOf(ctx).Provider(name); ok {
		to, err := project.Candidate(name, fields, "")
		if err != nil {
			return nil, err
		}
		if key, err = stored.KeyFor(to); err != nil {
			return nil, err
		}
	}
	return project.Candidate(name, fields, key)
}

// check asks a provider for its models, with the given key or, if that is nil, with the stored one.
func (c *control) check(ctx context.Context, name string, fields project.ProviderFields, given *string) (*KeyTest, provider.Finding, error) {
	p, err := c.candidate(ctx, name, fields, given)
	switch {
	case err != nil:
		return nil, provider.Finding{}, inProvider(name, err)
	case p.Echoes() && given != nil && *given != "":
		return nil, provider.Finding{}, wrong("body.key", "does nothing: the built-in provider echo needs no key; leave it out")
	case p.Builtin && !p.Echoes() && p.Key == "":
		return nil, provider.Finding{}, wrong("body.key", "is missing: %s has no stored key to test", name)
	}
	began := c.Now()
	f := provider.Check(ctx, c.Transport, p)
	out := &KeyTest{OK: f.Reason == "", Message: f.Message, Millis: c.Now().Sub(began).Milliseconds()}
	if f.Reason != "" {
		out.Reason, out.Next = new(string(f.Reason)), &f.Next
	}
	if f.Models > 0 {
		out.Models = &f.Models
	}
	return out, f, nil
}

type testProviderInput struct {
	InProject
	Body body[TestRequest]
}

// candidateName is the name of a provider that is tested before it has one.
const candidateName = "candidate"

func (c *control) testProvider(ctx context.Context, in *testProviderInput) (*answer[KeyTest], error) {
	req, err := readTest(in.Body.data)
	if err != nil {
		return nil, err
	}
	name, fields := candidateName, project.ProviderFields{}
	if req.Name != nil {
		name = *req.Name
		if _, known := offered(projectOf(ctx), name); !known && req.BaseURL == nil {
			return nil, unknownProvider()
		}
		rec, err := c.record(ctx)
		if err != nil {
			return nil, err
		}
		fields = rec.Settings.Providers[name]
	}
	if req.BaseURL != nil {
		fields.BaseURL = req.BaseURL
	}
	if req.Dialect != nil {
		fields.Dialect = req.Dialect
	}
	test, _, err := c.check(ctx, name, fields, req.Key)
	if err != nil {
		return nil, err
	}
	return show(*test)
}

// readTest reads the body of a test call.
func readTest(data []byte) (req TestRequest, err error) {
	err = readBody(data, document.Fields{
		"name":    checkedText(&req.Name, printableProblem),
		"baseUrl": checkedText(&req.BaseURL, printableProblem),
		"dialect": checkedText(&req.Dialect, func(s string) string {
			if _, ok := wire.ParseDialect(s); !ok {
				return "must be one of " + strings.Join(wire.DialectNames(), ", ")
			}
			return ""
		}),
		"key": checkedText(&req.Key, project.KeyProblem),
	})
	switch {
	case err != nil:
	case req.Name == nil && req.BaseURL == nil:
		err = wrong("body.name", "is missing: name a provider, or give baseUrl and dialect")
	case req.Name == nil && req.Dialect == nil:
		err = wrong("body.dialect", "is missing: one of %s", strings.Join(wire.DialectNames(), ", "))
	}
	return req, err
}

func printableProblem(s string) string {
	if s == "" || len(s) > 2048 || !document.Printable(s) {
		return "must be 1 to 2048 bytes of printable text"
	}
	return ""
}
