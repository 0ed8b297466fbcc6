package provider

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Use is how a project's stored key has fared.
type Use struct {
	Project, Provider string
	UsedAt            time.Time // the last answer that it was good for; zero for none
	FailedAt          time.Time // the last refusal of it or its account; zero for none
	Failure           string    // why: a Complaint's Reason
}

// Uses gathers how stored keys fare, until somebody writes it down. It is safe for concurrent use. A nil *Uses gathers
// nothing.
type Uses struct {
	mu  sync.Mutex
	all map[[2]string]*Use
}

// Used notes that a provider has answered a request with a project's stored key.
func (u *Uses) Used(project, provider string, at time.Time) {
	u.note(project, provider, func(use *Use) { use.UsedAt = at })
}

// Failed notes that a provider has refused a project's stored key or its account.
func (u *Uses) Failed(project, provider string, at time.Time, reason string) {
	u.note(project, provider, func(use *Use) { use.FailedAt, use.Failure = at, reason })
}

func (u *Uses) note(project, provider string, change func(*Use)) {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.all == nil {
		u.all = map[[2]string]*Use{}
	}
	key := [2]string{project, provider}
	use := u.all[key]
	if use == nil {
		use = &Use{Project: project, Provider: provider}
		u.all[key] = use
	}
	change(use)
}

// Take returns what was gathered since the last call, in the order of the projects and providers.
func (u *Uses) Take() []Use {
	u.mu.Lock()
	all := u.all
	u.all = nil
	u.mu.Unlock()
	uses := make([]Use, 0, len(all))
	for _, use := range all {
		uses = append(uses, *use)
	}
	slices.SortFunc(uses, func(a, b Use) int {
		return cmp.Or(strings.Compare(a.Project, b.Project), strings.Compare(a.Provider, b.Provider))
	})
	return uses
}
