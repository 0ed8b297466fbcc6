//go:build linux

package faults

import (
	"fmt"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/airatelimit/airatelimit/test/node"
)

// The disk of a SQLite file is full. What comes is refused; with room again, or after a kill and a restart, everything
// that was answered is counted.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for _, end := range []string{"room", "killed"} {
		t.Run(end, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, file(t), tiers)
			p := f.home.Start(serveWithin(200))
			f.start(1, func(int) *node.Process { return p })
			l := f.crowd(16, "full", calm)
			f.more(40, unavailable)
			f.wantNotReady("with a full disk")
			l.end()
			if end == "room" {
				makeRoom(t, p)
				f.awaitReady()
				f.fill("late", 0)
				f.reconcile()
				return
			}
			f.kill(0)
			f.serve(1)
			f.afterKills()
		})
	}
}

// serveWithin serves with files that may not grow beyond some kilobytes: to the process a disk that is full. The limit
// is a soft one, which makeRoom lifts.
func serveWithin(kilobytes int) *exec.Cmd {
	return exec.Command("bash", "-c", fmt.Sprintf(`ulimit -S -f %d; exec "$0" serve`, kilobytes), command)
}

func makeRoom(t *testing.T, p *node.Process) {
	t.Helper()
	none := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(p.Pid(), unix.RLIMIT_FSIZE, &none, nil); err != nil {
		t.Fatal(err)
	}
}
