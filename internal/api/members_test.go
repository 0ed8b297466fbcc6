package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/mail"
)

func (f *fixture) membersPath() string { return "/api/projects/" + f.project + "/members" }

// people are the members and invitations as "address role status".
func (f *fixture) people(cookie string) (all []string, ids map[string]string) {
	f.t.Helper()
	ids = map[string]string{}
	for _, m := range decode[Members](f.as(cookie, "GET", f.membersPath(), "").want(200)).Items {
		all = append(all, m.Email+" "+m.Role+" "+m.Status)
		ids[m.Email] = m.ID
	}
	return all, ids
}

// invitationToken is that in the link of an invitation's mail.
func invitationToken(t testing.TB, m mail.Message) string {
	t.Helper()
	_, token, ok := strings.Cut(m.Link, "https://limits.example.com/invite#t=")
	if !ok || !strings.Contains(m.Text, m.Link) {
		t.Fatalf("link %q, text:\n%s", m.Link, m.Text)
	}
	return token
}

func (b *browser) accept(token, email string) response {
	b.f.t.Helper()
	return b.send("POST", acceptPath, `{"token": "`+token+`", "email": "`+email+`"}`)
}

func TestAnInvitationMakesAMember(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	got := decode[Member](f.as(ann, "POST", f.membersPath(), `{"email": "Bob@example.com", "role": "viewer"}`).want(201))
	ends := noon.Add(account.InvitationTime)
	by := "ann@example.com"
	if diff := cmp.Diff(Member{ID: got.ID, Email: "bob@example.com", Role: "viewer", Status: "invited", Since: noon, InvitedBy: &by, ExpiresAt: &ends}, got); diff != "" {
		t.Errorf("invited (-want +got):\n%s", diff)
	}
	m := f.mailed()
	token := invitationToken(t, m)
	if m.To != "bob@example.com" || m.Subject != "ann@example.com invites you to Test on AI Ratelimit" {
		t.Errorf("mail to %s: %s", m.To, m.Subject)
	}
	if all, _ := f.people(ann); fmt.Sprint(all) != "[ann@example.com owner member bob@example.com viewer invited]" {
		t.Errorf("people %q", all)
	}
	// Somebody else with the link, or with a session of another address, becomes nobody.
	f.browser().send("POST", acceptPath, `{"token": "`+token+`"}`).wantCode(401, "address_needed")
	f.browser().accept(token, "eve@example.com").wantCode(401, "address_needed")
	f.browser().send("POST", acceptPath, `{"id": "`+got.ID+`"}`).wantCode(401, "not_signed_in")
	eve := f.signIn("eve@example.com", "")
	f.as(eve, "POST", acceptPath, `{"token": "`+token+`", "email": "bob@example.com"}`).wantCode(403, "wrong_account")
	f.as(eve, "POST", acceptPath, `{"id": "`+got.ID+`"}`).wantCode(403, "wrong_account")
	// One button does both: the mail has proved the address.
	b := f.browser()
	joined := decode[Joined](b.accept(token, "bob@example.com").want(200))
	if joined.Project != (MyProject{f.project, "Test", "viewer"}) || b.who() != "bob@example.com" {
		t.Errorf("joined %+v as %s", joined, b.who())
	}
	f.browser().accept(token, "bob@example.com").wantCode(401, "link_expired")
	if all, _ := f.people(ann); fmt.Sprint(all) != "[ann@example.com owner member bob@example.com viewer member]" {
		t.Errorf("people %q", all)
	}
	f.as(ann, "POST", f.membersPath(), `{"email": "bob@example.com", "role": "admin"}`).wantCode(409, "already_member")
}

func TestAnInvitationIsAcceptedByASessionOfItsAddress(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann, bob := f.signIn("ann@example.com", account.Owner), f.signIn("bob@example.com", "")
	for i, role := range []string{"viewer", "admin"} { // the second takes the place of the first
		f.as(ann, "POST", f.membersPath(), `{"email": "bob@example.com", "role": "`+role+`"}`).want(201)
		if i == 0 {
			old := invitationToken(t, f.mailed())
			defer func() { f.as(bob, "POST", acceptPath, `{"token": "`+old+`"}`).wantCode(401, "link_expired") }()
		}
	}
	me := decode[Me](f.as(bob, "GET", "/api/auth/me", "").want(200))
	if len(me.Invitations) != 1 || me.Invitations[0].Role != "admin" || me.Invitations[0].Project != "Test" || me.Invitations[0].InvitedBy != "ann@example.com" {
		t.Fatalf("invitations %+v", me.Invitations)
	}
	// Without a mail server there is no link: the session is proof enough.
	f.as(bob, "POST", acceptPath, `{"id": "`+me.Invitations[0].ID+`"}`).want(200)
	if me := decode[Me](f.as(bob, "GET", "/api/auth/me", "").want(200)); len(me.Invitations) != 0 || len(me.Projects) != 1 || me.Projects[0].Role != "admin" {
		t.Errorf("me %+v", me)
	}
}

