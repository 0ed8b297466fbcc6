package node

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel end the process with the test binary, which may end without its cleanups.
func endWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}
