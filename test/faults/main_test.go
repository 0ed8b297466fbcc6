// Package faults breaks what airatelimit runs on, and airatelimit itself, and then does the accounts: what clients were
// answered, what the provider served and what is counted must agree, request by request. Nodes are real processes, the
// database is a private PostgreSQL, the provider is in the test process and knows every request by its id.
package faults

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/airatelimit/airatelimit/internal/config"
	"github.com/airatelimit/airatelimit/internal/server"
	"github.com/airatelimit/airatelimit/test/node"
)

// command is the built binary.
var command string

func TestMain(m *testing.M) {
	if os.Getenv(clockFile) != "" {
		os.Exit(serveByClock())
	}
	os.Exit(node.Run(m, "../..", &command))
}

// Two things about a node are options of the code and not of the environment: its clock, and how often it shows that
// it lives. A node that a test wants them of is this test binary, which then does what the command serve does.
const (
	clockFile = "AIRATELIMIT_TEST_CLOCK" // eight bytes: how far ahead the node's clock is, in nanoseconds
	beatEvery = "AIRATELIMIT_TEST_BEAT"
)

func serveByClock() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	file, err := os.Open(os.Getenv(clockFile))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer file.Close() //nolint:errcheck // it was only read
	beat, err := time.ParseDuration(os.Getenv(beatEvery))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cfg, err := config.Load(os.Getenv)
	if err == nil {
		err = server.Run(ctx, cfg, server.Options{Beat: beat, Now: func() time.Time {
			var ahead [8]byte
			if _, err := file.ReadAt(ahead[:], 0); err != nil {
				panic(err)
			}
			return time.Now().Add(time.Duration(binary.BigEndian.Uint64(ahead[:])))
		}})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