func TestInvitationsEndAndAreSentAgain(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	id := decode[Member](f.as(ann, "POST", f.membersPath(), `{"email": "bob@example.com", "role": "viewer"}`).want(201)).ID
	old := invitationToken(t, f.mailed())
	resend := "/api/projects/" + f.project + "/invitations/" + id + "/resend"
	f.travel(account.InvitationTime)
	f.browser().accept(old, "bob@example.com").wantCode(401, "link_expired")
	again := decode[Member](f.as(ann, "POST", resend, "").want(200))
	if want := noon.Add(2 * account.InvitationTime); !again.ExpiresAt.Equal(want) {
		t.Errorf("ends at %s, want %s", again.ExpiresAt, want)
	}
	fresh := invitationToken(t, f.mailed())
	f.browser().accept(old, "bob@example.com").wantCode(401, "link_expired")
	f.as(ann, "PATCH", f.membersPath()+"/"+id, `{"role": "admin"}`).want(200)
	f.as(ann, "DELETE", f.membersPath()+"/"+id, "").want(204)
	f.browser().accept(fresh, "bob@example.com").wantCode(401, "link_expired")
	f.as(ann, "DELETE", f.membersPath()+"/"+id, "").wantCode(404, "unknown_member")
	f.as(ann, "PATCH", f.membersPath()+"/"+id, `{"role": "admin"}`).wantCode(404, "unknown_member")
	f.as(ann, "POST", resend, "").wantCode(404, "unknown_member")
}

func TestAProjectKeepsAnOwner(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann, bob := f.signIn("ann@example.com", account.Owner), f.signIn("bob@example.com", account.Viewer)
	_, ids := f.people(ann)
	at := func(email string) string { return f.membersPath() + "/" + ids[email] }
	f.as(ann, "DELETE", at("ann@example.com"), "").wantCode(409, "last_owner")
	f.as(ann, "PATCH", at("ann@example.com"), `{"role": "admin"}`).wantCode(409, "last_owner")
	f.as(ann, "PATCH", at("ann@example.com"), `{"role": "owner"}`).want(200)
	f.as(bob, "DELETE", at("ann@example.com"), "").wantCode(403, "role_too_small")
	if got := decode[Member](f.as(ann, "PATCH", at("bob@example.com"), `{"role": "owner"}`).want(200)); got.Role != "owner" || got.Email != "bob@example.com" {
		t.Errorf("changed %+v", got)
	}
	// Two owners who remove each other at once leave one.
	got := map[string]int{}
	for answer, n := range atOnce(2, func() response { return f.as(ann, "DELETE", at("ann@example.com"), "") }) {
		got[answer] += n
	}
	if got["204"] != 1 {
		t.Errorf("ann left with %v", got)
	}
	f.as(bob, "DELETE", at("bob@example.com"), "").wantCode(409, "last_owner")
	f.as(ann, "GET", f.membersPath(), "").wantCode(404, "unknown_project")
	for _, body := range []string{`{}`, `{"role": "root"}`, `{"role": null}`} {
		f.as(bob, "PATCH", at("bob@example.com"), body).faults("body.role")
	}
}

func TestOwnersWhoRemoveEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	owners := []string{f.signIn("ann@example.com", account.Owner), f.signIn("bob@example.com", account.Owner)}
	_, ids := f.people(owners[0])
	next := make(chan int, 2)
	next <- 0
	next <- 1
	atOnce(2, func() response {
		i := <-next
		return f.as(owners[i], "DELETE", f.membersPath()+"/"+ids[[]string{"bob@example.com", "ann@example.com"}[i]], "")
	})
	left, err := f.store.Memberships(t.Context(), ids["ann@example.com"])
	other, err2 := f.store.Memberships(t.Context(), ids["bob@example.com"])
	if err != nil || err2 != nil || len(left)+len(other) != 1 {
		t.Errorf("%d and %d owners are left (%v, %v), want one", len(left), len(other), err, err2)
	}
}

func TestEverybodyMayLeave(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signIn("ann@example.com", account.Owner)
	bob := f.signIn("bob@example.com", account.Viewer)
	_, ids := f.people(bob)
	f.as(bob, "DELETE", f.membersPath()+"/"+ids["bob@example.com"], "").want(204)
	f.as(bob, "GET", f.membersPath(), "").wantCode(404, "unknown_project")
}

