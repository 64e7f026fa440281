//go:build unix

package e2e

import (
	"os/exec"
	"syscall"
)

// inGroup lets a command start in a process group; 0 makes it a group of its own.
func inGroup(cmd *exec.Cmd, group int) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: group}
}

// killOwnGroup ends every process of the caller's group, the caller included.
func killOwnGroup() { _ = syscall.Kill(0, syscall.SIGKILL) }

// freeze stops a process where it stands, thaw lets it go on.
func freeze(pid int) error { return syscall.Kill(pid, syscall.SIGSTOP) }
func thaw(pid int) error   { return syscall.Kill(pid, syscall.SIGCONT) }

// terminate asks a process to end.
func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }
