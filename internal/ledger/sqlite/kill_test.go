package sqlite

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/ledger/ledgertest"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// victim is the environment variable with the database file of the process that TestKilledProcess
// kills.
const victim = "LEDGER_VICTIM"

// TestKilledProcess kills a process that reserves and settles as fast as it can with SIGKILL. All
// requests that were durable are counted, and no more than had begun.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	if path := os.Getenv(victim); path != "" {
		beVictim(t, path)
		return
	}
	rounds := 3
	if ledgertest.Long() {
		rounds = 20
	}
	path := filepath.Join(t.TempDir(), "test.db")
	total := int64(0)
	for round := range rounds {
		durable, begun := killAfter(t, path, 200*(round+1))
		p := &process{path: path}
		p.open(t)
		a, err := p.Account(t.Context(), alice, limit.Daily, noon)
		if err != nil {
			t.Fatal(err)
		}
		got := a.State.Total()[limit.Requests] - total
		if got < durable || got > begun || len(a.State.Holds) != 0 {
			t.Errorf("%d counted, %d held; want at least the %d durable and at most the %d begun", got, len(a.State.Holds), durable, begun)
		}
		total += got
		p.close(t)
	}
}

// killAfter runs the victim until it has printed that many lines and kills it. It returns how
// many requests were durable and how many had begun at most.
func killAfter(t *testing.T, path string, lines int) (durable, begun int64) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKilledProcess$", "-test.v")
	cmd.Env = append(os.Environ(), victim+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := bufio.NewScanner(out)
	for n := 0; s.Scan(); {
		switch {
		case strings.HasPrefix(s.Text(), "begun"):
			begun++
		case strings.HasPrefix(s.Text(), "durable"):
			durable++
		}
		if n++; n == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if durable == 0 {
		t.Fatalf("the victim said nothing of use")
	}
	return durable, begun
}

// beVictim reserves and settles until it is killed. Each line is one system call, before what it
// announces or after what it reports.
func beVictim(t *testing.T, path string) {
	p := &process{path: path}
	p.open(t)
	for i := range 1_000_000 {
		fmt.Println("begun", i)
		res := reserve(t, p.Ledger, alice, upTo(1<<40))
		if i%2 == 0 {
			if err := res.Durable(t.Context()); err != nil {
				t.Fatal(err)
			}
			fmt.Println("durable", i)
		}
		if i%3 != 0 {
			settle(t, p.Ledger, res)
		}
	}
}
