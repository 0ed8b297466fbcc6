package api

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/prompt"
)

const (
	promptsTag  = "prompts"
	promptsPath = "/api/projects/{projectId}/prompts"
	promptPath  = promptsPath + "/{prompt}"
	// maxPromptVariable bounds a variable, in bytes, as the data plane does.
	maxPromptVariable = 2 << 10
)

// Prompts keeps the stored system prompts.
type Prompts interface {
	Prompts(ctx context.Context, project, after string, limit int) ([]prompt.Record, error)
	Prompt(ctx context.Context, project, name string) (prompt.Record, error)
	PromptVersions(ctx context.Context, project, name string, before int64, limit int) ([]prompt.Version, error)
	PromptVersion(ctx context.Context, project, name string, number int64) (prompt.Version, error)
	SavePrompt(ctx context.Context, project, name string, by prompt.Change, edit func(old *prompt.Record) (prompt.Version, error)) (prompt.Record, error)
	DeletePrompt(ctx context.Context, project, name string, by prompt.Change, check func(old *prompt.Record) error) error
}

// Prompt is a stored system prompt.
type Prompt struct {
	Name      string    `json:"name" doc:"The name that requests send in systemPrompt."`
	Default   bool      `json:"default" doc:"Whether it is the project's defaultPrompt."`
	CreatedAt time.Time `json:"createdAt"`
	PromptVersion
}

// PromptVersion is a saved state of a prompt. Every save makes one.
type PromptVersion struct {
	Version     int64        `json:"version" doc:"From 1. Every save makes a new version."`
	Description string       `json:"description" doc:"A note for people."`
	Enabled     bool         `json:"enabled" doc:"A request that names a disabled prompt is refused."`
	Bytes       int          `json:"bytes" doc:"The length of the text."`
	Content     *string      `json:"content,omitempty" doc:"The text. Lists do not have it, and viewers do not see it."`
	Variables   []string     `json:"variables,omitempty" doc:"The names of the variables in the text, where the text is shown."`
	At          time.Time    `json:"updatedAt" doc:"When the version was saved."`
	By          PromptAuthor `json:"updatedBy" doc:"Who saved it."`
	Restored    *int64       `json:"restoredVersion" doc:"The version that this one restores; null for a new text."`
}

// PromptAuthor is who saved a version.
type PromptAuthor struct {
	Kind  ledger.ActorKind `json:"kind" enum:"user,secretKey,cli,system"`
	ID    string           `json:"id" doc:"The id of the user, or the public part of the secret key."`
	Email string           `json:"email,omitempty" doc:"The address of a user."`
}

