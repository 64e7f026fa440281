// Command atoll runs and uses Atoll clusters.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/atollcache/atoll/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // A second signal ends the process at once.
	os.Exit(cli.Run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr))
}
