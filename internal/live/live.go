// Package live passes events of a project's requests to those who watch it, as they happen. Nothing of it is kept.
//
// Invariants: an event holds nothing of a prompt or an answer. While nobody watches, publishing costs an atomic load.
// A watcher gets no more than MostEvents a second; the rest is only counted. Nobody who publishes waits.
package live

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"
)

// MostEvents is how many events a watcher gets in a second.
const MostEvents = 20

// Event is one thing that happened in a project. Exactly one of its fields is set.
type Event struct {
	Request  *Request  `json:"request,omitempty"`
	Rejected *Rejected `json:"rejected,omitempty"`
	Settings *Settings `json:"settings,omitempty"`
}

// Request is a request that was decided on, at its end.
type Request struct {
	At       time.Time    `json:"at" doc:"The time of the request's beginning."`
	Identity string       `json:"identity"`
	Tier     string       `json:"tier" doc:"Empty for none."`
	Model    string       `json:"model"`
	Provider string       `json:"provider" doc:"Empty if none was chosen."`
	Dialect  string       `json:"dialect" doc:"openai, anthropic or gemini."`
	Stream   bool         `json:"stream"`
	Status   int          `json:"status" doc:"The HTTP status of the answer. 499: the client left before."`
	Code     string       `json:"code" doc:"The error code of docs/errors.md, or provider_error, provider_broke_off, client_gone. Empty for an answer."`
	Ms       int64        `json:"ms" doc:"How long the request took, in milliseconds."`
	TTFBMs   *int64       `json:"ttfbMs" doc:"The milliseconds until the provider's first byte. Null if it did not answer."`
	Tokens   int64        `json:"tokens"`
	CostUSD  json.Number  `json:"costUsd"`
	Metric   string       `json:"metric" doc:"The metric of limit and remaining. Empty if no limit is in force."`
	Limit    *json.Number `json:"limit" doc:"The limit of which the least is left."`
	Left     *json.Number `json:"remaining"`
}

// Rejected is a request that was refused before its limits were looked at.
type Rejected struct {
	At      time.Time `json:"at"`
	Status  int       `json:"status"`
	Code    string    `json:"code" doc:"The error code of docs/errors.md."`
	Message string    `json:"message" doc:"What to do."`
}

// Settings is a change of the project's settings.
type Settings struct {
	Version int64  `json:"version"`
	By      string `json:"by" doc:"Who has made the change: a mail address, else secretKey or cli. Empty if it is not known."`
}

// Tick ends each second.
type Tick struct {
	PerSecond int `json:"perSecond" doc:"The events of the last second."`
	Dropped   int `json:"dropped" doc:"How many of them were not sent, because there were more than 20."`
}

// Hub passes events on. The zero value is ready.
type Hub struct {
	watched atomic.Int64 // watchers of this process, and projects watched elsewhere

	mu       sync.Mutex
	watchers map[string]map[*Watcher]bool // by project
	remote   map[string]*remote           // by project watched elsewhere
}

// Watcher gets the events of one project.
type Watcher struct {
	Events <-chan Event

	hub     *Hub
	project string
	events  chan Event
	seen    int // in this second; the hub's mutex guards it and dropped
	dropped int
}

// Watch begins to pass a project's events to a new watcher.
func (h *Hub) Watch(project string) *Watcher {
	events := make(chan Event, MostEvents)
	w := &Watcher{Events: events, hub: h, project: project, events: events}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.watchers == nil {
		h.watchers = map[string]map[*Watcher]bool{}
	}
	if h.watchers[project] == nil {
		h.watchers[project] = map[*Watcher]bool{}
	}
	h.watchers[project][w] = true
	h.watched.Add(1)
	return w
}

// Stop ends the watching.
func (w *Watcher) Stop() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	if !w.hub.watchers[w.project][w] {
		return
	}
	delete(w.hub.watchers[w.project], w)
	if len(w.hub.watchers[w.project]) == 0 {
		delete(w.hub.watchers, w.project)
	}
	w.hub.watched.Add(-1)
}

// Tick ends a second.
func (w *Watcher) Tick() Tick {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	t := Tick{w.seen, w.dropped}
	w.seen, w.dropped = 0, 0
	return t
}

// Watched reports whether anybody may watch anything. Whoever publishes asks first, before it makes an event.
func (h *Hub) Watched() bool { return h.watched.Load() > 0 }

// Publish passes an event to all who watch the project, here and on other nodes.
func (h *Hub) Publish(project string, e Event) {
	if !h.Watched() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offer(project, 1, e)
	if r := h.remote[project]; r != nil {
		r.add(e)
	}
}

// WatchedHere reports whether anybody watches the project on this node.
func (h *Hub) WatchedHere(project string) bool {
	if !h.Watched() {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.watchers[project]) > 0
}

// Notify passes an event only to those who watch the project on this node: the other nodes learn of it by themselves.
func (h *Hub) Notify(project string, e Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offer(project, 1, e)
}

// offer passes an event to the watchers of this process. It stands for n events, of which the others are only counted.
func (h *Hub) offer(project string, n int, events ...Event) {
	for w := range h.watchers[project] {
		sent := 0
		for _, e := range events {
			if w.seen-w.dropped+sent < MostEvents {
				select {
				case w.events <- e:
					sent++
				default:
				}
			}
		}
		w.seen += n
		w.dropped += n - sent
	}
}
