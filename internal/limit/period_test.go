package limit

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

func TestPeriodStartsAndEndsInUTC(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		period     Period
		now        string
		start, end string
	}{
		{"hour", Hourly, "2026-11-22T17:59:59.999999999Z", "2026-11-22T17:00:00Z", "2026-11-22T18:00:00Z"},
		{"hour at its start", Hourly, "2026-11-22T17:00:00Z", "2026-11-22T17:00:00Z", "2026-11-22T18:00:00Z"},
		{"hour over midnight and new year", Hourly, "2026-12-31T23:30:00Z", "2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"},
		{"hour in a zone of half hours", Hourly, "2026-11-22T05:45:00+05:30", "2026-11-22T00:00:00Z", "2026-11-22T01:00:00Z"},
		{"day", Daily, "2026-11-22T23:59:59.999999999Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"day at its start", Daily, "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
		{"day east of Greenwich is the day before", Daily, "2026-11-23T08:59:00+09:00", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"day west of Greenwich is the day after", Daily, "2026-11-22T19:00:00-08:00", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"},
		{"leap day", Daily, "2028-02-29T12:00:00Z", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"28 February of a common year", Daily, "2026-02-28T12:00:00Z", "2026-02-28T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"28 February of a leap year", Daily, "2028-02-28T12:00:00Z", "2028-02-28T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"last day of the year", Daily, "2026-12-31T12:00:00Z", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z"},
		{"week on its Monday", Weekly, "2026-11-16T00:00:00Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"week on its Sunday", Weekly, "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-23T00:00:00Z"},
		{"week over a month's end", Weekly, "2026-10-01T12:00:00Z", "2026-09-28T00:00:00Z", "2026-10-05T00:00:00Z"},
		{"week over new year", Weekly, "2027-01-01T12:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},
		{"week with a leap day", Weekly, "2028-03-01T12:00:00Z", "2028-02-28T00:00:00Z", "2028-03-06T00:00:00Z"},
		{"month of 31 days", Monthly, "2026-01-31T23:59:59Z", "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"},
		{"month at its start", Monthly, "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"February of a leap year", Monthly, "2028-02-29T12:00:00Z", "2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"},
		{"February of 2100, no leap year", Monthly, "2100-02-28T23:00:00Z", "2100-02-01T00:00:00Z", "2100-03-01T00:00:00Z"},
		{"December", Monthly, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := c.period.Start(at(c.now)); !got.Equal(at(c.start)) || got.Location() != time.UTC {
				t.Errorf("%s.Start(%s) = %s, want %s", c.period, c.now, got, c.start)
			}
			if got := c.period.End(at(c.now)); !got.Equal(at(c.end)) || got.Location() != time.UTC {
				t.Errorf("%s.End(%s) = %s, want %s", c.period, c.now, got, c.end)
			}
		})
	}
}

func TestPeriodsTileTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.SampledFrom([]Period{Hourly, Daily, Weekly, Monthly}).Draw(t, "period")
		zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
		now := time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "now"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns")).In(zone)
		start, end := period.Start(now), period.End(now)
		if now.Before(start) || !now.Before(end) {
			t.Fatalf("%s is not within [%s, %s)", now, start, end)
		}
		if got := period.Start(start); !got.Equal(start) {
			t.Fatalf("start of the start %s = %s", start, got)
		}
		if got := period.Start(end); !got.Equal(end) {
			t.Fatalf("the period after [%s, %s) starts at %s", start, end, got)
		}
		if got := period.Start(end.Add(-1)); !got.Equal(start) {
			t.Fatalf("the last moment before %s belongs to %s, want %s", end, got, start)
		}
		// Usage is kept by the hour, so a period must consist of whole hours.
		if start.Unix()%3600 != 0 {
			t.Fatalf("%s starts within an hour", start)
		}
	})
}

func TestPeriodNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hourly", "daily", "weekly", "monthly"} {
		p, err := ParsePeriod(name)
		if err != nil || p.String() != name {
			t.Errorf("ParsePeriod(%q) = %s, %v", name, p, err)
		}
	}
	for _, name := range []string{"", "Daily", "yearly", "day"} {
		if p, err := ParsePeriod(name); err == nil {
			t.Errorf("ParsePeriod(%q) = %s, want an error", name, p)
		}
	}
	var zero Period
	if zero != Daily {
		t.Errorf("the zero period is %s, want daily", zero)
	}
}
