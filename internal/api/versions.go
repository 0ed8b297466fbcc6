package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

const versionsPath = thisProject + "/settings/versions"

// Actor is who made a change.
type Actor struct {
	Kind  ledger.ActorKind `json:"kind" enum:"user,secretKey,cli,system" doc:"A person with a session, a secret key, the command line, or the server itself."`
	ID    *string          `json:"id" doc:"The id of the user, or the public part of the secret key."`
	Email *string          `json:"email" doc:"The mail address of a user."`
}

func actorOf(a ledger.Actor) Actor {
	shown := Actor{Kind: a.Kind}
	if a.ID != "" {
		shown.ID = &a.ID
	}
	if a.Email != "" {
		shown.Email = &a.Email
	}
	return shown
}

// SettingsVersion is a version of a project's settings.
type SettingsVersion struct {
	Version int64            `json:"version"`
	At      time.Time        `json:"at"`
	By      Actor            `json:"by"`
	Reason  *string          `json:"reason"`
	Changes []project.Change `json:"changes" doc:"The differences from the version before. A list that is too long is cut, and says so."`

	Settings *project.Settings `json:"settings,omitempty" doc:"The settings of then. A provider's key is a mask."`
}

// SettingsVersions is a page of the versions of a project's settings.
type SettingsVersions struct {
	Items      []SettingsVersion `json:"items" doc:"The newest first."`
	NextCursor *string           `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

func versionOf(v project.Version) (SettingsVersion, error) {
	shown := SettingsVersion{Version: v.Number, At: v.At, By: actorOf(v.By), Reason: filled(v.Reason)}
	return shown, json.Unmarshal(v.Changes, &shown.Changes)
}

// filled returns nil for an empty text.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (c *control) versions(doc huma.API) {
	tags := []string{projectsTag}
	register(c, doc, accessRead, huma.Operation{
		OperationID: "listSettingsVersions", Method: http.MethodGet, Path: versionsPath, Tags: tags,
		Summary:     "List the versions of the settings",
		Description: "Every change of the settings is a version. The last 500 are kept.",
	}, example{response: `{"items": [` + aSettingsVersion + `], "nextCursor": null}`}, nil, c.listSettingsVersions)
	register(c, doc, accessRead, huma.Operation{
		OperationID: "getSettingsVersion", Method: http.MethodGet, Path: versionsPath + "/{n}", Tags: tags,
		Summary: "Read a version of the settings",
	}, example{response: strings.TrimSuffix(aSettingsVersion, "}") + `, "settings": {"name": "My app", "limitPeriod": "daily", "requestLimit": 5}}`}, nil, c.getSettingsVersion)
	optional := &huma.RequestBody{}
	register(c, doc, accessChange, huma.Operation{
		OperationID: "restoreSettings", Method: http.MethodPost, Path: versionsPath + "/{n}/restore", Tags: tags,
		Summary: "Restore a version of the settings",
		Description: "The settings become those of the version, as a new version. Provider keys are no part of versions: a provider keeps the key that it has now. " +
			"A warning names a provider whose key must be given again. With dryRun=true nothing changes, and the answer says what would.",
		RequestBody: optional,
	}, example{`{"reason": "The new limits were too low"}`, aProject},
		[]int{http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired}, c.restoreSettings)
	optional.Required = false
}

type settingsVersionsInput struct {
	InProject
	Paging
}

func (c *control) listSettingsVersions(ctx context.Context, in *settingsVersionsInput) (*answer[SettingsVersions], error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	all, err := c.Records.Versions(ctx, projectOf(ctx).Key, before, in.Limit+1)
	if err != nil {
		return nil, away(err)
	}
	page := SettingsVersions{Items: []SettingsVersion{}}
	all, last := cut(all, in.Limit)
	if last != nil {
		page.NextCursor = pageBefore(last.Number)
	}
	for _, v := range all {
		shown, err := versionOf(v)
		if err != nil {
			return nil, err
		}
		page.Items = append(page.Items, shown)
	}
	return show(page)
}

// OfSettingsVersion are the parameters of an operation on one version.
type OfSettingsVersion struct {
	InProject
	N int64 `path:"n" minimum:"1" doc:"The number of the version." example:"12"`
}

// version returns the version of the path, with its settings.
func (c *control) version(ctx context.Context, in OfSettingsVersion) (project.Version, project.Settings, error) {
	v, settings, err := c.Records.Version(ctx, projectOf(ctx).Key, in.N)
	if errors.Is(err, project.ErrNotFound) {
		err = refuse(http.StatusNotFound, "unknown_version", "The project has no such version of its settings. The last %d are kept.", project.KeptVersions)
	}
	return v, settings, away(err)
}

type settingsVersionInput struct{ OfSettingsVersion }

func (c *control) getSettingsVersion(ctx context.Context, in *settingsVersionInput) (*answer[SettingsVersion], error) {
	v, settings, err := c.version(ctx, in.OfSettingsVersion)
	if err != nil {
		return nil, err
	}
	shown, err := versionOf(v)
	if err != nil {
		return nil, err
	}
	shown.Settings = &settings
	return show(shown)
}

// restoreSettingsRequest is the body of the call that restores a version.
type restoreSettingsRequest struct {
	_ struct{} `additionalProperties:"false"`

	Reason *string `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"The reason, for the versions and the audit trail."`
}

type restoreSettingsInput struct {
	OfSettingsVersion
	Match
	Dry
	Body body[restoreSettingsRequest]
}

func (c *control) restoreSettings(ctx context.Context, in *restoreSettingsInput) (*changedProject, error) {
	reason, err := readRestoreSettings(in.Body.data)
	if err != nil {
		return nil, err
	}
	_, then, err := c.version(ctx, in.OfSettingsVersion)
	if err != nil {
		return nil, err
	}
	return c.edit(ctx, in.DryRun, reason, ledger.ActionRestoreSettings, func(rec project.Record) (project.Settings, []project.Warning, error) {
		if err := c.checkVersion(ctx, in.Match, rec); err != nil {
			return project.Settings{}, nil, err
		}
		settings, lost := rec.Restored(then)
		var warnings []project.Warning
		for _, name := range lost {
			warnings = append(warnings, project.Warning{Path: document.Join("providers", name) + ".key",
				Text: "is no part of a version, and there is none now. Give the key again."})
		}
		return settings, warnings, nil
	})
}

func readRestoreSettings(data []byte) (reason string, err error) {
	if len(data) == 0 {
		return "", nil
	}
	err = readBody(data, document.Fields{"reason": optional(text(&reason, maxReason))})
	return reason, err
}

const aSettingsVersion = `{"version": 12, "at": "2026-11-22T17:05:00Z", "by": {"kind": "user", "id": "us_4kq8zt", "email": "ann@example.com"}, ` +
	`"reason": "Launch", "changes": [{"path": "requestLimit", "from": 3, "to": 5, "text": "requestLimit: 3 → 5"}]}`
