package commandtest_test

import (
	"context"
	"testing"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/commandtest"
	"github.com/atollcache/atoll/node/wire"
)

func TestContract(t *testing.T) {
	commandtest.Run(t, func(*testing.T) *command.API { return command.New(newFake()) }, commandtest.Large())
}

// coded passes requests and replies through their encoding.
type coded struct {
	t *testing.T
	d command.Doer
}

func (c coded) Do(ctx context.Context, cmds ...wire.Command) []wire.Reply {
	cmds, err := wire.DecodeRequest(wire.AppendRequest(nil, cmds))
	if err != nil {
		c.t.Error(err)
	}
	replies, err := wire.DecodeReplies(wire.AppendReplies(nil, c.d.Do(ctx, cmds...)))
	if err != nil {
		c.t.Error(err)
	}
	return replies
}

func TestContractOverTheWire(t *testing.T) {
	commandtest.Run(t, func(t *testing.T) *command.API { return command.New(coded{t, newFake()}) })
}
