package cli

import (
	"log/slog"
	"strings"

	"github.com/urfave/cli/v2"
)

// logFlag is taken by the commands that run nodes.
func logFlag(level string) cli.Flag {
	return &cli.StringFlag{Name: "log", Usage: "`LEVEL` of the log on standard error: debug, info, warn, error or off", Value: level}
}

// logger returns the log that --log asks for: lines of text, or of JSON with
// --json.
func (c *call) logger() (*slog.Logger, error) {
	name := c.String("log")
	if name == "off" {
		return slog.New(slog.DiscardHandler), nil
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(name))); err != nil {
		return nil, usagef("--log is %q", name).withHint("use debug, info, warn, error or off")
	}
	o := &slog.HandlerOptions{Level: level}
	if c.json {
		return slog.New(slog.NewJSONHandler(c.err, o)), nil
	}
	return slog.New(slog.NewTextHandler(c.err, o)), nil
}
