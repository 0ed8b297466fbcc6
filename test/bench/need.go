package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/ledger/sqlite"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/store"
)

// identityNeeds returns the bytes of heap that an identity takes at the least while it is
// live: with one model used, nothing running or waiting to be written, and no request for some seconds.
func identityNeeds(ctx context.Context, dir string) (bytes float64, err error) {
	const identities = 10_000
	db, err := store.Open(ctx, filepath.Join(dir, "need.db"))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := reserveEach(ctx, db, identities); err != nil {
		return 0, err
	}
	l, err := sqlite.Open(ctx, db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	before := heap()
	for i := range identities {
		if _, err := l.Account(ctx, accountKey(i), limit.Daily, time.Now()); err != nil {
			return 0, err
		}
	}
	time.Sleep(5 * time.Second)
	after := heap()
	runtime.KeepAlive(l)
	return float64(after-before) / identities, nil
}

// reserveEach makes one request of each identity.
func reserveEach(ctx context.Context, db *store.DB, identities int) (err error) {
	l, err := sqlite.Open(ctx, db.Ledger, db.LedgerRead, db.Read)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	rules := limit.Resolve(limit.Levels{Project: hugeLevel()}, "gpt-4o-mini", limit.Daily, false)
	for i := range identities {
		res, err := l.Reserve(ctx, ledger.Request{Key: accountKey(i), Rules: &rules, Now: time.Now(),
			Ask: limit.Ask{Estimate: limit.Amounts{1, 1500, 100}}})
		if err != nil {
			return err
		}
		if err := l.Settle(ctx, res, ledger.Actual{Amounts: limit.Amounts{1, 144, 80}, InputTokens: 16, OutputTokens: 128}); err != nil {
			return err
		}
	}
	return nil
}

func accountKey(i int) ledger.Key {
	return ledger.Key{Project: anyKey, Identity: fmt.Sprintf("user-%0*d", identityDigits, i)}
}

func hugeLevel() *limit.Level {
	most := int64(1e12)
	return &limit.Level{Caps: limit.Caps{&most, &most, &most}}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC() // what pools have let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