func TestMembersArePaged(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	for i := range account.MaxMembers - 1 {
		_, err := f.store.Invite(t.Context(), account.Invitation{ID: fmt.Sprint("in_", i), Project: f.project, Email: fmt.Sprintf("u%03d@example.com", i), Role: account.Viewer,
			ExpiresAt: noon.Add(time.Hour)}, [32]byte{byte(i), byte(i >> 8)})
		if err != nil {
			t.Fatal(err)
		}
	}
	f.as(ann, "POST", f.membersPath(), `{"email": "one-more@example.com", "role": "viewer"}`).wantCode(409, "too_many_members")
	f.as(ann, "POST", f.membersPath(), `{"email": "u001@example.com", "role": "admin"}`).want(201) // in place of another
	var seen []string
	for cursor := ""; ; {
		page := decode[Members](f.as(ann, "GET", f.membersPath()+"?limit=60&cursor="+url.QueryEscape(cursor), "").want(200))
		for _, m := range page.Items {
			seen = append(seen, m.Email)
		}
		if page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	if len(seen) != account.MaxMembers || seen[0] != "ann@example.com" || seen[3] != "u002@example.com" || seen[199] != "u198@example.com" {
		t.Errorf("%d people: %q", len(seen), seen)
	}
	f.as(ann, "GET", f.membersPath()+"?cursor=%C3%A4", "").faults("query.cursor")
}

// Nobody uses the server to send mails to strangers.
func TestInvitationsAreFew(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	for i := range 20 {
		f.as(ann, "POST", f.membersPath(), fmt.Sprintf(`{"email": "u%d@example.com", "role": "viewer"}`, i)).want(201)
	}
	f.as(ann, "POST", f.membersPath(), `{"email": "more@example.com", "role": "viewer"}`).wantCode(429, "too_many_calls")
}

func TestAClosedServerMakesNoAccountForAnInvitation(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.signup = account.SignupClosed
	f.serve()
	ann := f.signIn("ann@example.com", account.Owner)
	f.as(ann, "POST", f.membersPath(), `{"email": "bob@example.com", "role": "viewer"}`).want(201)
	token := invitationToken(t, f.mailed())
	f.browser().accept(token, "bob@example.com").wantCode(403, "signup_closed")
	bob := f.signIn("bob@example.com", "")
	f.as(bob, "POST", acceptPath, `{"token": "`+token+`"}`).want(200)
}

// The audit trail says who gave whom which role.
func TestChangesOfMembersAreInTheAuditTrail(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	ann := f.signIn("ann@example.com", account.Owner)
	invite := func() string {
		t.Helper()
		return decode[Member](f.as(ann, "POST", f.membersPath(), `{"email": "bob@example.com", "role": "viewer"}`).want(201)).ID
	}
	id := invite()
	f.as(ann, "PATCH", f.membersPath()+"/"+id, `{"role": "admin"}`).want(200)
	f.as(ann, "POST", "/api/projects/"+f.project+"/invitations/"+id+"/resend", "").want(200)
	f.as(ann, "DELETE", f.membersPath()+"/"+id, "").want(204)
	f.deliver()
	invite()
	f.browser().accept(invitationToken(t, f.mailed()), "bob@example.com").want(200)
	_, ids := f.people(ann)
	f.as(ann, "PATCH", f.membersPath()+"/"+ids["bob@example.com"], `{"role": "owner"}`).want(200)
	f.as(ann, "DELETE", f.membersPath()+"/"+ids["bob@example.com"], "").want(204)
	rows, err := f.db.Read.QueryContext(t.Context(), `SELECT action || ' ' || target || ' ' || detail || ' by ' || actor_kind || ' ' || actor_email, request_id
		FROM audit WHERE project_id = $1 AND action NOT IN ('createProject', 'addMember') ORDER BY id`, f.project)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close() //nolint:errcheck // a test's rows
	var got []string
	for rows.Next() {
		var line, request string
		if err := rows.Scan(&line, &request); err != nil {
			t.Fatal(err)
		}
		if got = append(got, line); !strings.HasPrefix(request, "req_") {
			t.Errorf("%s: request %q", line, request)
		}
	}
	want := []string{
		`inviteMember bob@example.com {"role":"viewer"} by user ann@example.com`,
		`changeInvitation bob@example.com {"role":"admin"} by user ann@example.com`,
		`resendInvitation bob@example.com {"role":"admin"} by user ann@example.com`,
		`cancelInvitation bob@example.com {"role":"admin"} by user ann@example.com`,
		`inviteMember bob@example.com {"role":"viewer"} by user ann@example.com`,
		`acceptInvitation bob@example.com {"role":"viewer"} by user bob@example.com`,
		`changeMember bob@example.com {"from":"viewer","to":"owner"} by user ann@example.com`,
		`removeMember bob@example.com {"role":"owner"} by user ann@example.com`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("audit trail (-want +got):\n%s", diff)
	}
}
