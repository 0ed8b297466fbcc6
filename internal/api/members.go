package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/document"
	"github.com/airatelimit/airatelimit/internal/mail"
	"github.com/airatelimit/airatelimit/internal/secret"
)

const (
	membersTag  = "members"
	membersPath = "/api/projects/{projectId}/members"
	memberPath  = membersPath + "/{member}"
	resendPath  = "/api/projects/{projectId}/invitations/{invitation}/resend"
	acceptPath  = "/api/auth/invitations/accept"
)

// Member is a user with a role in a project, or somebody who is invited to be one.
type Member struct {
	ID        string     `json:"id" doc:"The user's id (us_…), or the invitation's (in_…)."`
	Email     string     `json:"email"`
	Role      string     `json:"role" enum:"owner,admin,viewer"`
	Status    string     `json:"status" enum:"member,invited"`
	Since     time.Time  `json:"since" doc:"The time of joining or of the invitation."`
	InvitedBy *string    `json:"invitedBy" doc:"The mail address of who invited. Null for a member."`
	ExpiresAt *time.Time `json:"expiresAt" doc:"The end of the invitation. Null for a member."`
}

func memberOf(m account.Member) Member {
	return Member{ID: m.User.ID, Email: m.User.Email, Role: string(m.Role), Status: "member", Since: m.Since}
}

func invitedOf(i account.Invitation) Member {
	return Member{ID: i.ID, Email: i.Email, Role: string(i.Role), Status: "invited", Since: i.CreatedAt, InvitedBy: &i.Inviter, ExpiresAt: &i.ExpiresAt}
}

// Members is a page of the list of members and invitations.
type Members struct {
	Items      []Member `json:"items" doc:"In the order of the mail addresses."`
	NextCursor *string  `json:"nextCursor" doc:"The cursor of the next page. Null at the end."`
}

// Joined answers the acceptance of an invitation.
type Joined struct {
	Project MyProject `json:"project"`
}

type inviteRequest struct {
	_ struct{} `additionalProperties:"false"`

	Email string `json:"email" maxLength:"254" doc:"The mail address of who is to become a member."`
	Role  string `json:"role" enum:"owner,admin,viewer" doc:"viewer sees figures and settings, admin changes them, owner also says who the members are."`
}

type roleRequest struct {
	_ struct{} `additionalProperties:"false"`

	Role string `json:"role" enum:"owner,admin,viewer" doc:"The new role."`
}

type acceptRequest struct {
	_ struct{} `additionalProperties:"false"`

	Token *string `json:"token,omitempty" nullable:"true" doc:"The token of the mail's link."`
	Email *string `json:"email,omitempty" nullable:"true" maxLength:"254" doc:"The address that the mail went to. Needed with token without a session; the call then also signs in."`
	ID    *string `json:"id,omitempty" nullable:"true" doc:"The invitation's id, for a session of the invited address."`
}

const (
	aMember = `{"id": "us_4fTqLmXwBvN2sJc9", "email": "ann@example.com", "role": "owner", "status": "member", "since": "2026-11-30T14:20:00Z", "invitedBy": null, "expiresAt": null}`
	invited = `{"id": "in_9cJs2NvBwXmLqTf4", "email": "bob@example.com", "role": "viewer", "status": "invited", "since": "2026-11-30T14:20:00Z", "invitedBy": "ann@example.com", "expiresAt": "2026-12-07T14:20:00Z"}`
)

func (c *control) members(doc huma.API) {
	tags := []string{membersTag}
	register(c, doc, accessMember, huma.Operation{
		OperationID: "listMembers", Method: http.MethodGet, Path: membersPath, Tags: tags, Summary: "List members and invitations",
	}, example{response: `{"items": [` + aMember + `, ` + invited + `], "nextCursor": null}`}, nil, c.listMembers)
	register(c, doc, accessOwner, huma.Operation{
		OperationID: "inviteMember", Method: http.MethodPost, Path: membersPath, Tags: tags, Summary: "Invite somebody",
		Description: "The invitation goes by mail and ends after seven days. Another invitation of the address replaces it. " +
			"A project has at most 200 members and invitations.",
		DefaultStatus: http.StatusCreated,
		Responses:     map[string]*huma.Response{"201": success[Member](doc, "Created", invited)},
	}, example{request: `{"email": "bob@example.com", "role": "viewer"}`}, []int{http.StatusConflict, http.StatusTooManyRequests}, c.invite)
	register(c, doc, accessOwner, huma.Operation{
		OperationID: "changeMember", Method: http.MethodPatch, Path: memberPath, Tags: tags, Summary: "Change a role",
		Description: "A project keeps at least one owner.",
	}, example{`{"role": "admin"}`, aMember}, []int{http.StatusConflict}, c.changeMember)
	register(c, doc, accessMember, huma.Operation{
		OperationID: "removeMember", Method: http.MethodDelete, Path: memberPath, Tags: tags, Summary: "Remove a member or an invitation",
		Description: "Owners remove anybody, and everybody may leave. A project keeps at least one owner.",
	}, example{}, []int{http.StatusConflict}, c.removeMember)
	register(c, doc, accessOwner, huma.Operation{
		OperationID: "resendInvitation", Method: http.MethodPost, Path: resendPath, Tags: tags, Summary: "Send an invitation again",
		Description: "The mail has a new link, and the old one ends. The invitation lives another seven days.",
	}, example{response: invited}, []int{http.StatusTooManyRequests}, c.resend)
	register(c, doc, accessOpen, huma.Operation{
		OperationID: "acceptInvitation", Method: http.MethodPost, Path: acceptPath, Tags: []string{accountsTag}, Summary: "Accept an invitation",
		Description: "A session of the invited address sends token or id. Without a session the mail's token and the address also sign in: the mail has proved it.",
	}, example{`{"token": "` + aToken + `", "email": "bob@example.com"}`,
		`{"project": {"projectId": "pk_7fTqLmXwBvN2sJc9KdYh3RzA", "name": "My app", "role": "viewer"}}`},
		[]int{http.StatusUnauthorized, http.StatusTooManyRequests}, c.accept)
}

