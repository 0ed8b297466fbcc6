package rollup

import "time"

// Alarm is what the guard found in an identity's requests within an hour, added up by its rule. It holds no text.
type Alarm struct {
	Project, Identity        string
	Category, Rule, Severity string
	Blocked                  bool
	Hour                     int64 // Unix hours
	First, Last              int64 // Unix microseconds
	Count                    int64
}

// SecurityEvent is an alarm as it is kept.
type SecurityEvent struct {
	ID int64
	Alarm
}

// SecurityPosition is where a page of events ends.
type SecurityPosition struct{ Last, ID int64 }

// SecurityQuery asks for events of a project.
type SecurityQuery struct {
	Project                  string
	From, To                 time.Time // of the last alarm; zero for no bound
	Identity, Category, Rule string    // "" for any
	Blocked                  *bool
	Before                   SecurityPosition // zero for the beginning
	Limit                    int
}

// Matches reports whether an event is asked for, apart from its time.
func (q *SecurityQuery) Matches(e *SecurityEvent) bool {
	return (q.Identity == "" || q.Identity == e.Identity) && (q.Category == "" || q.Category == e.Category) &&
		(q.Rule == "" || q.Rule == e.Rule) && (q.Blocked == nil || *q.Blocked == e.Blocked)
}

// SecurityCount is how many alarms an hour had of one rule.
type SecurityCount struct {
	Hour           int64
	Category, Rule string
	Blocked        bool
	Count          int64
}
