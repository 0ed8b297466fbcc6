package server

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
)

// logPeriod is how long a line may wait to be written with others. A killed process loses those lines.
const logPeriod = 100 * time.Millisecond

// newLog returns a log that writes to w in batches. flush writes the remaining lines and ends the log.
func newLog(cfg config.Config, w io.Writer) (log *slog.Logger, flush func()) {
	out := &bufferedLines{w: bufio.NewWriterSize(w, 64<<10)}
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	var h slog.Handler = slog.NewTextHandler(out, o)
	if cfg.LogJSON {
		o.ReplaceAttr = withUnits
		h = slog.NewJSONHandler(out, o)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { out.run(ctx) })
	return slog.New(h), func() {
		stop()
		running.Wait()
		out.flush()
	}
}

// withUnits writes durations as strings with a unit (1.2s). JSON would have a number of nanoseconds.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// bufferedLines is a log's writer. It ignores errors, because a failing log must not fail a request.
type bufferedLines struct {
	mu sync.Mutex
	w  *bufio.Writer
}

// Write implements io.Writer.
func (b *bufferedLines) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.w.Write(line)
}

func (b *bufferedLines) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.w.Flush()
}

func (b *bufferedLines) run(ctx context.Context) {
	tick := time.NewTicker(logPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			b.flush()
		}
	}
}
