package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/store"
)

func textLog() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func wantLogged(t *testing.T, log *bytes.Buffer, lines ...string) {
	t.Helper()
	got := strings.Split(strings.TrimSpace(log.String()), "\n")
	if log.Len() == 0 {
		got = nil
	}
	if len(got) != len(lines) {
		t.Fatalf("%d lines, want %d:\n%s", len(got), len(lines), log)
	}
	for i, want := range lines {
		if !strings.Contains(got[i], want) {
			t.Errorf("line %d is %s, want %q", i, got[i], want)
		}
	}
	log.Reset()
}

func TestTheLogSaysOnceThatLimitsCannotBeChecked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, text := textLog()
		var away error
		h := newHealth(log, func() error { return away })
		denied := fmt.Errorf("%w: %w", ledger.ErrUnavailable, errors.New("permission denied"))
		for range 100 { // every request; the ledger thinks itself well again in between
			h.decided(denied)
			h.decided(ledger.ErrStale)
			h.decided(context.Canceled)
			h.decided(nil)
			h.check(time.Now())
			time.Sleep(time.Second)
		}
		wantLogged(t, text, `level=ERROR msg="limits unavailable" error="ledger unavailable: permission denied"`)
		time.Sleep(healthQuiet)
		h.check(time.Now())
		wantLogged(t, text, `msg="limits available again" after=1m39s failed_calls=100`)
		h.check(time.Now())
		wantLogged(t, text)

		// Without a request, and with calls of the control plane alone.
		away = errors.New("connection refused")
		for range 100 {
			h.check(time.Now())
			h.changed(fmt.Errorf("%w: %w", ledger.ErrUnavailable, away))
			time.Sleep(time.Second)
		}
		wantLogged(t, text, `msg="limits unavailable" error="connection refused"`)
		away = nil
		time.Sleep(healthQuiet)
		h.check(time.Now())
		wantLogged(t, text, "available again")
	})
}

// A fault of one account, or of the control plane, does not sound as if nobody could be served.
func TestTheLogTellsWhatOfTheLedgerFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, text := textLog()
		h := newHealth(log, func() error { return nil })
		for range 2 {
			h.decided(fmt.Errorf("%w: %w", ledger.ErrUnavailable, ledger.ErrLocked))
		}
		wantLogged(t, text, `level=ERROR msg="account locked: its limits unavailable" error="ledger unavailable: the account is locked`)
		for range 2 {
			h.changed(fmt.Errorf("%w: %w", ledger.ErrUnavailable, errors.New("permission denied for table audit")))
			h.changed(ledger.ErrUnknown)
			h.changed(context.Canceled)
		}
		wantLogged(t, text, `level=ERROR msg="changes and lists of identities unavailable" error="ledger unavailable: permission denied for table audit"`)
		time.Sleep(healthQuiet)
		h.check(time.Now())
		wantLogged(t, text, `msg="no account locked recently" after=0s failed_calls=2`)
		h.changed(nil)
		wantLogged(t, text, `msg="changes and lists of identities available again" after=0s failed_calls=2`)
	})
}

func TestADatabaseThatDiffersIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	log, text := textLog()
	d := &differences{log: log}
	d.warn(store.Differences{Ahead: maxAhead})
	wantLogged(t, text)
	for range 3 {
		d.warn(store.Differences{Ahead: -time.Minute, Forgets: true})
	}
	wantLogged(t, text, "synchronous_commit=off", "database_ahead=-1m0s")
	d.warn(store.Differences{})
	d.warn(store.Differences{Ahead: time.Hour})
	wantLogged(t, text, "database_ahead=1h0m0s")
}