// PromptList is a page of the list of prompts.
type PromptList struct {
	Items      []Prompt `json:"items" doc:"In the order of their names, without their texts."`
	NextCursor *string  `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

// PromptVersions is a page of the versions of a prompt.
type PromptVersions struct {
	Items      []PromptVersion `json:"items" doc:"The newest first, without their texts. The last 100 versions are kept."`
	NextCursor *string         `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

// RenderedPrompt is a prompt with its variables filled in.
type RenderedPrompt struct {
	Text    string   `json:"text" doc:"The text as a provider would get it. Missing variables stay as they are written."`
	Missing []string `json:"missing" doc:"Variables of the text without a value: a request that lacks one is refused."`
	Unused  []string `json:"unused" doc:"Given variables that the text does not have."`
}

// NewPrompt is a prompt to be stored.
type NewPrompt struct {
	_ struct{} `additionalProperties:"false"`

	Name string `json:"name" minLength:"1" maxLength:"128" doc:"The name that requests send in systemPrompt."`
	PromptFields
}

// PromptFields are the fields of a prompt that a call can set.
type PromptFields struct {
	_ struct{} `additionalProperties:"false"`

	Content     string `json:"content,omitempty" maxLength:"65536" doc:"The text, at most 64 KB. {{name}} is the place of a variable."`
	Description string `json:"description,omitempty" maxLength:"512" doc:"A note for people."`
	Enabled     bool   `json:"enabled,omitempty" default:"true" doc:"False refuses requests that name the prompt."`
}

// RestoreRequest is the body of a restoration.
type RestoreRequest struct {
	_ struct{} `additionalProperties:"false"`

	Reason string `json:"reason,omitempty" maxLength:"500" doc:"Why, for the audit trail."`
}

// RenderRequest is the body of a rendering.
type RenderRequest struct {
	_ struct{} `additionalProperties:"false"`

	Variables map[string]string `json:"variables,omitempty" doc:"Strings of at most 2 KB."`
	Version   int64             `json:"version,omitempty" minimum:"1" doc:"The version to render; the current one if absent."`
}

// OfPrompt are the parameters of an operation on one prompt.
type OfPrompt struct {
	InProject
	Prompt string `path:"prompt" doc:"The name of the prompt, percent-encoded." minLength:"1" maxLength:"128" example:"assistant-v1"`
}

// OfVersion are the parameters of an operation on one version of a prompt.
type OfVersion struct {
	OfPrompt
	Version int64 `path:"version" minimum:"1" doc:"The number of the version." example:"3"`
}

const (
	aVersion = `"version": 3, "description": "The assistant of the app", "enabled": true, "bytes": 57, ` +
		`"updatedAt": "2026-12-01T09:30:00Z", "updatedBy": {"kind": "user", "id": "us_7fTqLmXw", "email": "ada@example.com"}, "restoredVersion": null`
	someContent = `"content": "You are the assistant of {{app}}. Answer in {{language}}."`
	aPrompt     = `{"name": "assistant-v1", "default": true, "createdAt": "2026-11-01T09:30:00Z", ` + aVersion + `, ` + someContent + `, "variables": ["app", "language"]}`
	listedOne   = `{"name": "assistant-v1", "default": true, "createdAt": "2026-11-01T09:30:00Z", ` + aVersion + `}`
)

func (c *control) prompts(doc huma.API) {
	tags := []string{promptsTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "listPrompts", Method: http.MethodGet, Path: promptsPath, Tags: tags, Summary: "List stored prompts",
		Description: "The list never has the texts.",
	}, example{response: `{"items": [` + listedOne + `], "nextCursor": null}`}, nil, c.listPrompts)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "createPrompt", Method: http.MethodPost, Path: promptsPath, Tags: tags, Summary: "Store a prompt",
		DefaultStatus: http.StatusCreated,
		Description:   "The text is sealed with the server's ENCRYPTION_KEY, if there is one. It is in force within two seconds. A project has at most 200 prompts.",
		Responses:     map[string]*huma.Response{"201": createdOf[Prompt](doc, aPrompt)},
	}, example{request: `{"name": "assistant-v1", ` + someContent + `, "description": "The assistant of the app", "enabled": true}`},
		[]int{http.StatusConflict}, c.createPrompt)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getPrompt", Method: http.MethodGet, Path: promptPath, Tags: tags, Summary: "Read a prompt",
		Description: "Viewers get the answer without content and variables.",
	}, example{response: aPrompt}, []int{http.StatusNotFound}, c.getPrompt)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "updatePrompt", Method: http.MethodPut, Path: promptPath, Tags: tags, Summary: "Save a new version of a prompt",
		Description: "An absent field keeps its value. Requests that are running keep the text that they began with.",
	}, example{`{` + someContent + `, "description": "The assistant of the app", "enabled": true}`, aPrompt},
		[]int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, c.updatePrompt)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "deletePrompt", Method: http.MethodDelete, Path: promptPath, Tags: tags, Summary: "Delete a prompt with its versions",
		Description: "Requests that name it, or would get it as the project's defaultPrompt, are refused from then on.",
	}, example{}, []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, c.deletePrompt)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "listPromptVersions", Method: http.MethodGet, Path: promptPath + "/versions", Tags: tags, Summary: "List the versions of a prompt",
	}, example{response: `{"items": [{` + aVersion + `}], "nextCursor": null}`}, []int{http.StatusNotFound}, c.listPromptVersions)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getPromptVersion", Method: http.MethodGet, Path: promptPath + "/versions/{version}", Tags: tags, Summary: "Read a version of a prompt",
		Description: "Viewers get the answer without content and variables.",
	}, example{response: `{` + aVersion + `, ` + someContent + `, "variables": ["app", "language"]}`}, []int{http.StatusNotFound}, c.getPromptVersion)

	optional := &huma.RequestBody{}
	register(c, doc, accessChange, huma.Operation{
		RequestBody: optional,
		OperationID: "restorePrompt", Method: http.MethodPost, Path: promptPath + "/versions/{version}/restore", Tags: tags, Summary: "Restore a version of a prompt",
		Description: "The text and the description of then become a new version. The prompt stays enabled or disabled as it is.",
	}, example{`{"reason": "Version 4 was too strict"}`, aPrompt},
		[]int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, c.restorePrompt)
	optional.Required = false

	register(c, doc, accessChange, huma.Operation{
		OperationID: "renderPrompt", Method: http.MethodPost, Path: promptPath + "/render", Tags: tags, Summary: "Fill in the variables of a prompt",
		Description: "It changes nothing. Values are inserted as they are, as for requests.",
	}, example{`{"variables": {"app": "Notes", "language": "German"}}`,
		`{"text": "You are the assistant of Notes. Answer in German.", "missing": [], "unused": []}`}, []int{http.StatusNotFound}, c.renderPrompt)
}

