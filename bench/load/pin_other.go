//go:build !linux

package load

import "os/exec"

// startOnFirst starts a process; here it cannot be bound to a processor.
func startOnFirst(command *exec.Cmd) error { return command.Start() }
