package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/prompt"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// Records keeps projects, the versions of their settings, and their audit trail. A change is made for the ledger.Cause in
// its context.
type Records interface {
	Project(ctx context.Context, key string) (project.Record, error)
	CreateProject(ctx context.Context, settings project.Settings) (rec project.Record, secretKey string, err error)
	EditProject(ctx context.Context, key, action string, update func(project.Record) (project.Settings, error)) (project.Record, error)
	DeleteProject(ctx context.Context, key string) error
	RegenerateSecret(ctx context.Context, key string, grace time.Duration) (secretKey string, oldEndsAt time.Time, err error)
	Versions(ctx context.Context, key string, before int64, limit int) ([]project.Version, error)
	Version(ctx context.Context, key string, number int64) (project.Version, project.Settings, error)
	AuditTrail(ctx context.Context, f ledger.FindLines) ([]ledger.Line, ledger.Position, error)
}

// Today reads today's figures of projects.
type Today interface {
	Today(ctx context.Context, projects []string, now time.Time) (map[string]rollup.Today, error)
}

const (
	projectsTag  = "projects"
	projectsPath = "/api/projects"
	thisProject  = projectsPath + "/{projectId}"
)

// Project is a project's settings, with masked provider keys.
type Project struct {
	ProjectID string           `json:"projectId" doc:"The project's key (pk_…). It is public."`
	Version   int64            `json:"version" doc:"The version of the settings. Every change of them makes the next one."`
	CreatedAt time.Time        `json:"createdAt"`
	UpdatedAt time.Time        `json:"updatedAt"`
	Settings  project.Settings `json:"settings" doc:"The settings document. A provider's key is a mask."`

	Warnings []project.Warning `json:"warnings,omitempty" doc:"After a change: settings that were applied and are probably mistakes."`
}

func projectOfRecord(rec project.Record) Project {
	return Project{ProjectID: rec.Key, Version: rec.Version, CreatedAt: rec.CreatedAt, UpdatedAt: rec.UpdatedAt, Settings: rec.Document()}
}

// CreatedProject is a new project with its secret key.
type CreatedProject struct {
	Project   Project `json:"project"`
	SecretKey string  `json:"secretKey" doc:"The secret key (sk_…), for servers. It is not shown again."`
}

// ListedProject is a project in the list of a user's projects.
type ListedProject struct {
	ProjectID     string       `json:"projectId" doc:"The project's key (pk_…)."`
	Name          string       `json:"name"`
	Role          account.Role `json:"role" enum:"owner,admin,viewer" doc:"The user's role in the project."`
	LastRequestAt *time.Time   `json:"lastRequestAt" doc:"The last request that was admitted. Null: there was none."`
	Today         TodayFigures `json:"today" doc:"The figures since midnight UTC."`
}

// TodayFigures are a project's figures since midnight UTC.
type TodayFigures struct {
	Requests int64       `json:"requests"`
	CostUSD  json.Number `json:"costUsd"`
	Refused  int64       `json:"refused"`
}