// createdOf describes the answer of a call that has created something.
func createdOf[T any](doc huma.API, example string) *huma.Response {
	return &huma.Response{Description: "Created", Content: map[string]*huma.MediaType{jsonType: {
		Schema: stored[T]{}.Schema(doc.OpenAPI().Components.Schemas), Example: json.RawMessage(example)}}}
}

// seesTexts reports whether the caller may see texts of prompts: a viewer may not.
func seesTexts(ctx context.Context) bool {
	who := callOf(ctx).caller
	return who.kind == callerSecretKey || who.role.Covers(account.Admin)
}

// promptOf shows a prompt, with its text if it has one and the caller may see it.
func promptOf(ctx context.Context, rec prompt.Record) Prompt {
	return Prompt{Name: rec.Name, Default: projectOf(ctx).DefaultPrompt == rec.Name, CreatedAt: rec.CreatedAt, PromptVersion: promptVersionOf(ctx, rec.Version)}
}

func promptVersionOf(ctx context.Context, v prompt.Version) PromptVersion {
	out := PromptVersion{Version: v.Number, Description: v.Description, Enabled: v.Enabled, Bytes: v.Bytes, At: v.At,
		By: PromptAuthor{v.By.Kind, v.By.ID, v.By.Email}}
	if v.Restored > 0 {
		out.Restored = &v.Restored
	}
	if v.Text != "" && seesTexts(ctx) {
		out.Content, out.Variables = &v.Text, prompt.Parse(v.Text).Variables()
	}
	return out
}

func promptTag(rec *prompt.Record) string { return fmt.Sprintf(`"v%d"`, rec.Number) }

func showPrompt(ctx context.Context, status int, rec prompt.Record) *tagged[Prompt] {
	return &tagged[Prompt]{status, promptTag(&rec), promptOf(ctx, rec)}
}

type listPromptsInput struct {
	InProject
	Paging
}

func (c *control) listPrompts(ctx context.Context, in *listPromptsInput) (*answer[PromptList], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	found, err := c.Prompts.Prompts(ctx, projectOf(ctx).Key, after, in.Limit+1)
	if err != nil {
		return nil, away(err)
	}
	page := PromptList{Items: []Prompt{}}
	found, last := cut(found, in.Limit)
	if last != nil {
		page.NextCursor = pageAfter(last.Name)
	}
	for _, rec := range found {
		page.Items = append(page.Items, promptOf(ctx, rec))
	}
	return show(page)
}

type createPromptInput struct {
	InProject
	Dry
	Reasoned
	Body body[NewPrompt]
}

// promptFields are the members of a body that saves a prompt; nil for those that it lacks.
type promptFields struct {
	name, content, description *string
	enabled                    *bool
}

func (f *promptFields) fields() document.Fields {
	return document.Fields{
		"content":     checkedText(&f.content, prompt.TextProblem),
		"description": checkedText(&f.description, descriptionProblem),
		"enabled": func(path string, v document.Value) error {
			f.enabled = new(bool)
			return document.Toggle(f.enabled, true)(path, v)
		},
	}
}

func descriptionProblem(s string) string {
	if len(s) > prompt.MaxDescription || !document.Printable(s) {
		return fmt.Sprintf("must be at most %d bytes of printable text", prompt.MaxDescription)
	}
	return ""
}

// checkedText sets a string without a problem. Errors never quote it.
func checkedText(into **string, problem func(string) string) document.Setter {
	return func(_ string, v document.Value) error {
		if v.Kind() != document.String {
			return fmt.Errorf("must be a string, not %s", v.Kind())
		}
		text := v.Text()
		if p := problem(text); p != "" {
			return errors.New(p)
		}
		*into = &text
		return nil
	}
}

