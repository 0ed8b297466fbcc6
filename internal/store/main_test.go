package store

import (
	"context"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// migrated is a PostgreSQL database as [Open] leaves it.
var migrated = pgtest.Template{Prepare: func(ctx context.Context, url string) error {
	db, err := Open(ctx, url)
	if err != nil {
		return err
	}
	return db.Close()
}}

// onEach runs a test on every database: at a location, where one is or is made by [Open].
func onEach(t *testing.T, test func(t *testing.T, location string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, file(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, migrated.Database(t))
	})
}
