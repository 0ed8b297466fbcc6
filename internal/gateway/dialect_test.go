package gateway

import (
	"testing"

	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// A new dialect that lacks a part must fail here, instead of being treated as OpenAI's.
func TestEveryDialectIsKnown(t *testing.T) {
	t.Parallel()
	for d := range wire.Dialect(wire.NumDialects) {
		if a := modelAPIs[d]; a.list == nil || a.one == nil {
			t.Errorf("%v has no list of models", d)
		}
		if len(hostedTools[d]) == 0 {
			t.Errorf("%v has no hosted tools", d)
		}
		if place := project.NativePlace(d); int(place) >= project.NumPlaces || place.String() != d.Spec().KeyPlace {
			t.Errorf("%v puts its key into no known place: %s", d, d.Spec().KeyPlace)
		}
		if project.Native(d) == "" {
			t.Errorf("%v has no vendor", d)
		}
	}
}

// An operation that lacks a kind must fail here, instead of being read as chat.
func TestEveryMeteredOperationHasAKind(t *testing.T) {
	t.Parallel()
	for op := range wire.Operation(wire.NumOperations) {
		chat := op == wire.ChatCompletions || op == wire.Completions
		if (wire.Endpoint{Operation: op}).Metered() && (kinds[op] == meter.OpenAIChat) != chat {
			t.Errorf("answers of %v are read as kind %d", op, kinds[op])
		}
	}
}
