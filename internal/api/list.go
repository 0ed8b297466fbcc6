package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Filter are the parameters that choose identities.
type Filter struct {
	Q       string `query:"q" maxLength:"512" doc:"A text to search for in names, as match says. Letter case matters."`
	Match   string `query:"match" enum:"prefix,contains,exact" default:"prefix" doc:"The part of a name that q is compared with: its beginning, any part, or the whole."`
	Search  string `query:"search" maxLength:"512" doc:"The same as q with match=contains."`
	Tier    string `query:"tier" maxLength:"64" doc:"Only identities for which your server has set this tier."`
	Enabled string `query:"enabled" enum:"true,false" doc:"Only identities that may, or may not, make requests."`
	Has     string `query:"has" enum:"override,credits,promo" doc:"Only identities with limits or a limit response of their own, with credits left, or with a promotion that has not ended."`
}

// find returns the query that the parameters describe.
func (in *Filter) find(project string, now time.Time) (ledger.Find, error) {
	f := ledger.Find{Project: project, Text: in.Q, Where: ledger.Where{Now: now, Has: hasNames[in.Has]}}
	if in.Tier != "" {
		f.Where.Tier = &in.Tier
	}
	if in.Enabled != "" {
		f.Where.Enabled = new(in.Enabled == "true")
	}
	switch {
	case in.Q == "": // match has no effect
	case in.Match == "contains":
		f.Match = ledger.Contains
	case in.Match == "exact":
		f.Match = ledger.Exact
	}
	switch {
	case in.Search != "" && in.Q != "":
		return f, wrong("query.search", "is the same as q with match=contains; give one of them")
	case in.Search != "":
		f.Text, f.Match = in.Search, ledger.Contains
	}
	for name, text := range map[string]string{"query.q": in.Q, "query.search": in.Search, "query.tier": in.Tier} {
		if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return f, wrong(name, "is not printable UTF-8")
		}
	}
	return f, nil
}

var hasNames = map[string]ledger.Has{"override": ledger.HasOverride, "credits": ledger.HasCredits, "promo": ledger.HasPromo}

type listInput struct {
	InProject
	Filter
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"The largest number of items in the answer."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"The nextCursor of the page before. The other parameters must stay the same."`
	Offset int    `query:"offset" minimum:"0" maximum:"10000" default:"0" doc:"The number of items to skip. Use cursor for further pages."`
	Sort   string `query:"sort" enum:"name,recent,-requests,-tokens,-costUsd" default:"name" doc:"The order: by name, with the latest changes first (updatedAt), or with the largest usage of the current period first."`
}

// find returns the query that the parameters describe.
func (in *listInput) find(project string, now time.Time) (ledger.Find, error) {
	f, err := in.Filter.find(project, now)
	if err != nil {
		return f, err
	}
	f.Limit, f.Offset, f.Recent = in.Limit, in.Offset, in.Sort == "recent"
	switch {
	case in.Sort != "name" && in.Offset > 0:
		return f, wrong("query.offset", "works with sort=name only; use cursor")
	case in.Cursor == "", in.ranks():
		return f, nil
	case in.Offset > 0:
		return f, wrong("query.offset", "cannot be given beside a cursor")
	}
	f.After, f.AfterAt, err = readCursor(in.Cursor, f.Recent)
	return f, err
}

// ranks reports whether the order is that of usage, which has cursors of its own.
func (in *listInput) ranks() bool { return strings.HasPrefix(in.Sort, "-") }

// cursorOf returns the cursor of the page after found. In the order of the latest changes it has a time before the name.
func cursorOf(found ledger.Found, recent bool) *string {
	if found.Next == "" {
		return nil
	}
	at := ""
	if recent {
		at = strconv.FormatInt(found.NextAt.UnixMicro(), 10) + "\x00"
	}
	return new(base64.RawURLEncoding.EncodeToString([]byte(at + found.Next)))
}

// readCursor is the inverse of cursorOf.
func readCursor(cursor string, recent bool) (name string, at time.Time, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	name, ok := string(text), err == nil
	if recent {
		var micros string
		micros, name, ok = strings.Cut(name, "\x00")
		n, err := strconv.ParseInt(micros, 10, 64)
		at, ok = time.UnixMicro(n).UTC(), ok && err == nil
	}
	if !ok || !keepable(name) {
		return "", at, wrongOrder()
	}
	return name, at, nil
}

func wrongOrder() error {
	return wrong("query.cursor", "is not the nextCursor of a page in this order; leave it out for the first one")
}

func (c *control) list(ctx context.Context, in *listInput) (*answer[Identities], error) {
	p, now := projectOf(ctx), c.now()
	f, err := in.find(p.Key, now)
	if err != nil {
		return nil, err
	}
	if in.ranks() {
		page, err := c.ranked(ctx, p, f, in, now)
		if err != nil {
			return nil, err
		}
		return show(page)
	}
	found, err := c.Ledger.List(ctx, f)
	if err != nil {
		return nil, err
	}
	page := Identities{Items: make([]Identity, 0, len(found.Names)), Limit: in.Limit, Offset: in.Offset, NextCursor: cursorOf(found, f.Recent)}
	page.count(found)
	accounts, err := c.known(ctx, p, found.Names, now)
	if err != nil {
		return nil, err
	}
	for i := range accounts {
		page.Items = append(page.Items, identityOf(&accounts[i]))
	}
	return show(page)
}

// count sets the total that a query has found.
func (page *Identities) count(found ledger.Found) {
	page.Total = &found.Total
	if found.AtLeast {
		page.Total, page.TotalAtLeast = nil, &found.Total
	}
}

// known returns the accounts of names. One that was deleted meanwhile is left out.
func (c *control) known(ctx context.Context, p *project.Snapshot, names []string, now time.Time) ([]ledger.Account, error) {
	keys := make([]ledger.Key, len(names))
	for i, name := range names {
		keys[i] = ledger.Key{Project: p.Key, Identity: name}
	}
	all, err := c.Ledger.Accounts(ctx, keys, p.Period, now)
	if err != nil {
		return nil, fmt.Errorf("read %d identities: %w", len(names), err)
	}
	known := all[:0]
	for _, a := range all {
		if a.Known {
			known = append(known, a)
		}
	}
	return known, nil
}