type listMembersInput struct {
	InProject
	Paging
}

func (c *control) listMembers(ctx context.Context, in *listMembersInput) (*answer[Members], error) {
	after, err := in.after()
	if err != nil {
		return nil, err
	}
	members, invitations, err := c.Accounts.Members(ctx, projectOf(ctx).Key)
	if err != nil {
		return nil, away(err)
	}
	all := make([]Member, 0, len(members)+len(invitations))
	for _, m := range members {
		all = append(all, memberOf(m))
	}
	for _, i := range invitations {
		all = append(all, invitedOf(i))
	}
	all = slices.DeleteFunc(all, func(m Member) bool { return m.place() <= after })
	slices.SortFunc(all, func(a, b Member) int { return strings.Compare(a.place(), b.place()) })
	items, last := cut(all, in.Limit)
	page := Members{Items: items}
	if last != nil {
		page.NextCursor = pageAfter(last.place())
	}
	return show(page)
}

// place is what members are sorted by.
func (m Member) place() string { return m.Email + " " + m.ID }

type inviteInput struct {
	InProject
	Body body[inviteRequest]
}

func (c *control) invite(ctx context.Context, in *inviteInput) (*answer[Member], error) {
	var email string
	var role account.Role
	if err := readBody(in.Body.data, document.Fields{"email": addressIn(&email), "role": roleIn(&role)}); err != nil {
		return nil, err
	}
	if err := needed("email", email, "role", string(role)); err != nil {
		return nil, err
	}
	who, now := callOf(ctx).caller.session.User, c.now()
	if err := c.invitations.refuse(who.ID, now); err != nil {
		return nil, err
	}
	token := secret.NewToken()
	i, err := c.Accounts.Invite(c.causeOf(ctx, ""), account.Invitation{ID: secret.NewID("in_"), Project: projectOf(ctx).Key, Email: email, Role: role, Inviter: who.Email,
		CreatedAt: now, ExpiresAt: now.Add(account.InvitationTime)}, secret.Hash(token))
	switch {
	case errors.Is(err, account.ErrMember):
		return nil, refuse(http.StatusConflict, "already_member", "%s is a member already. Change the role instead.", email)
	case errors.Is(err, account.ErrFull):
		return nil, refuse(http.StatusConflict, "too_many_members", "The project has %d members and invitations, and cannot have more.", account.MaxMembers)
	case err != nil:
		return nil, away(err)
	}
	if err := c.sendInvitation(ctx, i, token); err != nil {
		return nil, err
	}
	text, err := encode(invitedOf(i))
	return &answer[Member]{http.StatusCreated, stored[Member]{text}}, err
}

// sendInvitation mails an invitation. The token is in nothing else: who invites must not get it, because it also signs in.
func (c *control) sendInvitation(ctx context.Context, i account.Invitation, token string) error {
	m := mail.Invitation{Key: secret.NewID(i.ID + "-"), To: i.Email, Base: c.base(callOf(ctx).request), Token: token,
		Inviter: i.Inviter, Project: projectOf(ctx).Name, Role: string(i.Role), Expires: i.ExpiresAt}
	if c.Mail.Post(func(context.Context) (mail.Message, bool, error) { return m.Message(), true, nil }) {
		return nil
	}
	return tooManyMails()
}

func tooManyMails() *problem {
	return refuse(http.StatusServiceUnavailable, "unavailable", "Too many mails wait to be sent. Try again in a minute.").with("Retry-After", "60")
}

// OfMember are the parameters of an operation on a member.
type OfMember struct {
	InProject
	Member string `path:"member" maxLength:"64" doc:"The user's id, or the invitation's." example:"us_4fTqLmXwBvN2sJc9"`
}

type changeMemberInput struct {
	OfMember
	Body body[roleRequest]
}

