package live

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func rejected(code string) Event { return Event{Rejected: &Rejected{Code: code}} }

// A watcher gets 20 events a second; the others are counted.
func TestEventsOfASecondAreBounded(t *testing.T) {
	t.Parallel()
	var h Hub
	h.Publish("pk_1", rejected("nobody")) // nobody watches
	w := h.Watch("pk_1")
	defer w.Stop()
	for range 50 {
		h.Publish("pk_1", rejected("a"))
		h.Publish("pk_2", rejected("other project"))
	}
	if n := len(w.Events); n != MostEvents {
		t.Errorf("%d events, want %d", n, MostEvents)
	}
	if got, want := w.Tick(), (Tick{50, 50 - MostEvents}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for range MostEvents {
		if e := <-w.Events; e.Rejected.Code != "a" {
			t.Fatalf("got %+v", e.Rejected)
		}
	}
	h.Publish("pk_1", rejected("b"))
	if got, want := w.Tick(), (Tick{1, 0}); got != want || len(w.Events) != 1 {
		t.Errorf("%+v with %d events, want %+v with one", got, len(w.Events), want)
	}
	w.Stop()
	if h.Watched() {
		t.Error("it is watched after the last watcher has stopped")
	}
}

// News that every node learns by itself reaches the watchers of one node only.
func TestANotificationStaysOnItsNode(t *testing.T) {
	t.Parallel()
	var h Hub
	h.remote = map[string]*remote{"pk_1": {}}
	if h.WatchedHere("pk_1") {
		t.Error("a project is watched here before anybody watches it")
	}
	w := h.Watch("pk_1")
	h.Notify("pk_1", Event{Settings: &Settings{Version: 2, By: "cli"}})
	h.Notify("pk_2", Event{Settings: &Settings{Version: 3}})
	if got := (<-w.Events).Settings; got == nil || got.Version != 2 || len(w.Events) != 0 {
		t.Errorf("got %+v and %d more, want version 2", got, len(w.Events))
	}
	if n := h.remote["pk_1"].n; n != 0 || !h.WatchedHere("pk_1") || h.WatchedHere("pk_2") {
		t.Errorf("%d events for other nodes, want none", n)
	}
	w.Stop()
	if h.WatchedHere("pk_1") {
		t.Error("a project is watched here after its last watcher has stopped")
	}
}

// bus passes messages to all hubs, and fails the test at one that PostgreSQL would not take.
type bus struct {
	t   *testing.T
	all []chan string
}

func (b *bus) Send(_ context.Context, payload string) error {
	if len(payload) >= 8000 {
		b.t.Errorf("a message of %d bytes", len(payload))
	}
	for _, c := range b.all {
		c <- payload
	}
	return nil
}

// A watcher sees the requests of all nodes. When nobody watches any longer, the other nodes stop to send.
func TestEventsComeFromAllNodes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a, b Hub
		lines := &bus{t: t, all: []chan string{make(chan string, 100), make(chan string, 100)}}
		ctx, stop := context.WithCancel(t.Context())
		go a.Link(ctx, lines, lines.all[0], time.Now)
		go b.Link(ctx, lines, lines.all[1], time.Now)
		w := a.Watch("pk_1")
		time.Sleep(batchInterval)
		synctest.Wait()
		if !b.Watched() {
			t.Fatal("the other node does not know that somebody watches")
		}
		w.Tick()
		for range 30 {
			b.Publish("pk_1", Event{Request: &Request{Identity: strings.Repeat("long", 120), CostUSD: json.Number("0.1")}})
		}
		a.Publish("pk_1", rejected("here"))
		time.Sleep(2 * batchInterval)
		synctest.Wait()
		tick := w.Tick()
		if got := len(w.Events); tick.PerSecond != 31 || got != tick.PerSecond-tick.Dropped || got < 8 {
			t.Errorf("%d events and %+v, want 31 in all", got, tick)
		}
		w.Stop()
		time.Sleep(watchedFor + announceInterval)
		synctest.Wait()
		if a.Watched() || b.Watched() {
			t.Error("a node goes on although nobody watches")
		}
		stop()
		synctest.Wait()
	})
}

// While nobody watches, a request costs an atomic load.
func BenchmarkNobodyWatches(b *testing.B) {
	var h Hub
	b.ReportAllocs()
	for b.Loop() {
		if h.Watched() {
			b.Fatal("somebody watches")
		}
	}
}
