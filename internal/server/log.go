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

// logPeriod is how long a line may wait to be written with others. A process that is
// killed loses the lines of that time.
const logPeriod = 100 * time.Millisecond

// newLog returns a log to w that writes lines together, and the function that writes what
// is left and ends it.
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

// withUnits writes durations as text does, 1.2s, where JSON would have a number of nanoseconds.
func withUnits(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// bufferedLines is a log's writer. A failing log is no reason to fail a request: its
// errors go unheeded.
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
