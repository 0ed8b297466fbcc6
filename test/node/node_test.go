package node

import (
	"os/exec"
	"testing"
	"time"
)

// A script that is killed leaves children who keep its pipes open. Killing it, as every cleanup does, must not wait
// for them: their own cleanups may come later.
func TestKillDoesNotWaitForWhatAScriptHasStarted(t *testing.T) {
	t.Parallel()
	h := &Home{T: t, Dir: t.TempDir(), Env: map[string]string{}, Command: "sh"}
	p := h.Start(exec.Command("sh", "-c", "sleep 120 & echo $!; wait"))
	within := time.After(Patience)
	for p.Out.String() == "" {
		select {
		case <-within:
			t.Fatal("the script says nothing")
		case <-time.After(time.Millisecond):
		}
	}
	child := p.Out.String()
	t.Cleanup(func() { _ = exec.Command("sh", "-c", "kill "+child).Run() })
	done := make(chan struct{})
	go func() {
		p.Kill()
		close(done)
	}()
	select {
	case <-done:
	case <-within:
		t.Fatal("Kill waits for the script's child")
	}
}
