package server

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/live"
	"github.com/airatelimit/airatelimit/internal/store"
)

// announceSettings tells those who watch a project on this node of new versions of its settings, until ctx ends. Every node
// does so for its own watchers, whoever has changed the settings: another node, or a command.
func announceSettings(ctx context.Context, made <-chan store.Versions, s *store.Store, hub *live.Hub, log *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-made:
			if !hub.WatchedHere(v.Project) {
				continue
			}
			// Those who watch get no more events in a second anyway.
			versions, err := s.Versions(ctx, v.Project, v.To+1, int(min(v.To-v.After, live.MostEvents)))
			if err != nil {
				log.Debug("change of settings not announced", "project", v.Project, "error", err)
				continue
			}
			for _, version := range slices.Backward(versions) {
				hub.Notify(v.Project, live.Event{Settings: &live.Settings{Version: version.Number, By: nameOf(version.By)}})
			}
		}
	}
}

// nameOf is an actor as watchers see it.
func nameOf(by ledger.Actor) string {
	if by.Kind == ledger.System {
		return ""
	}
	return cmp.Or(by.Email, string(by.Kind))
}
