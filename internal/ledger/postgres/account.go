package postgres

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/rollup"
)

// account is one identity within a transaction. Its row is locked, if it has one.
type account struct {
	key     ledger.Key
	exists  bool // has a row
	blocked bool // another session keeps its row locked

	known                bool
	hasSettings          bool
	settings             string           // JSON; only if the row was locked whole
	revision             int64            // of the settings
	settingsBefore       *ledger.Settings // the settings before a change
	createdAt, updatedAt int64            // Unix µs, 0 for none
	existed              bool             // createdAt was set before this transaction
	state                limit.State
	summed               bool // state.Used is the sum of the usage rows

	loaded    []loadedHold
	used      []ledger.UsageRow
	passedIDs []uint64 // ids of passed requests that were counted
	newPeriod bool     // state has entered a new period
	changed   bool     // the row must be written
}

// loadedHold is the part of a stored hold that compareHolds needs.
type loadedHold struct {
	id    uint64
	slack time.Duration
}

// notSummed stands for the period of a row in which usage was never summed.
const notSummed = -1

// load reads a row of lockAccounts, after its number.
func (a *account) load(r *record) {
	a.exists = true
	a.known, a.hasSettings, a.settings, a.revision = r.bool(), r.bool(), r.text(), r.int()
	a.state.Credits = r.amounts()
	a.state.UnlimitedUntil, a.state.Burst = timeOf(r.int(), time.UnixMicro), timeOf(r.int(), fromNanos)
	period, start, used := r.int(), r.int(), r.text()
	if period != notSummed {
		a.summed = true
		a.state.Period, a.state.Start, a.state.Used = limit.Period(period), ledger.HourTime(start), decodeUsed(used)
	}
	a.createdAt, a.updatedAt = r.int(), r.int()
	a.existed = a.createdAt != 0
}

// loadHold reads a row of readHolds, after its number.
func (a *account) loadHold(r *record) {
	h := limit.Hold{ID: uint64(r.int()), Model: ledger.UnescapeName(r.text()), Tier: ledger.UnescapeName(r.text()), Amounts: r.amounts(), Credit: r.amounts()}
	limited := r.int()
	terms := limit.Terms{Interval: time.Duration(r.int()), Slack: time.Duration(r.int())}
	for m := range terms.Limited {
		terms.Limited[m] = limited&(1<<m) != 0
	}
	h.SetTerms(terms)
	h.At = time.UnixMicro(r.int()).UTC()
	a.state.Holds = append(a.state.Holds, h)
	a.loaded = append(a.loaded, loadedHold{h.ID, terms.Slack})
}

// markKnown makes an identity known when it makes a request.
func (a *account) markKnown(now time.Time) {
	if a.known {
		return
	}
	a.known, a.changed = true, true
	if a.createdAt == 0 {
		a.createdAt, a.updatedAt = now.UnixMicro(), now.UnixMicro()
	}
}

// view returns a copy that the caller may change.
func (a *account) view(settings *ledger.Settings) ledger.Account {
	v := ledger.Account{
		Key: a.key, Known: a.known, Settings: settings,
		CreatedAt: timeOf(a.createdAt, time.UnixMicro), UpdatedAt: timeOf(a.updatedAt, time.UnixMicro), State: a.state,
	}
	v.State.Used = append([]limit.ModelUsage(nil), a.state.Used...)
	v.State.Holds = append([]limit.Hold(nil), a.state.Holds...)
	return v
}

// writeRow adds the account's row to a table for insertAccounts or updateAccounts.
func (a *account) writeRow(t *table) {
	s := &a.state
	period, start, used := int64(notSummed), int64(0), ""
	if a.summed {
		period, start, used = int64(s.Period), ledger.HourOf(s.Start), encodeUsed(s.Used)
	}
	t.row().text(a.key.Project, a.key.Identity).bool(a.known).int(s.Credits[:]...).
		int(unixOrZero(s.UnlimitedUntil, time.Time.UnixMicro), unixOrZero(s.Burst, time.Time.UnixNano), period, start).
		text(used).int(a.createdAt, a.updatedAt)
}

// writeHold adds a hold to a table for openHolds.
func (a *account) writeHold(t *table, h *limit.Hold, node int64) {
	terms := h.Terms()
	var limited int64
	for m, is := range terms.Limited {
		if is {
			limited |= 1 << m
		}
	}
	t.row().text(a.key.Project, a.key.Identity).int(int64(h.ID), node).text(ledger.EscapeName(h.Model), ledger.EscapeName(h.Tier)).
		int(h.Amounts[:]...).int(h.Credit[:]...).int(limited, int64(terms.Interval), int64(terms.Slack), h.At.UnixMicro())
}

// writeUsage adds to a table for addUsage.
func (a *account) writeUsage(t *table, u *ledger.UsageRow) {
	total := u.Counted.Add(u.Credited)
	t.row().text(a.key.Project, a.key.Identity).int(u.Hour).text(ledger.EscapeName(u.Model), ledger.EscapeName(u.Tier)).
		int(total[:]...).int(u.Credited[:]...).int(u.Input, u.Output)
}

// rollUp adds what this transaction adds to the rollups.
func (a *account) rollUp(w *rollup.Writer) {
	for i := range a.used {
		e := ledger.RollupOf(a.key, &a.used[i])
		w.Add(&e)
	}
	if a.changed && !a.existed && a.createdAt != 0 {
		w.Add(&rollup.Entry{Kind: rollup.Created, Project: a.key.Project, Hour: ledger.HourOf(time.UnixMicro(a.createdAt))})
	}
}

// encodeUsed writes usage by model as the account's row keeps it: one line for each model,
// its name and its amounts separated by tabs, which no escaped name contains.
func encodeUsed(used []limit.ModelUsage) string {
	var b []byte
	for i := range used {
		u := &used[i]
		if u.Counted.IsZero() && u.Credited.IsZero() {
			continue
		}
		b = append(b, ledger.EscapeName(u.Model)...)
		for _, amounts := range [...]limit.Amounts{u.Counted, u.Credited} {
			for _, n := range amounts {
				b = strconv.AppendInt(append(b, '\t'), n, 10)
			}
		}
		b = append(b, '\n')
	}
	return string(b)
}

func decodeUsed(text string) []limit.ModelUsage {
	if text == "" {
		return nil
	}
	used := make([]limit.ModelUsage, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		name, figures, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		u := limit.ModelUsage{Model: ledger.UnescapeName(name)}
		for i := range 2 * limit.NumMetrics {
			var figure string
			figure, figures, _ = strings.Cut(figures, "\t")
			n, _ := strconv.ParseInt(figure, 10, 64)
			if i < limit.NumMetrics {
				u.Counted[i] = n
			} else {
				u.Credited[i-limit.NumMetrics] = n
			}
		}
		used = append(used, u)
	}
	return used
}

func encodeSettings(s *ledger.Settings) (string, error) {
	if s == nil {
		return "", nil
	}
	text, err := s.Text()
	return cleaned(text), err
}

func decodeSettings(text string) (*ledger.Settings, error) {
	if text == "" {
		return nil, nil
	}
	s := new(ledger.Settings)
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, ledger.Unavailable("read an identity's settings", err)
	}
	return s, nil
}

func (r *record) amounts() (a limit.Amounts) {
	for m := range a {
		a[m] = r.int()
	}
	return a
}

func fromNanos(n int64) time.Time { return time.Unix(0, n) }

func timeOf(n int64, of func(int64) time.Time) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return of(n).UTC()
}

func unixOrZero(t time.Time, unix func(time.Time) int64) int64 {
	if t.IsZero() {
		return 0
	}
	return unix(t)
}
