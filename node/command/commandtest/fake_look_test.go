package commandtest_test

import (
	"encoding/json"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
	"github.com/atollcache/atoll/region"
)

const (
	here = "eu"
	name = "eu-1"
)

// look runs the commands that are not on keys.
func (f *fake) look(c wire.Command) wire.Reply {
	switch c.Args[0] {
	case "PING":
		if len(c.Args) > 1 {
			return wire.String(c.Args[1])
		}
		return wire.String("PONG")
	case "SCAN":
		return f.scan(c)
	case "INSPECT":
		return f.inspect(c.Key())
	case "RING":
		return ring(c)
	case "REGIONS":
		return asJSON([]wire.RegionInfo{{Region: here, Here: true, Nodes: 1}})
	case "NODES":
		return asJSON([]wire.NodeInfo{{Name: name, Region: here, Replica: self.String()}})
	case "LINK":
		if _, err := command.ParseLink(c); err != nil {
			return wire.Fail(err)
		}
		return asJSON([]wire.LinkInfo{})
	case "VERIFY":
		if _, err := command.ParseVerify(c); err != nil {
			return wire.Fail(err)
		}
		return asJSON(wire.VerifyInfo{Equal: true, Complete: true, Partitions: partitions.Count()})
	case "MEMBERS":
		return wire.String(string(region.AppendMembers(nil, []region.Member{{Name: name, Region: here, Replica: self, State: region.StateReady}})))
	}
	return wire.Fail(command.ErrSyntax)
}

func asJSON(v any) wire.Reply {
	b, err := json.Marshal(v)
	if err != nil {
		return wire.Fail(err)
	}
	return wire.String(string(b))
}

func (f *fake) inspect(key string) wire.Reply {
	v := f.shards[partitions.Of(key)].Entry(key).View(time.Now().UnixMilli())
	ins := wire.Inspection{Key: key, Slot: int(region.SlotOf(key)), Partition: int(partitions.Of(key)), Kind: v.Kind().String(), Complete: true}
	if text, ok := v.Get(); ok {
		ins.Value, ins.Cells = text, []wire.CellInfo{{Kind: ins.Kind, Value: text}}
	}
	return asJSON(ins)
}

func ring(c wire.Command) wire.Reply {
	info := wire.RingInfo{Region: here, Partitions: partitions.Count(), Copies: 1, Balance: 1,
		Nodes: []wire.RingNode{{Name: name, Owns: partitions.Count(), Holds: partitions.Count()}}}
	if len(c.Args) > 1 {
		info.Key = &wire.RingKey{Key: c.Key(), Slot: int(region.SlotOf(c.Key())), Partition: int(partitions.Of(c.Key())), Owner: name}
	}
	return asJSON(info)
}
