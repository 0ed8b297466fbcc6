package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Me is the signed-in user, with what is open to it.
type Me struct {
	User        Person           `json:"user"`
	Projects    []MyProject      `json:"projects"`
	Invitations []InvitationToMe `json:"invitations" doc:"Those that the user may accept, by their id."`
}

// MyProject is a project of the signed-in user.
type MyProject struct {
	ProjectID string `json:"projectId" example:"pk_7fTqLmXwBvN2sJc9KdYh3RzA"`
	Name      string `json:"name"`
	Role      string `json:"role" enum:"owner,admin,viewer"`
}

// InvitationToMe is an invitation of the signed-in user.
type InvitationToMe struct {
	ID        string    `json:"id"`
	Project   string    `json:"project" doc:"The project's name."`
	Role      string    `json:"role" enum:"owner,admin,viewer"`
	InvitedBy string    `json:"invitedBy" doc:"The mail address of who invites."`
	ExpiresAt time.Time `json:"expiresAt"`
}

// Session is a browser in which the user has signed in.
type Session struct {
	ID         string    `json:"id"`
	Current    bool      `json:"current" doc:"Whether this call was made with it."`
	CreatedAt  time.Time `json:"createdAt"`
	LastSeenAt time.Time `json:"lastSeenAt" doc:"The last use, to the hour."`
	IP         string    `json:"ip" doc:"The address of the last use."`
	UserAgent  string    `json:"userAgent"`
	Device     string    `json:"device" doc:"The browser, in words." example:"Chrome on macOS"`
}

// Sessions are all sessions of a user.
type Sessions struct {
	Items      []Session `json:"items" doc:"The one that was used last comes first."`
	NextCursor *string   `json:"nextCursor" doc:"Always null: a user has at most 200."`
}

const (
	sessionsPath = "/api/auth/sessions"
	aSession     = `{"id": "se_4fTqLmXwBvN2sJc9", "current": true, "createdAt": "2026-11-30T14:20:00Z", "lastSeenAt": "2026-11-30T15:00:00Z",
		"ip": "203.0.113.7", "userAgent": "Mozilla/5.0 …", "device": "Chrome on macOS"}`
)

func (c *control) sessions(doc huma.API) {
	tags := []string{accountsTag}
	register(c, doc, accessOpen, huma.Operation{
		OperationID: "logOut", Method: http.MethodPost, Path: "/api/auth/logout", Tags: tags, Summary: "End the session",
		Description: "Without a session the call does nothing.",
	}, example{}, nil, c.logOut)
	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "getMe", Method: http.MethodGet, Path: "/api/auth/me", Tags: tags, Summary: "Read the signed-in user, its projects and invitations",
	}, example{response: `{"user": ` + aPerson + `, "projects": [{"projectId": "pk_7fTqLmXwBvN2sJc9KdYh3RzA", "name": "My app", "role": "owner"}], "invitations": []}`}, nil, c.me)
	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "listSessions", Method: http.MethodGet, Path: sessionsPath, Tags: tags, Summary: "List the user's sessions",
	}, example{response: `{"items": [` + aSession + `], "nextCursor": null}`}, nil, c.listSessions)
	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "endOtherSessions", Method: http.MethodDelete, Path: sessionsPath, Tags: tags, Summary: "End all sessions but this one",
	}, example{}, nil, c.endOtherSessions)
	register(c, doc, accessSignedIn, huma.Operation{
		OperationID: "endSession", Method: http.MethodDelete, Path: sessionsPath + "/{session}", Tags: tags, Summary: "End a session",
	}, example{}, []int{http.StatusNotFound}, c.endSession)
}

func (c *control) logOut(ctx context.Context, _ *struct{}) (*struct{}, error) {
	if who := callOf(ctx).caller; who.kind == callerSession {
		if err := c.Accounts.EndSession(ctx, who.session.User.ID, who.session.ID); err != nil && !errors.Is(err, account.ErrNotFound) {
			return nil, away(err)
		}
	}
	c.forget(ctx)
	return nil, nil
}

// forget makes the browser drop the session's cookie.
func (c *control) forget(ctx context.Context) {
	callOf(ctx).setCookie(c.cookie(c.cookieName(), "", -1))
}

func (c *control) me(ctx context.Context, _ *struct{}) (*answer[Me], error) {
	u := callOf(ctx).caller.session.User
	all, err := c.Accounts.Memberships(ctx, u.ID)
	if err != nil {
		return nil, away(err)
	}
	invited, err := c.Accounts.InvitationsTo(ctx, u.Email, c.now())
	if err != nil {
		return nil, away(err)
	}
	me := Me{User: personOf(u), Projects: make([]MyProject, 0, len(all)), Invitations: make([]InvitationToMe, 0, len(invited))}
	for _, m := range all {
		if name, there := c.nameOf(ctx, m.Project); there {
			me.Projects = append(me.Projects, MyProject{m.Project, name, string(m.Role)})
		}
	}
	for _, i := range invited {
		if name, there := c.nameOf(ctx, i.Project); there {
			me.Invitations = append(me.Invitations, InvitationToMe{i.ID, name, string(i.Role), i.Inviter, i.ExpiresAt})
		}
	}
	return show(me)
}

// nameOf returns the name of a project. there is false if it was deleted a moment ago. A project that this node cannot read
// has no name: one that is damaged must not hide the others.
func (c *control) nameOf(ctx context.Context, key string) (name string, there bool) {
	p, err := c.Projects.Project(ctx, key)
	switch {
	case errors.Is(err, project.ErrNotFound), err == nil && p == nil:
		return "", false
	case err != nil:
		return "", true
	}
	return p.Name, true
}

func (c *control) listSessions(ctx context.Context, _ *struct{}) (*answer[Sessions], error) {
	who := callOf(ctx).caller
	all, err := c.Accounts.Sessions(ctx, who.session.User.ID, c.now())
	if err != nil {
		return nil, away(err)
	}
	list := Sessions{Items: make([]Session, 0, len(all))}
	for _, s := range all {
		list.Items = append(list.Items, Session{s.ID, s.ID == who.session.ID, s.CreatedAt, s.SeenAt, s.IP, s.Agent, account.Device(s.Agent)})
	}
	return show(list)
}

func (c *control) endOtherSessions(ctx context.Context, _ *struct{}) (*struct{}, error) {
	s := callOf(ctx).caller.session
	if err := c.Accounts.EndOtherSessions(ctx, s.User.ID, s.ID); err != nil {
		return nil, away(err)
	}
	return nil, nil
}

type endSessionInput struct {
	Session string `path:"session" maxLength:"64" doc:"The session's id." example:"se_4fTqLmXwBvN2sJc9"`
}

func (c *control) endSession(ctx context.Context, in *endSessionInput) (*struct{}, error) {
	s := callOf(ctx).caller.session
	err := c.Accounts.EndSession(ctx, s.User.ID, in.Session)
	switch {
	case errors.Is(err, account.ErrNotFound):
		return nil, refuse(http.StatusNotFound, "unknown_session", "You have no such session. It may have ended.")
	case err != nil:
		return nil, away(err)
	case in.Session == s.ID:
		c.forget(ctx)
	}
	return nil, nil
}