// ListedProjects is a page of the list of a user's projects.
type ListedProjects struct {
	Items      []ListedProject `json:"items"`
	NextCursor *string         `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

// NewSecret answers a regenerated secret key.
type NewSecret struct {
	SecretKey     string    `json:"secretKey" doc:"The new secret key. It is not shown again."`
	OldValidUntil time.Time `json:"oldValidUntil" doc:"The time at which the old key ends: now without a grace."`
}

func tagOf(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

// answerProject answers with a project and its ETag.
func answerProject(p Project) (*tagged[stored[Project]], error) {
	text, err := encode(p)
	return &tagged[stored[Project]]{http.StatusOK, tagOf(p.Version), stored[Project]{text}}, err
}

// checkVersion refuses a change that does not begin with the current settings.
func (c *control) checkVersion(ctx context.Context, m Match, rec project.Record) error {
	return m.check(ctx, tagOf(rec.Version), projectOfRecord(rec))
}

// causeOf returns a context for changes by the caller of ctx.
func (c *control) causeOf(ctx context.Context, reason string) context.Context {
	current := callOf(ctx)
	return ledger.WithCause(ctx, ledger.Cause{By: current.caller.actor(), At: c.now(), Reason: reason, RequestID: current.id})
}

func (c *control) projects(doc huma.API) {
	tags := []string{projectsTag}
	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "listProjects", Method: http.MethodGet, Path: projectsPath, Tags: tags,
		Summary:     "List your projects",
		Description: "The projects that the session's user is a member of, in the order of their names.",
	}, example{response: `{"items": [{"projectId": "pk_7fTqLmXwBvN2sJc9KdYh3RzA", "name": "My app", "role": "owner", "lastRequestAt": "2026-11-22T11:59:00Z", "today": {"requests": 12, "costUsd": 0.04, "refused": 1}}], "nextCursor": null}`}, nil, c.listProjects)

	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "createProject", Method: http.MethodPost, Path: projectsPath, Tags: tags,
		Summary: "Create a project",
		Description: "The settings are those of the template, changed by settings, a merge patch. Without a template they begin with starter, or, " +
			"if there are settings, with the defaults. The session's user becomes the owner.",
		Responses: map[string]*huma.Response{"201": {Description: "Created", Content: map[string]*huma.MediaType{jsonType: {
			Schema:  stored[CreatedProject]{}.Schema(doc.OpenAPI().Components.Schemas),
			Example: json.RawMessage(`{"project": ` + aProject + `, "secretKey": "sk_7Hq2m4Xc9Rt1Yw3Z_shown-only-once"}`)}}}},
		DefaultStatus: http.StatusCreated,
	}, example{request: `{"name": "My app", "template": "starter", "settings": {"refusalStatus": 402}}`}, []int{http.StatusConflict}, c.createProject)

	register(c, doc, accessRead, huma.Operation{
		OperationID: "getProject", Method: http.MethodGet, Path: thisProject, Tags: tags,
		Summary:     "Read a project's settings",
		Description: "The ETag is the version of the settings, for If-Match of a change.",
	}, example{response: aProject}, nil, c.getProject)

	register(c, doc, accessChange, huma.Operation{
		OperationID: "changeProject", Method: http.MethodPatch, Path: thisProject, Tags: tags,
		Summary: "Change a project's settings",
		Description: "The body is a merge patch (RFC 7396) of the settings document: an object changes the fields that it lists, at every depth, and null removes " +
			"a field, a tier, a model key, a provider or a price. A removed field inherits, or has its default. A masked provider key that is sent back keeps the key. " +
			"A key is only kept for its host: where a baseUrl leads to another one, the key must be given again, or the answer is 422 key_required. With dryRun=true nothing changes, and the answer says what would.",
	}, example{`{"requestLimit": 5, "tiers": {"pro": {"requestLimit": 500}}}`, aProject},
		[]int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired, http.StatusUnprocessableEntity}, c.changeProject)

	register(c, doc, accessOwner, huma.Operation{
		OperationID: "deleteProject", Method: http.MethodDelete, Path: thisProject, Tags: tags,
		Summary:     "Delete a project",
		Description: "Every app that uses the project's key stops working at once. Identities, usage, versions and the audit trail are deleted. This cannot be undone.",
	}, example{}, []int{http.StatusPreconditionFailed}, c.deleteProject)

	optional := &huma.RequestBody{}
	register(c, doc, accessChange, huma.Operation{
		OperationID: "regenerateSecret", Method: http.MethodPost, Path: thisProject + "/regenerate-secret", Tags: tags,
		Summary:     "Replace the secret key",
		Description: "The old key ends after graceSeconds; without them it ends at once, on every node. A key that was replaced before ends in any case.",
		RequestBody: optional,
	}, example{`{"graceSeconds": 3600}`, `{"secretKey": "sk_7Hq2m4Xc9Rt1Yw3Z_shown-only-once", "oldValidUntil": "2026-11-22T13:00:00Z"}`}, nil, c.regenerateSecret)
	optional.Required = false
}

type listProjectsInput struct{ Paging }

func (c *control) listProjects(ctx context.Context, in *listProjectsInput) (*answer[ListedProjects], error) {
	all, err := c.listed(ctx)
	if err != nil {
		return nil, err
	}
	if in.Cursor != "" {
		at := slices.IndexFunc(all, func(p ListedProject) bool { return p.ProjectID == in.Cursor })
		if at < 0 {
			return nil, wrongCursor()
		}
		all = all[at+1:]
	}
	items, last := cut(all, in.Limit)
	page := ListedProjects{Items: items}
	if last != nil {
		page.NextCursor = &last.ProjectID
	}
	if err := c.addToday(ctx, page.Items); err != nil {
		return nil, err
	}
	return show(page)
}

// listed returns the projects of the session's user, without figures.
func (c *control) listed(ctx context.Context) ([]ListedProject, error) {
	members, err := c.Accounts.Memberships(ctx, callOf(ctx).caller.session.User.ID)
	if err != nil {
		return nil, away(err)
	}
	all := []ListedProject{}
	for _, m := range members {
		if name, there := c.nameOf(ctx, m.Project); there {
			all = append(all, ListedProject{ProjectID: m.Project, Name: name, Role: m.Role})
		}
	}
	slices.SortFunc(all, func(a, b ListedProject) int {
		if by := strings.Compare(a.Name, b.Name); by != 0 {
			return by
		}
		return strings.Compare(a.ProjectID, b.ProjectID)
	})
	return all, nil
}

// addToday adds today's figures to a page of projects.
func (c *control) addToday(ctx context.Context, page []ListedProject) error {
	keys := make([]string, len(page))
	for i, p := range page {
		keys[i] = p.ProjectID
	}
	figures, err := c.Today.Today(ctx, keys, c.now())
	if err != nil {
		return err
	}
	for i := range page {
		f := figures[page[i].ProjectID]
		page[i].Today = TodayFigures{Requests: f.Sums[limit.Requests], CostUSD: ledger.Figure(limit.Cost, f.Sums[limit.Cost]), Refused: f.Refused}
		if !f.LastRequest.IsZero() {
			page[i].LastRequestAt = new(f.LastRequest.UTC())
		}
	}
	return nil
}

// newProject is the body of the call that creates a project.
type newProject struct {
	_ struct{} `additionalProperties:"false"`

	Name     string            `json:"name" minLength:"1" maxLength:"200" doc:"A name for people."`
	Template *string           `json:"template,omitempty" nullable:"true" enum:"starter,single,count" doc:"The settings to begin with."`
	Settings *project.Settings `json:"settings,omitempty" doc:"A merge patch (RFC 7396) of the settings. It may have provider keys."`
}

type createProjectInput struct{ Body body[newProject] }

func (c *control) createProject(ctx context.Context, in *createProjectInput) (*tagged[stored[CreatedProject]], error) {
	settings, err := readNewProject(in.Body.data)
	if err != nil {
		return nil, err
	}
	rec, secretKey, err := c.Records.CreateProject(c.causeOf(ctx, ""), settings)
	if err != nil {
		return nil, away(inSettings("body.settings", err))
	}
	p := projectOfRecord(rec)
	missing, err := rec.Settings.PromptWarnings(project.NoPrompts)
	if err != nil {
		return nil, err
	}
	p.Warnings = append(rec.Settings.Warnings(c.Prices), missing...)
	text, err := encode(CreatedProject{p, secretKey})
	return &tagged[stored[CreatedProject]]{http.StatusCreated, tagOf(rec.Version), stored[CreatedProject]{text}}, err
}

func readNewProject(data []byte) (project.Settings, error) {
	var name, template string
	var patch document.Value
	err := readBody(data, document.Fields{
		"name":     text(&name, maxProjectName),
		"template": optional(text(&template, maxProjectName)),
		"settings": optional(func(_ string, v document.Value) error {
			patch = v
			return nil
		}),
	})
	if err != nil {
		return project.Settings{}, err
	}
	if strings.TrimSpace(name) == "" {
		return project.Settings{}, wrong("body.name", "is missing; name the project for people")
	}
	settings, err := startOf(template, patch)
	if err != nil {
		return settings, err
	}
	if patch.Kind() != document.Null {
		if settings, err = settings.Merge(patch.Raw()); err != nil {
			return settings, inSettings("body.settings", err)
		}
	}
	settings.Name = name
	return settings, nil
}

// maxProjectName is the length of a project's name in bytes, as the settings have it.
const maxProjectName = 200

// startOf returns the settings that a new project begins with: as at the command line, those of the template, or without
// one the defaults if there is a patch, else the first template.
func startOf(template string, patch document.Value) (project.Settings, error) {
	switch {
	case template == "" && patch.Kind() != document.Null:
		return project.Default(), nil
	case template == "":
		template = project.Templates[0]
	}
	var providers []string
	for m := range patch.Members() {
		if m.Name == "providers" {
			for p := range m.Value.Members() {
				providers = append(providers, p.Name)
			}
		}
	}
	settings, err := project.FromTemplate(template, providers...)
	if err != nil {
		return settings, wrong("body.template", "must be one of %s", strings.Join(project.Templates, ", "))
	}
	return settings, nil
}

// inSettings turns an error about a field of settings into one about the part of the request that has them.
func inSettings(at string, err error) error {
	var field *document.FieldError
	if !errors.As(err, &field) {
		return err
	}
	if field.Path != "" {
		at += "." + field.Path
	}
	return ofSettings(err, fieldProblem{at, field.Problem})
}

// ofSettings answers an error about a field of settings, which is at a place of the request.
func ofSettings(err error, at fieldProblem) error {
	ps := fieldProblems{at}
	if _, again := errors.AsType[*project.KeyRequired](err); again {
		p := refuse(http.StatusUnprocessableEntity, "key_required", "%s", ps.Error())
		p.Errors = ps
		return p
	}
	return ps
}

type projectInput struct{ InProject }

func (c *control) getProject(ctx context.Context, _ *projectInput) (*tagged[stored[Project]], error) {
	rec, err := c.record(ctx)
	if err != nil {
		return nil, err
	}
	return answerProject(projectOfRecord(rec))
}

// record returns the project of the path as it is stored.
func (c *control) record(ctx context.Context) (project.Record, error) {
	rec, err := c.Records.Project(ctx, projectOf(ctx).Key)
	return rec, away(err)
}

type changeProjectInput struct {
	InProject
	Match
	Reasoned
	Dry
	Body body[project.Settings]
}

// projectOrTrial is a changed project, or what a dry run says. The operation describes both.
type projectOrTrial struct{ json.RawMessage }

// Schema implements huma.SchemaProvider.
func (projectOrTrial) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{stored[Project]{}.Schema(r), stored[Trial]{}.Schema(r)}}
}

// changedProject is the answer to a change of settings.
type changedProject struct {
	ETag string `header:"ETag"`
	Body projectOrTrial
}

func (c *control) changeProject(ctx context.Context, in *changeProjectInput) (*changedProject, error) {
	return c.edit(ctx, in.DryRun, in.Reason, ledger.ActionChangeProject, func(rec project.Record) (project.Settings, []project.Warning, error) {
		if err := c.checkVersion(ctx, in.Match, rec); err != nil {
			return project.Settings{}, nil, err
		}
		settings, err := rec.Document().Merge(in.Body.data)
		return settings, nil, inSettings("body", err)
	})
}

// edit changes the settings of the path's project, or tells what a change would do. update returns the new settings, with
// warnings of its own.
func (c *control) edit(ctx context.Context, dry bool, reason, action string,
	update func(project.Record) (project.Settings, []project.Warning, error)) (*changedProject, error) {
	var before project.Record
	var more []project.Warning
	apply := func(rec project.Record) (settings project.Settings, err error) {
		before = rec
		settings, more, err = update(rec)
		return settings, err
	}
	if dry {
		return c.trial(ctx, apply, &more)
	}
	rec, err := c.Records.EditProject(c.causeOf(ctx, reason), projectOf(ctx).Key, action, apply)
	if err != nil {
		return nil, away(inSettings("body", err))
	}
	p := projectOfRecord(rec)
	if p.Warnings, err = c.warnings(ctx, rec.Key, rec.Settings, before.Settings); err != nil {
		return nil, err
	}
	p.Warnings = append(p.Warnings, more...)
	text, err := encode(p)
	return &changedProject{tagOf(rec.Version), projectOrTrial{text}}, err
}

type deleteProjectInput struct {
	InProject
	Match
}

func (c *control) deleteProject(ctx context.Context, in *deleteProjectInput) (*struct{}, error) {
	if in.IfMatch != "" {
		rec, err := c.record(ctx)
		if err == nil {
			err = c.checkVersion(ctx, in.Match, rec)
		}
		if err != nil {
			return nil, err
		}
	}
	return nil, away(c.Records.DeleteProject(c.causeOf(ctx, ""), projectOf(ctx).Key))
}

// regenerateRequest is the body of the call that replaces the secret key.
type regenerateRequest struct {
	_ struct{} `additionalProperties:"false"`

	GraceSeconds *int64 `json:"graceSeconds,omitempty" nullable:"true" minimum:"0" maximum:"86400" default:"0" doc:"How long the old key still works."`
}

type regenerateInput struct {
	InProject
	Body body[regenerateRequest]
}

func (c *control) regenerateSecret(ctx context.Context, in *regenerateInput) (*answer[NewSecret], error) {
	grace, err := readGrace(in.Body.data)
	if err != nil {
		return nil, err
	}
	key, oldEndsAt, err := c.Records.RegenerateSecret(c.causeOf(ctx, ""), projectOf(ctx).Key, grace)
	if err != nil {
		return nil, away(err)
	}
	return show(NewSecret{key, oldEndsAt})
}

func readGrace(data []byte) (grace time.Duration, err error) {
	if len(data) == 0 {
		return 0, nil
	}
	most := int64(project.MaxGrace / time.Second)
	err = readBody(data, document.Fields{"graceSeconds": optional(func(_ string, v document.Value) error {
		n, err := strconv.ParseInt(v.Text(), 10, 64)
		if v.Kind() != document.Number || err != nil || n < 0 || n > most {
			return document.Errorf("body.graceSeconds", "must be a whole number from 0 to %d", most)
		}
		grace = time.Duration(n) * time.Second
		return nil
	})})
	return grace, err
}

// warnings are those of a project's changed settings, of a default prompt that is not stored, and of tiers that identities
// still have.
func (c *control) warnings(ctx context.Context, key string, after, before project.Settings) ([]project.Warning, error) {
	all, err := after.PromptWarnings(func(name string) ([]prompt.Version, error) {
		return c.Prompts.PromptVersions(ctx, key, name, math.MaxInt64, 1)
	})
	if err != nil {
		return nil, away(err)
	}
	all = append(after.Warnings(c.Prices), all...)
	for _, tier := range after.RemovedTiers(before) {
		n, _, err := c.carriers(ctx, tier)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			all = append(all, after.RemovedTierWarning(tier, n))
		}
	}
	return all, nil
}

// carriers counts the identities of the path's project with a tier. There may be more than it counts.
func (c *control) carriers(ctx context.Context, tier string) (n int, atLeast bool, err error) {
	found, err := c.Ledger.List(ctx, ledger.Find{Project: projectOf(ctx).Key, Where: ledger.Where{Tier: &tier}, Limit: 1})
	return found.Total, found.AtLeast, err
}

const aProject = `{"projectId": "pk_7fTqLmXwBvN2sJc9KdYh3RzA", "version": 12, "createdAt": "2026-11-01T09:30:00Z", "updatedAt": "2026-11-22T17:05:00Z", ` +
	`"settings": {"name": "My app", "limitPeriod": "daily", "requestLimit": 5}}`

// sortedKeys returns the keys of a map in their order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
