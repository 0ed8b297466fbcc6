package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/axiomhq/hyperloglog"
	"github.com/jackc/pgx/v5"

	"github.com/airatelimit/airatelimit/internal/account"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/rollup"
	"github.com/airatelimit/airatelimit/internal/secret"
	"github.com/airatelimit/airatelimit/internal/store"
	"github.com/airatelimit/airatelimit/test/stack"
)

// The size of the world besides its identities: what the product keeps at most, or more than anybody needs.
const (
	worldDays     = 400             // with rollups: the longest range that a report has
	worldHours    = store.KeptHours // days with rollups by hour
	worldModels   = 100             // keys of a split that a day keeps apart
	worldCodes    = 20
	worldRefused  = 500 // refused identities that a day keeps
	worldRefusals = 12  // kinds of refusals in an hour
	worldVersions = project.KeptVersions
	worldProjects = 50
	worldMembers  = account.MaxMembers
	worldSessions = 200
	worldPrompts  = 100
	worldSaves    = 50 // versions of a prompt
	openDay       = 4096
	closedDay     = 1000
	busyModels    = 3 // models that the busy identity uses in each hour
)

// world is a database as it is after months of use, and what a caller needs to read it.
type world struct {
	project, secretKey string
	session            string // the value of the cookie
	identities         int
	now                time.Time
	hour, today        int64 // Unix hours, Unix days

	db  *store.DB
	rng *rand.Rand
}

// settings of the project: tiers, limits of many models, and a burst.
func worldSettings() string {
	models := make([]string, worldModels)
	for i := range models {
		models[i] = fmt.Sprintf(`%q: {"requestLimit": 1000, "tokenLimit": 1000000}`, modelName(i))
	}
	return `{"name": "Reads", "requestLimit": 100, "tokenLimit": 1000000, "costLimitUsd": 50, "requestsPerMinute": 60, "modelLimits": {` +
		strings.Join(models, ", ") + `}, "tiers": {"free": {"requestLimit": 100}, "pro": {"requestLimit": 500}, "gold": {"costLimitUsd": 100}},
		"limitResponse": {"message": "You've used {{usage}} of {{limit}}.", "deepLink": "app://upgrade"}}`
}

func modelName(i int) string    { return "model-" + strconv.Itoa(i) }
func identityName(i int) string { return fmt.Sprintf("user-%0*d", identityDigits, i) }

// busy is the identity with the longest history.
const busy = 7

var worldTiers = []string{"", "free", "pro", "gold"}

// newWorld fills an empty database.
func newWorld(ctx context.Context, location string, identities int) (w *world, err error) {
	db, err := store.Open(ctx, location)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	now := time.Now().UTC()
	w = &world{identities: identities, now: now, hour: ledger.HourOf(now), db: db, rng: rand.New(rand.NewPCG(1, 2))}
	w.today = w.hour / 24
	for _, step := range []struct {
		what string
		do   func(ctx context.Context) error
	}{
		{"projects and people", w.people}, {"identities", w.names}, {"usage", w.usage}, {"rollups", w.figures},
		{"identities of the rollups", w.sketches}, {"refusals", w.refusals}, {"the audit trail", w.audit}, {"versions", w.versions},
		{"the rest", w.rest},
	} {
		if err := step.do(ctx); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", step.what, err)
		}
	}
	if db.Pool != nil {
		_, err = db.Write.ExecContext(ctx, `VACUUM ANALYZE`) // as PostgreSQL would by itself before long
	}
	return w, err
}