// over returns a version with the fields that were given.
func (f *promptFields) over(v prompt.Version) prompt.Version {
	v.Restored = 0
	if f.content != nil {
		v.Text = *f.content
	}
	if f.description != nil {
		v.Description = *f.description
	}
	if f.enabled != nil {
		v.Enabled = *f.enabled
	}
	return v
}

// readNewPrompt reads the body of a prompt to be stored.
func readNewPrompt(data []byte) (f promptFields, err error) {
	fields := f.fields()
	fields["name"] = checkedText(&f.name, prompt.NameProblem)
	if err := readBody(data, fields); err != nil {
		return f, err
	}
	var missing fieldProblems
	for name, field := range map[string]*string{"name": f.name, "content": f.content} {
		if field == nil {
			missing = append(missing, fieldProblem{"body." + name, "is missing"})
		}
	}
	if missing != nil {
		slices.SortFunc(missing, func(a, b fieldProblem) int { return strings.Compare(a.Location, b.Location) })
		return f, missing
	}
	return f, nil
}

// readRestore reads the body of a restoration, which may be empty.
func readRestore(data []byte) (reason string, err error) {
	if len(data) > 0 {
		err = readBody(data, document.Fields{"reason": optional(text(&reason, maxReason))})
	}
	return reason, err
}

// readRender reads the body of a rendering.
func readRender(data []byte) (vars map[string]string, version int64, err error) {
	vars = map[string]string{}
	err = readBody(data, document.Fields{"variables": setVariables(vars), "version": optional(positive(&version))})
	return vars, version, err
}

// changeOf is who makes this change, when and why.
func (c *control) changeOf(ctx context.Context, reason string) prompt.Change {
	return prompt.Change{At: c.now(), By: callOf(ctx).caller.actor(), RequestID: callOf(ctx).id, Reason: reason, DryRun: callOf(ctx).dry}
}

func (c *control) createPrompt(ctx context.Context, in *createPromptInput) (*tagged[Prompt], error) {
	f, err := readNewPrompt(in.Body.data)
	if err != nil {
		return nil, err
	}
	rec, err := c.Prompts.SavePrompt(context.WithoutCancel(ctx), projectOf(ctx).Key, *f.name, c.changeOf(ctx, in.Reason),
		func(old *prompt.Record) (prompt.Version, error) {
			if old != nil {
				return prompt.Version{}, refuse(http.StatusConflict, "prompt_exists", "The project has a prompt of this name. Change that one with PUT, or choose another name.")
			}
			return f.over(prompt.Version{Enabled: true}), nil
		})
	if err != nil {
		return nil, away(err)
	}
	return showPrompt(ctx, http.StatusCreated, rec), nil
}

func (c *control) getPrompt(ctx context.Context, in *OfPrompt) (*tagged[Prompt], error) {
	rec, err := c.Prompts.Prompt(ctx, projectOf(ctx).Key, in.Prompt)
	if err != nil {
		return nil, away(err)
	}
	return showPrompt(ctx, http.StatusOK, rec), nil
}

type updatePromptInput struct {
	OfPrompt
	Match
	Dry
	Reasoned
	Body body[PromptFields]
}

func (c *control) updatePrompt(ctx context.Context, in *updatePromptInput) (*tagged[Prompt], error) {
	var f promptFields
	if err := readBody(in.Body.data, f.fields()); err != nil {
		return nil, err
	}
	return c.savePrompt(ctx, in.OfPrompt, in.Match, c.changeOf(ctx, in.Reason), f.over)
}

// savePrompt saves what edit makes of the current version.
func (c *control) savePrompt(ctx context.Context, of OfPrompt, m Match, by prompt.Change, edit func(prompt.Version) prompt.Version) (*tagged[Prompt], error) {
	rec, err := c.Prompts.SavePrompt(context.WithoutCancel(ctx), projectOf(ctx).Key, of.Prompt, by, func(old *prompt.Record) (prompt.Version, error) {
		if old == nil {
			return prompt.Version{}, prompt.ErrNotFound
		}
		if err := m.check(ctx, promptTag(old), promptOf(ctx, *old)); err != nil {
			return prompt.Version{}, err
		}
		return edit(old.Version), nil
	})
	if err != nil {
		return nil, away(err)
	}
	return showPrompt(ctx, http.StatusOK, rec), nil
}

