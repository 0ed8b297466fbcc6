package live

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Watchers are on one node and requests on all. So a node with watchers announces their projects every few seconds, and
// the other nodes send it batches of these projects' events, a few times a second.

const (
	announceInterval = 3 * time.Second
	// watchedFor is how long a project counts as watched after an announcement.
	watchedFor = 3 * announceInterval
	// batchInterval is how often events are sent to other nodes.
	batchInterval = 250 * time.Millisecond
	// mostPayload is how many bytes one message has: PostgreSQL takes less than 8000.
	mostPayload = 7500
	// mostAnnounced is how many projects one message announces.
	mostAnnounced = 100
)

// remote is the events of a project that is watched on another node.
type remote struct {
	until  time.Time // the announcement's end
	n      int       // events since the last batch
	events []Event
}

func (r *remote) add(e Event) {
	r.n++
	if len(r.events) < MostEvents {
		r.events = append(r.events, e)
	}
}

// message is what nodes send each other.
type message struct {
	From    string   `json:"from"`              // the node
	Watched []string `json:"watched,omitempty"` // projects that it watches
	Project string   `json:"project,omitempty"` // of the events
	N       int      `json:"n,omitempty"`       // how many events there were
	Events  []Event  `json:"events,omitempty"`  // the first of them
}

// Bus carries messages between the nodes.
type Bus interface {
	// Send sends a message of at most 7,900 bytes to all nodes, this one included. A message may be lost.
	Send(ctx context.Context, payload string) error
}

// Link joins the hub to those of other nodes until ctx ends. received are the messages of all nodes.
func (h *Hub) Link(ctx context.Context, bus Bus, received <-chan string, now func() time.Time) {
	own := strconv.FormatUint(rand.Uint64(), 36)
	announce, batch := time.NewTicker(announceInterval), time.NewTicker(batchInterval)
	defer announce.Stop()
	defer batch.Stop()
	send := func(messages []message) {
		for _, m := range messages {
			m.From = own
			if payload, err := json.Marshal(m); err == nil && ctx.Err() == nil {
				_ = bus.Send(ctx, string(payload)) // what is lost is only not shown
			}
		}
	}
	announced := map[string]bool{}
	for {
		select {
		case <-ctx.Done():
			return
		case payload := <-received:
			h.receive(payload, own, now())
		case <-announce.C:
			announced = map[string]bool{}
			send(h.announcements(announced))
		case <-batch.C:
			send(h.announcements(announced)) // those that are new
			send(h.batches(now()))
		}
	}
}

// announcements returns messages with the projects that are watched here and not in announced, and adds them to it.
func (h *Hub) announcements(announced map[string]bool) (all []message) {
	if !h.Watched() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var projects []string
	for project := range h.watchers {
		if !announced[project] {
			announced[project] = true
			projects = append(projects, project)
		}
	}
	for part := range slices.Chunk(projects, mostAnnounced) {
		all = append(all, message{Watched: part})
	}
	return all
}

// batches returns the events for other nodes, and forgets projects that are no longer watched there.
func (h *Hub) batches(now time.Time) (all []message) {
	if !h.Watched() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for project, r := range h.remote {
		if r.n > 0 {
			all = append(all, fitting(message{Project: project, N: r.n, Events: r.events}))
		}
		r.n, r.events = 0, nil
		if now.After(r.until) {
			delete(h.remote, project)
			h.watched.Add(-1)
		}
	}
	return all
}

// fitting leaves out events until the message is small enough. They are still counted.
func fitting(m message) message {
	size := 200
	for i := range m.Events {
		b, err := json.Marshal(m.Events[i])
		if size += len(b) + 1; err != nil || size > mostPayload {
			m.Events = m.Events[:i]
			break
		}
	}
	return m
}

// receive takes a message of another node.
func (h *Hub) receive(payload, own string, now time.Time) {
	var m message
	if json.Unmarshal([]byte(payload), &m) != nil || m.From == own {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, project := range m.Watched {
		if h.remote == nil {
			h.remote = map[string]*remote{}
		}
		if h.remote[project] == nil {
			h.remote[project] = &remote{}
			h.watched.Add(1)
		}
		h.remote[project].until = now.Add(watchedFor)
	}
	if m.N > 0 {
		h.offer(m.Project, m.N, m.Events...)
	}
}
