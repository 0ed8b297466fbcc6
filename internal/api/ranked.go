package api

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

const (
	// mostSkipped is how many identities with usage one call passes over among those that follow in the order of their names.
	mostSkipped = 5000
	// rankedScan is how many accounts one call looks at for the conditions of a filter, and rankedPart how many at once.
	rankedScan, rankedPart = 400, 200
)

// rank is a place in the order of usage: the largest first, and of equal ones in the order of their names. Those that are
// not ranked have no usage there.
type rank struct {
	days  rollup.Span // of the first page, so that midnight changes nothing
	usage int64
	name  string
}

// firstRank is the beginning of the order of a project's usage in the current period. Usage is known by the day, so with an
// hourly period it is that of today.
func firstRank(period limit.Period, now time.Time) rank {
	return rank{days: rollup.Span{From: ledger.HourOf(period.Start(now)) / 24, To: ledger.HourOf(now)/24 + 1}, usage: math.MaxInt64}
}

// before reports whether a place comes before another.
func (r rank) before(usage int64, name string) bool {
	return r.usage > usage || r.usage == usage && r.name < name
}

func (r rank) cursor() *string {
	text := fmt.Sprintf("%d %d %d\x00%s", r.days.From, r.days.To, r.usage, r.name)
	return new(base64.RawURLEncoding.EncodeToString([]byte(text)))
}

// readRank is the inverse of rank.cursor.
func readRank(cursor string) (r rank, err error) {
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	numbers, name, _ := strings.Cut(string(text), "\x00")
	fields := strings.Fields(numbers)
	if err != nil || len(fields) != 3 || name != "" && !keepable(name) {
		return r, wrongOrder()
	}
	r.name = name
	for i, into := range []*int64{&r.days.From, &r.days.To, &r.usage} {
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if *into = n; err != nil || n < 0 {
			return r, wrongOrder()
		}
	}
	if days := r.days.To - r.days.From; days < 1 || days > mostDays {
		return r, wrongOrder()
	}
	return r, nil
}

// ranking is a list of identities in the order of their usage, as far as it is collected.
type ranking struct {
	c      *control
	p      *project.Snapshot
	find   ledger.Find
	limit  int
	metric limit.Metric
	at     rank // the last place that was looked at
	items  []Identity
	more   bool // at is not the end of the order
}

// ranked lists identities in the order of a metric of their usage, then those without any. One whose usage grows beyond a
// cursor is not in the pages that follow.
func (c *control) ranked(ctx context.Context, p *project.Snapshot, f ledger.Find, in *listInput, now time.Time) (Identities, error) {
	l := ranking{c: c, p: p, find: f, limit: in.Limit, metric: metricNamed(strings.TrimPrefix(in.Sort, "-")), at: firstRank(p.Period, now), items: []Identity{}}
	var err error
	if in.Cursor != "" {
		if l.at, err = readRank(in.Cursor); err != nil {
			return Identities{}, err
		}
	}
	top, err := c.Reports.Top(ctx, rollup.TopQuery{Project: p.Key, Metric: int(l.metric), Days: l.at.days, Split: rollup.Unsplit, Limit: math.MaxInt})
	if err == nil {
		err = l.addRanked(ctx, top.Items, now)
	}
	var found ledger.Found
	if err == nil {
		found, err = l.addOthers(ctx, top.Items, now)
	}
	if err != nil {
		return Identities{}, err
	}
	page := Identities{Items: l.items, Limit: in.Limit}
	page.count(found)
	if l.more {
		page.NextCursor = l.at.cursor()
	}
	return page, nil
}

// addRanked adds those that have usage and match. l.more is set if it stops before their end.
func (l *ranking) addRanked(ctx context.Context, top []rollup.Named, now time.Time) error {
	var part []rollup.Named
	size, looked := rankedPart, 0
	if l.find.Where.IsZero() {
		size = l.limit + 1
	}
	for i, n := range top {
		if l.at.before(n.Sums[l.metric], n.Name) && l.find.MatchesName(n.Name) {
			part = append(part, n)
		}
		if len(part) < size && i < len(top)-1 || len(part) == 0 {
			continue
		}
		if err := l.addMatching(ctx, part, now); err != nil || l.more {
			return err
		}
		if looked += len(part); looked >= rankedScan && i < len(top)-1 {
			l.more = true
			return nil
		}
		part = nil
	}
	return nil
}

// addMatching adds those that are known and meet the conditions, up to the end of the page.
func (l *ranking) addMatching(ctx context.Context, part []rollup.Named, now time.Time) error {
	names := make([]string, len(part))
	for i, n := range part {
		names[i] = n.Name
	}
	accounts, err := l.c.known(ctx, l.p, names, now)
	if err != nil {
		return err
	}
	of := make(map[string]*ledger.Account, len(accounts))
	for i := range accounts {
		of[accounts[i].Key.Identity] = &accounts[i]
	}
	for _, n := range part {
		if a := of[n.Name]; a != nil && l.find.Where.Matches(a) {
			if l.more = len(l.items) == l.limit; l.more {
				return nil
			}
			l.items = append(l.items, identityOf(a))
		}
		l.at.usage, l.at.name = n.Sums[l.metric], n.Name
	}
	return nil
}

// addOthers adds those without usage, in the order of their names, if the page has place, and returns the query's answer
// with the total.
func (l *ranking) addOthers(ctx context.Context, top []rollup.Named, now time.Time) (ledger.Found, error) {
	f := l.find
	if l.more {
		f.Limit = 1
		return l.c.Ledger.List(ctx, f)
	}
	ranked := make(map[string]bool, len(top))
	for _, n := range top {
		ranked[n.Name] = true
	}
	if l.at.usage > 0 {
		l.at.usage, l.at.name = 0, ""
	}
	place := l.limit - len(l.items)
	f.After, f.Limit = l.at.name, place+1+min(len(top), mostSkipped)
	found, err := l.c.Ledger.List(ctx, f)
	if err != nil {
		return found, err
	}
	var names []string
	for _, name := range found.Names {
		if ranked[name] {
			continue
		}
		if l.more = len(names) == place; l.more {
			break
		}
		names = append(names, name)
		l.at.name = name
	}
	if !l.more && found.Next != "" {
		l.at.name, l.more = found.Next, true
	}
	accounts, err := l.c.known(ctx, l.p, names, now)
	for i := range accounts {
		l.items = append(l.items, identityOf(&accounts[i]))
	}
	return found, err
}
