package process

import (
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
)

func TestOnPostgres(t *testing.T) { pgtest.Rerun(t) }
