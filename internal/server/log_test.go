package server

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
)

func TestDurationsInTheLogCarryTheirUnit(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{true, false} {
		var out bytes.Buffer
		log, flush := newLog(config.Config{LogJSON: asJSON}, &out)
		log.Info("request", slog.Duration("took", 1200*time.Millisecond), "after", 3*time.Second, "tokens", 5,
			slog.Group("of", slog.Duration("wait", time.Microsecond)))
		flush()
		if !asJSON {
			if got := out.String(); !strings.Contains(got, "took=1.2s after=3s tokens=5 of.wait=1µs") {
				t.Errorf("text: %s", got)
			}
			continue
		}
		var line struct {
			Took, After string
			Tokens      int
			Of          struct{ Wait string }
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil || line.Took != "1.2s" || line.After != "3s" || line.Tokens != 5 || line.Of.Wait != "1µs" {
			t.Errorf("JSON: %s (%v)", out.String(), err)
		}
	}
}
