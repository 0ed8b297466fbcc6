package limit

import (
	"fmt"
	"time"
)

// Period is the time after which usage starts again at zero. All periods are in UTC.
type Period uint8

// The periods. A day starts at 00:00, a week on Monday, a month on the 1st.
const (
	Daily Period = iota
	Hourly
	Weekly
	Monthly
)

var periodNames = [...]string{"daily", "hourly", "weekly", "monthly"}

// String returns the period's name on the wire.
func (p Period) String() string { return periodNames[p] }

// ParsePeriod is the inverse of String.
func ParsePeriod(name string) (Period, error) {
	for p, n := range periodNames {
		if n == name {
			return Period(p), nil
		}
	}
	return 0, fmt.Errorf("unknown period %q: use hourly, daily, weekly or monthly", name)
}

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// Start returns when the period that contains t began.
func (p Period) Start(t time.Time) time.Time {
	t = t.UTC()
	switch p {
	case Hourly:
		return t.Truncate(time.Hour)
	case Weekly:
		return t.Truncate(week) // counts from January 1 of the year 1, which is a Monday
	case Monthly:
		year, month, _ := t.Date()
		return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	default:
		return t.Truncate(day)
	}
}

// End returns when the period that contains t ends and the next begins.
func (p Period) End(t time.Time) time.Time {
	start := p.Start(t)
	switch p {
	case Hourly:
		return start.Add(time.Hour)
	case Weekly:
		return start.Add(week)
	case Monthly:
		return start.AddDate(0, 1, 0)
	default:
		return start.Add(day)
	}
}
