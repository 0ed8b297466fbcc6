package main

import (
	"context"
	"fmt"
	"time"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/store"
)

type projectMemberCmd struct {
	Project string `arg:"" help:"The project key, pk_…"`
	Email   string `arg:"" help:"The mail address of the member."`
	Role    string `default:"owner" enum:"owner,admin,viewer" help:"What the member may do: owner, admin or viewer."`
}

func (projectMemberCmd) Help() string {
	return "Gives somebody a role in a project, and makes the account if there is none. A project that a command has made has no member, " +
		"and so nobody sees it after signing in. Sign in with a mail or with the link of login-link."
}

func (c projectMemberCmd) Run(ctx context.Context, a *app) error {
	email, ok := account.Address(c.Email)
	if !ok {
		return usageError("that is no mail address: give one like ann@example.com")
	}
	ctx = caused(ctx, "")
	return withExisting(ctx, a, func(s *store.Store, _ config.Config) error {
		rec, err := s.Project(ctx, c.Project)
		if err != nil {
			return err
		}
		u, err := s.EnsureUser(ctx, email, time.Now())
		if err != nil {
			return err
		}
		if err := s.AddMember(ctx, rec.Key, u, account.Role(c.Role), time.Now()); err != nil {
			return err
		}
		fmt.Fprintf(a.out, "%s is %s of %s.\n", email, c.Role, rec.Key)
		return nil
	})
}