type deletePromptInput struct {
	OfPrompt
	Match
	Dry
	Reasoned
}

func (c *control) deletePrompt(ctx context.Context, in *deletePromptInput) (*struct{}, error) {
	err := c.Prompts.DeletePrompt(context.WithoutCancel(ctx), projectOf(ctx).Key, in.Prompt, c.changeOf(ctx, in.Reason),
		func(old *prompt.Record) error { return in.check(ctx, promptTag(old), promptOf(ctx, *old)) })
	return nil, away(err)
}

type listVersionsInput struct {
	OfPrompt
	Paging
}

func (c *control) listPromptVersions(ctx context.Context, in *listVersionsInput) (*answer[PromptVersions], error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	found, err := c.Prompts.PromptVersions(ctx, projectOf(ctx).Key, in.Prompt, cmp.Or(before, math.MaxInt64), in.Limit+1)
	if err != nil {
		return nil, away(err)
	}
	page := PromptVersions{Items: []PromptVersion{}}
	found, last := cut(found, in.Limit)
	if last != nil {
		page.NextCursor = pageBefore(last.Number)
	}
	for _, v := range found {
		page.Items = append(page.Items, promptVersionOf(ctx, v))
	}
	return show(page)
}

func (c *control) getPromptVersion(ctx context.Context, in *OfVersion) (*answer[PromptVersion], error) {
	v, err := c.Prompts.PromptVersion(ctx, projectOf(ctx).Key, in.Prompt, in.Version)
	if err != nil {
		return nil, away(err)
	}
	return show(promptVersionOf(ctx, v))
}

type restorePromptInput struct {
	OfVersion
	Match
	Dry
	Body body[RestoreRequest]
}

func (c *control) restorePrompt(ctx context.Context, in *restorePromptInput) (*tagged[Prompt], error) {
	reason, err := readRestore(in.Body.data)
	if err != nil {
		return nil, err
	}
	old, err := c.Prompts.PromptVersion(ctx, projectOf(ctx).Key, in.Prompt, in.Version)
	if err != nil {
		return nil, away(err)
	}
	return c.savePrompt(ctx, in.OfPrompt, in.Match, c.changeOf(ctx, reason), func(v prompt.Version) prompt.Version {
		v.Text, v.Description, v.Restored = old.Text, old.Description, old.Number
		return v
	})
}

type renderPromptInput struct {
	OfPrompt
	Body body[RenderRequest]
}

func (c *control) renderPrompt(ctx context.Context, in *renderPromptInput) (*answer[RenderedPrompt], error) {
	vars, version, err := readRender(in.Body.data)
	if err != nil {
		return nil, err
	}
	text, err := c.promptText(ctx, in.Prompt, version)
	if err != nil {
		return nil, away(err)
	}
	template := prompt.Parse(text)
	out := RenderedPrompt{Missing: []string{}, Unused: []string{}}
	filled, missing := template.Fill(vars)
	out.Text, out.Missing = filled, append(out.Missing, missing...)
	for name := range vars {
		if !slices.Contains(template.Variables(), name) {
			out.Unused = append(out.Unused, name)
		}
	}
	slices.Sort(out.Unused)
	return show(out)
}

// promptText returns the text of a version, of the current one for 0.
func (c *control) promptText(ctx context.Context, name string, version int64) (string, error) {
	if version == 0 {
		rec, err := c.Prompts.Prompt(ctx, projectOf(ctx).Key, name)
		return rec.Text, err
	}
	v, err := c.Prompts.PromptVersion(ctx, projectOf(ctx).Key, name, version)
	return v.Text, err
}

func setVariables(vars map[string]string) document.Setter {
	return func(path string, v document.Value) error {
		if v.Kind() != document.Object {
			return fmt.Errorf("must be an object, not %s", v.Kind())
		}
		for m := range v.Members() {
			at := document.Join(path, m.Name)
			if m.Value.Kind() != document.String {
				return document.Errorf(at, "must be a string, not %s", m.Value.Kind())
			}
			if vars[m.Name] = m.Value.Text(); len(vars[m.Name]) > maxPromptVariable {
				return document.Errorf(at, "has more than %d bytes", maxPromptVariable)
			}
		}
		return nil
	}
}