// insert inserts rows into a table: n of them, each by its number.
func (w *world) insert(ctx context.Context, table, columns string, n int, row func(i int) []any) error {
	names := strings.Split(columns, " ")
	if w.db.Pool != nil {
		_, err := w.db.Pool.CopyFrom(ctx, pgx.Identifier{table}, names, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
		return err
	}
	tx, err := w.db.Write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to roll back
	into, err := tx.PrepareContext(ctx, `INSERT INTO `+table+` (`+strings.Join(names, ", ")+`) VALUES (?`+strings.Repeat(", ?", len(names)-1)+`)`)
	if err != nil {
		return err
	}
	for i := range n {
		if _, err := into.ExecContext(ctx, row(i)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// people makes a user with sessions, the project with its members, and the user's other projects.
func (w *world) people(ctx context.Context) error {
	s := store.New(w.db, nil)
	w.session = secret.NewToken()
	user, err := stack.Session(ctx, s, "owner@example.com", w.session, w.now)
	if err != nil {
		return err
	}
	ctx = ledger.WithCause(ctx, ledger.Cause{By: ledger.Actor{Kind: ledger.User, ID: user.ID, Email: user.Email}, At: w.now})
	for i := range worldProjects {
		settings, err := project.ParseSettings([]byte(`{"name": "Another"}`))
		if i == 0 {
			settings, err = project.ParseSettings([]byte(worldSettings()))
		}
		if err != nil {
			return err
		}
		rec, key, err := s.CreateProject(ctx, settings)
		if err != nil {
			return err
		}
		if i == 0 {
			w.project, w.secretKey = rec.Key, key
			continue
		}
		if err := w.insert(ctx, "usage_total", "project_id hour requests", 24, func(i int) []any { return []any{rec.Key, 24*w.today + int64(i), 5} }); err != nil {
			return err
		}
		if err := w.insert(ctx, "rollup_projects", "project_id built first_at last_at", 1, func(int) []any { return []any{rec.Key, true, 1, w.now.UnixMicro()} }); err != nil {
			return err
		}
	}
	id := func(i int) string { return fmt.Sprint("us_bench", i) }
	return errors.Join(
		w.insert(ctx, "users", "id email created_at", worldMembers-1, func(i int) []any { return []any{id(i), fmt.Sprint(i, "@example.com"), 1} }),
		w.insert(ctx, "members", "project_id user_id role created_at", worldMembers-1, func(i int) []any { return []any{w.project, id(i), "viewer", 1} }),
		w.insert(ctx, "sessions", "hash id user_id created_at seen_at expires_at ip agent", worldSessions-1, func(i int) []any {
			hash := secret.Hash(fmt.Sprint(i))
			return []any{hash[:], fmt.Sprint("se_bench", i), user.ID, 1, 1, w.now.Add(time.Hour).UnixMicro(), "192.0.2.1", "bench"}
		}))
}

// settingsOf returns what is set for an identity, as the ledgers keep it.
func settingsOf(i int) (string, error) {
	var s ledger.Settings
	switch {
	case i%1000 == 0:
		s.Tier = "gold"
	case i%10 == 0:
		s.Tier = "pro"
	case i%100 == 1:
		s.Disabled = true
	case i%50 == 2:
		s.Level.Caps[limit.Requests] = new(int64(1000))
	default:
		return "", nil
	}
	text, err := json.Marshal(s)
	return string(text), err
}

// names makes the identities, in the order of their names, with changes at times in any order.
func (w *world) names(ctx context.Context) error {
	var failed error
	day := int64(24 * time.Hour / time.Microsecond)
	return errors.Join(w.insert(ctx, "identities", "project_id identity known settings credit_tokens unlimited_until created_at updated_at", w.identities, func(i int) []any {
		settings, err := settingsOf(i)
		failed = errors.Join(failed, err)
		credits, until := 0, int64(0)
		switch i % 50 {
		case 3:
			credits = 1000
		case 4:
			until = w.now.UnixMicro() + day
		}
		return []any{w.project, identityName(i), true, settings, credits, until, w.now.UnixMicro() - w.rng.Int64N(190*day), w.now.UnixMicro() - w.rng.Int64N(90*day)}
	}), failed)
}

// nearEach says which identities have nearly used up a limit: each twentieth.
const nearEach, nearRest = 20, 5

// usage makes a row of this hour for each identity, and the long history of one.
func (w *world) usage(ctx context.Context) error {
	const columns = "project_id identity hour model tier kind requests tokens micros input_tokens output_tokens"
	near := w.identities / nearEach
	return errors.Join(
		w.insert(ctx, "usage", columns, w.identities, func(i int) []any {
			requests := 10
			if i%nearEach == nearRest {
				requests = 95
			}
			return []any{w.project, identityName(i), w.hour, modelName(0), "", 0, requests, 14000, 3000, 4000, 10000}
		}),
		w.insert(ctx, "usage", columns, worldDays*24*busyModels, func(i int) []any {
			return []any{w.project, identityName(busy), w.hour - 1 - int64(i/busyModels), modelName(i % busyModels), "", 0, 3, 4000, 900, 1000, 3000}
		}),
		w.insert(ctx, "near_limits", "project_id identity metric scope model tier used resets_at", near, func(i int) []any {
			return []any{w.project, identityName(nearEach*i + nearRest), "requests", "project", "", "", 900 + i%101, 24 * (w.today + 1) * int64(time.Hour/time.Microsecond)}
		}))
}

// hourly returns the requests of an hour: ten for each identity in 90 days.
func (w *world) hourly() int64 { return int64(max(1, 10*w.identities/(90*24))) }

// figures makes the sums of hours and days.
func (w *world) figures(ctx context.Context) error {
	each := w.hourly()
	names := [][]string{make([]string, worldModels), worldTiers, {rollup.Answered, rollup.Refused, rollup.ProviderFailed, rollup.ClientGone, rollup.Failed}, make([]string, worldCodes)}
	for i := range names[rollup.ByModel] {
		names[rollup.ByModel][i] = modelName(i)
	}
	for i := range names[rollup.ByCode] {
		names[rollup.ByCode][i] = fmt.Sprint("code_", i)
	}
	err := w.insert(ctx, "usage_total", "project_id hour requests tokens micros refused created", 24*worldHours, func(i int) []any {
		return []any{w.project, w.hour - int64(i), each, 1400 * each, 300 * each, each / 20, each / 50}
	})
	for split, keys := range names {
		n := len(keys)
		err = errors.Join(err,
			w.insert(ctx, "usage_hour", "project_id split hour key requests tokens micros refused", 24*worldHours*n, func(i int) []any {
				part := 1 + each/int64(1+i%n)
				return []any{w.project, split, w.hour - int64(i/n), keys[i%n], part, 1400 * part, 300 * part, part / 20}
			}),
			w.insert(ctx, "usage_day", "project_id split day key requests tokens micros refused last", worldDays*n, func(i int) []any {
				part, day := 1+24*each/int64(1+i%n), w.today-int64(i/n)
				return []any{w.project, split, day, keys[i%n], part, 1400 * part, 300 * part, part / 20, min(24*day+23, w.hour)}
			}))
	}
	return err
}

// sketch returns the sketch of a number of identities.
func (w *world) sketch(n int64) ([]byte, error) {
	var name [8]byte
	sketch := hyperloglog.New()
	for range n {
		binary.NativeEndian.PutUint64(name[:], uint64(w.rng.Int64N(int64(w.identities))))
		sketch.Insert(name[:])
	}
	return sketch.MarshalBinary()
}

// top returns a top of a number of identities.
func (w *world) top(n int) *rollup.Top {
	top := rollup.NewTop()
	for range min(n, w.identities) {
		requests := 1 + w.rng.Int64N(50)
		top.Add(identityName(w.rng.IntN(w.identities)), rollup.Sums{requests, 1400 * requests, 300*requests + w.rng.Int64N(300)}, rollup.Sums{})
	}
	return top
}

// sketches makes the sketches of identities, and the tops.
func (w *world) sketches(ctx context.Context) error {
	var failed error
	sketch := func(n int64) []byte {
		b, err := w.sketch(n)
		failed = errors.Join(failed, err)
		return b
	}
	// An identity makes some requests a day, so there are fewer identities than requests.
	err := errors.Join(
		w.insert(ctx, "active_hour", "project_id hour sketch", 24*worldHours, func(i int) []any { return []any{w.project, w.hour - int64(i), sketch(w.hourly())} }),
		w.insert(ctx, "active_day", "project_id day sketch", worldDays, func(i int) []any { return []any{w.project, w.today - int64(i), sketch(12 * w.hourly())} }),
		w.insert(ctx, "top_open", "project_id day entries", 2, func(i int) []any { return []any{w.project, w.today - int64(i), w.top(openDay).Append(nil)} }))
	for day := w.today - worldDays; day < w.today-1; day++ {
		top := w.top(openDay)
		err = errors.Join(err, w.insert(ctx, "top_day", "project_id metric day entries", rollup.NumMetrics, func(m int) []any {
			return []any{w.project, m, day, top.AppendFirst(nil, m, closedDay)}
		}))
	}
	return errors.Join(err, failed)
}

// refusals makes refused requests by their kinds, and the identities that were refused.
func (w *world) refusals(ctx context.Context) error {
	return errors.Join(
		w.insert(ctx, "refusals", "project_id hour code metric model tier refused", 24*worldHours*worldRefusals, func(i int) []any {
			n := i % worldRefusals
			return []any{w.project, w.hour - int64(i/worldRefusals), "limit_exceeded", "requests", modelName(n), worldTiers[n%len(worldTiers)], 1 + n}
		}),
		w.insert(ctx, "refused_identities", "project_id hour entries", worldHours, func(i int) []any {
			return []any{w.project, 24 * (w.today - int64(i)), w.top(worldRefused).AppendFirst(nil, 0, worldRefused)}
		}))
}

// audit makes the audit trail: a line for each fifth identity, and a thousand of one.
func (w *world) audit(ctx context.Context) error {
	const ofBusy = 1000
	actions := []string{"giftIdentity", "promoteIdentity", "resetIdentity", "updateIdentity"}
	step := 90 * 24 * time.Hour / time.Duration(w.identities/5+ofBusy)
	return w.insert(ctx, "audit", "project_id identity action reason detail at actor_kind actor_id actor_email", w.identities/5+ofBusy, func(i int) []any {
		name := identityName(w.rng.IntN(w.identities))
		if i%max(1, w.identities/5/ofBusy) == 0 {
			name = identityName(busy)
		}
		return []any{w.project, name, actions[i%len(actions)], "a reason", `{"tokens": 1000}`, w.now.Add(-time.Duration(i) * step).UnixMicro(), "user", "us_bench1", "1@example.com"}
	})
}

// versions makes as many versions of the settings as are kept.
func (w *world) versions(ctx context.Context) error {
	var settings, masks string
	err := w.db.Write.QueryRowContext(ctx, `SELECT settings, masks FROM settings_versions WHERE project_id = $1 AND version = 1`, w.project).Scan(&settings, &masks)
	if err != nil {
		return err
	}
	err = w.insert(ctx, "settings_versions", "project_id version at actor_kind actor_id actor_email reason changes settings masks", worldVersions-1, func(i int) []any {
		return []any{w.project, i + 2, w.now.UnixMicro(), "user", "us_bench1", "1@example.com", "a reason",
			`[{"path": "requestLimit", "from": 100, "to": 200, "text": "requestLimit: 100 becomes 200"}]`, settings, masks}
	})
	if err != nil {
		return err
	}
	_, err = w.db.Write.ExecContext(ctx, `UPDATE projects SET version = $1 WHERE id = $2`, worldVersions, w.project)
	return err
}

// rest makes prompts and an operation, and notes that everything is added up.
func (w *world) rest(ctx context.Context) error {
	text := strings.Repeat("You are the assistant of {{app}}. ", 100)
	name := func(i int) string { return fmt.Sprint("prompt-", i) }
	err := errors.Join(
		w.insert(ctx, "prompts", "project_id name version created_at revision", worldPrompts, func(i int) []any { return []any{w.project, name(i), worldSaves, 1, 1} }),
		w.insert(ctx, "prompt_versions", "project_id name version description enabled sealed text bytes restored actor_kind actor_id actor_email at", worldPrompts*worldSaves, func(i int) []any {
			return []any{w.project, name(i / worldSaves), i%worldSaves + 1, "", 1, 0, text, len(text), 0, "user", "us_bench1", "1@example.com", 1}
		}),
		w.insert(ctx, "operations", "project_id id definition fingerprint state matched applied created_at updated_at", 1000, func(i int) []any {
			return []any{w.project, fmt.Sprint("op_bench", i), `{"action": "gift"}`, []byte{}, "done", 500, 500, w.now.UnixMicro(), w.now.UnixMicro()}
		}),
		w.insert(ctx, "rollup_projects", "project_id built first_at last_at refused_at refused_for", 1, func(int) []any {
			return []any{w.project, true, 1, w.now.UnixMicro(), w.now.UnixMicro(), "limit_exceeded"}
		}))
	if err != nil {
		return err
	}
	var changed sql.Result
	changed, err = w.db.Write.ExecContext(ctx, `UPDATE rollup_state SET built = $1, pruned = $2`, true, w.today)
	if err != nil {
		return err
	}
	if n, err := changed.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, errors.New("the state of the rollups is not there"))
	}
	return nil
}
