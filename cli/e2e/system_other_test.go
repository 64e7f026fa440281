//go:build !unix

package e2e

import (
	"errors"
	"os/exec"
)

var errSystem = errors.New("these tests need a Unix: they freeze processes and end groups of them")

func inGroup(*exec.Cmd, int) {}
func killOwnGroup()          {}
func freeze(int) error       { return errSystem }
func thaw(int) error         { return errSystem }
func terminate(int) error    { return errSystem }