func (c *control) changeMember(ctx context.Context, in *changeMemberInput) (*answer[Member], error) {
	var role account.Role
	if err := readBody(in.Body.data, document.Fields{"role": roleIn(&role)}); err != nil {
		return nil, err
	}
	if err := needed("role", string(role)); err != nil {
		return nil, err
	}
	key := projectOf(ctx).Key
	if isInvitation(in.Member) {
		i, err := c.Accounts.ChangeInvitation(c.causeOf(ctx, ""), key, in.Member, role)
		if err != nil {
			return nil, memberError(err)
		}
		return show(invitedOf(i))
	}
	m, err := c.Accounts.ChangeMember(c.causeOf(ctx, ""), key, in.Member, role)
	if err != nil {
		return nil, memberError(err)
	}
	return show(memberOf(m))
}

type removeMemberInput struct{ OfMember }

func (c *control) removeMember(ctx context.Context, in *removeMemberInput) (*struct{}, error) {
	who, key := callOf(ctx).caller, projectOf(ctx).Key
	if in.Member != who.session.User.ID && !who.role.Covers(account.Owner) {
		return nil, roleTooSmall(who.role, account.Owner)
	}
	var err error
	if isInvitation(in.Member) {
		err = c.Accounts.Uninvite(c.causeOf(ctx, ""), key, in.Member)
	} else {
		err = c.Accounts.RemoveMember(c.causeOf(ctx, ""), key, in.Member)
	}
	if err != nil {
		return nil, memberError(err)
	}
	return nil, nil
}

func isInvitation(id string) bool { return strings.HasPrefix(id, "in_") }

// memberError turns an error about a member into the answer.
func memberError(err error) error {
	switch {
	case errors.Is(err, account.ErrNotFound):
		return refuse(http.StatusNotFound, "unknown_member", "The project has no such member or invitation.")
	case errors.Is(err, account.ErrLastOwner):
		return refuse(http.StatusConflict, "last_owner", "This is the project's only owner. Make somebody else an owner first.")
	}
	return away(err)
}

type resendInput struct {
	InProject
	Invitation string `path:"invitation" maxLength:"64" doc:"The invitation's id." example:"in_9cJs2NvBwXmLqTf4"`
}

func (c *control) resend(ctx context.Context, in *resendInput) (*answer[Member], error) {
	now := c.now()
	if err := c.invitations.refuse(callOf(ctx).caller.session.User.ID, now); err != nil {
		return nil, err
	}
	token := secret.NewToken()
	i, err := c.Accounts.RenewInvitation(c.causeOf(ctx, ""), projectOf(ctx).Key, in.Invitation, secret.Hash(token), now.Add(account.InvitationTime))
	if err != nil {
		return nil, memberError(err)
	}
	if err := c.sendInvitation(ctx, i, token); err != nil {
		return nil, err
	}
	return show(invitedOf(i))
}

type acceptInput struct{ Body body[acceptRequest] }

func (c *control) accept(ctx context.Context, in *acceptInput) (*answer[Joined], error) {
	var token, email, id string
	err := readBody(in.Body.data, document.Fields{"token": optional(aTokenIn(&token)), "email": optional(addressIn(&email)), "id": optional(text(&id, 64))})
	if err != nil {
		return nil, err
	}
	if (token == "") == (id == "") {
		return nil, wrong("body", "must have token or id")
	}
	if err := c.tryProof(ctx); err != nil {
		return nil, err
	}
	var joined account.Membership
	if who := callOf(ctx).caller; who.kind == callerSession {
		joined, err = c.Accounts.AcceptInvitation(c.causeOf(ctx, ""), account.InvitationProof{ID: id, Token: secret.Hash(token)}, who.session.User, c.now())
	} else if id != "" {
		return nil, notSignedIn()
	} else {
		cookie, session := c.newSession(ctx)
		joined, err = c.Accounts.JoinByInvitation(c.causeOf(ctx, ""), account.InvitationProof{Token: secret.Hash(token), Email: email}, c.Signup, session, c.now())
		if err == nil {
			c.open(ctx, cookie)
		}
	}
	switch {
	case errors.Is(err, account.ErrOtherAddress):
		return nil, refuse(http.StatusForbidden, "wrong_account", "The invitation is for another mail address than the one that you have signed in with.")
	case errors.Is(err, account.ErrClosed):
		return nil, refuse(http.StatusForbidden, "signup_closed", "This server makes no new accounts. Ask its operator.")
	case err != nil:
		return nil, away(err)
	}
	name, there := c.nameOf(ctx, joined.Project)
	if !there {
		return nil, unknownProject()
	}
	return show(Joined{MyProject{joined.Project, name, string(joined.Role)}})
}

// roleIn sets a role.
func roleIn(into *account.Role) document.Setter {
	return func(_ string, v document.Value) error {
		if v.Kind() != document.String || !account.Role(v.Text()).Known() {
			return fmt.Errorf("must be owner, admin or viewer, not %s", v.Describe())
		}
		*into = account.Role(v.Text())
		return nil
	}
}
