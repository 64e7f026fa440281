package cli

import (
	"time"

	"github.com/urfave/cli/v2"
)

// Defaults of the flags that all commands share.
const (
	defaultServer  = "nats://127.0.0.1:4222"
	defaultCluster = "dev"
	defaultTimeout = 5 * time.Second
)

// Categories of the flags, as the help groups them.
const (
	flagsCommon     = "common"
	flagsConnection = "connection"
)

// outputFlags are taken by every command.
func outputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "json", Aliases: []string{"j"}, Category: flagsCommon, Usage: "JSON on standard output"},
		&cli.BoolFlag{Name: "no-color", Category: flagsCommon, Usage: "no colour, as NO_COLOR does"},
	}
}

// clientFlags are taken by every command that talks to a cluster. Names and
// environment are those of the nats CLI. Their defaults stand in connect.go,
// because a context comes between the environment and the default.
func clientFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "server", Aliases: []string{"s"}, Category: flagsCommon, EnvVars: []string{"NATS_URL"},
			Usage: "`URL` of NATS, several with commas", DefaultText: defaultServer},
		&cli.StringFlag{Name: "region", Aliases: []string{"R"}, Category: flagsCommon, EnvVars: []string{"ATOLL_REGION"},
			Usage: "`REGION` to ask", DefaultText: "the region of the server reached"},
		&cli.StringFlag{Name: "cluster", Category: flagsCommon, EnvVars: []string{"ATOLL_CLUSTER"},
			Usage: "`NAME` of the cluster", Value: defaultCluster},
		&cli.DurationFlag{Name: "timeout", Category: flagsCommon, EnvVars: []string{"NATS_TIMEOUT"},
			Usage: "longest wait for a reply, a `DURATION`", Value: defaultTimeout},
	}, append(outputFlags(), natsFlags()...)...)
}

// natsFlags say who we are to NATS.
func natsFlags() []cli.Flag {
	text := func(name, env, usage string) cli.Flag {
		return &cli.StringFlag{Name: name, Category: flagsConnection, EnvVars: []string{env}, Usage: usage}
	}
	return []cli.Flag{
		text("context", "NATS_CONTEXT", "`NAME` of a context of the nats CLI; default: the selected one"),
		text("creds", "NATS_CREDS", "credentials `FILE`"),
		text("nkey", "NATS_NKEY", "nkey seed `FILE`"),
		text("user", "NATS_USER", "`USER` name, or a token where there is no password"),
		text("password", "NATS_PASSWORD", "`PASSWORD` of the user"),
		text("token", "NATS_TOKEN", "`TOKEN` to connect with"),
		text("tlscert", "NATS_CERT", "TLS client certificate `FILE`"),
		text("tlskey", "NATS_KEY", "TLS client key `FILE`"),
		text("tlsca", "NATS_CA", "TLS certificate authority `FILE`"),
	}
}
