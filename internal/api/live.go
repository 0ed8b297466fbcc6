package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/airatelimit/airatelimit/internal/live"
)

const (
	liveInterval = time.Second
	// mostLive is how long one stream lasts. The browser then connects again, and its session is checked again.
	mostLive = 15 * time.Minute
	// mostStreams is how many streams one server has at once.
	mostStreams = 500
)

// liveEvents mounts the stream of events. huma's package sse is not used: it goes around the response writer, whose deadlines end
// a stream that nobody reads.
func (c *control) liveEvents(doc huma.API) {
	var streams atomic.Int64
	op := huma.Operation{
		OperationID: "watchRequests", Method: http.MethodGet, Path: projectPath + "/live", Tags: []string{reportsTag},
		Summary: "Watch requests as they end",
		Description: "The answer is a stream of server-sent events: request, rejected (refused before limits were looked at), settings (they were changed) " +
			"and, every second, tick. At most 20 events a second are sent, the others are counted in tick.dropped. No event holds anything of a prompt or an answer. " +
			"The stream ends after 15 minutes, and when the server stops: connect again.",
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"text/event-stream": {
			Schema:  &huma.Schema{OneOf: eventData(doc.OpenAPI().Components.Schemas), Description: "The data of an event."},
			Example: "event: tick\ndata: {\"perSecond\":4,\"dropped\":0}\n\n"}}}},
	}
	register(c, doc, accessMember, op, example{}, nil, func(ctx context.Context, _ *liveInput) (*huma.StreamResponse, error) {
		if streams.Add(1) > mostStreams {
			streams.Add(-1)
			return nil, refuse(http.StatusServiceUnavailable, "unavailable", "Too many people watch at once. Try again later.").with("Retry-After", "30")
		}
		project := projectOf(ctx).Key
		return &huma.StreamResponse{Body: func(hctx huma.Context) {
			defer streams.Add(-1)
			r, w := humago.Unwrap(hctx)
			c.stream(r.Context(), w, project)
		}}, nil
	})
}

type liveInput struct{ InProject }

// The data of the events, with names for the OpenAPI document.
type (
	liveRequest  live.Request
	liveRejected live.Rejected
	liveSettings live.Settings
	liveTick     live.Tick
)

// eventData returns the schemas of the events' data.
func eventData(schemas huma.Registry) (all []*huma.Schema) {
	for _, t := range []reflect.Type{reflect.TypeFor[liveRequest](), reflect.TypeFor[liveRejected](), reflect.TypeFor[liveSettings](), reflect.TypeFor[liveTick]()} {
		all = append(all, schemas.Schema(t, true, ""))
	}
	return all
}

// stream sends a project's events until the client leaves, the server drains, or the time is over.
func (c *control) stream(ctx context.Context, w http.ResponseWriter, project string) {
	watcher := c.Live.Watch(project)
	defer watcher.Stop()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	out := http.NewResponseController(w)
	tick, end := time.NewTicker(liveInterval), time.NewTimer(mostLive)
	defer tick.Stop()
	defer end.Stop()
	_, err := io.WriteString(w, "retry: 2000\n\n")
	for err == nil {
		if err = out.Flush(); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-end.C:
			return
		case e := <-watcher.Events:
			err = writeEvent(w, e)
		case <-tick.C:
			if c.Draining != nil && c.Draining() {
				return
			}
			err = writeData(w, "tick", watcher.Tick())
		}
	}
}

func writeEvent(w io.Writer, e live.Event) error {
	switch {
	case e.Request != nil:
		return writeData(w, "request", e.Request)
	case e.Rejected != nil:
		return writeData(w, "rejected", e.Rejected)
	case e.Settings != nil:
		return writeData(w, "settings", e.Settings)
	}
	return nil
}

// writeData writes one event. JSON has no line breaks.
func writeData(w io.Writer, event string, data any) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, text)
	return err
}
