package core

import (
	"errors"
	"testing"
	"time"

	"github.com/atollcache/atoll/region"
)

func TestConfigValidates(t *testing.T) {
	good := Config{Region: "eu", Name: "eu-1", Now: time.Now}
	if err := good.Validate(); err != nil {
		t.Errorf("want it accepted, have %v", err)
	}
	for name, change := range map[string]func(*Config){
		"no region": func(c *Config) { c.Region = "" }, "bad name": func(c *Config) { c.Name = "a.b" }, "weight": func(c *Config) { c.Weight = -1 },
		"no clock": func(c *Config) { c.Now = nil }, "copies": func(c *Config) { c.Copies = region.MaxCopies + 1 },
		"partitions": func(c *Config) { c.Partitions = 3 }, "JoinWait": func(c *Config) { c.JoinWait = -1 }, "FillWait": func(c *Config) { c.FillWait = -1 },
		"LeaveWait": func(c *Config) { c.LeaveWait = -1 }, "KeepFor": func(c *Config) { c.KeepFor = -1 },
		"members": func(c *Config) { c.Members.SuspectAfter = 1 }, "sync": func(c *Config) { c.Sync.LogBytes = -1 },
	} {
		cfg := good
		change(&cfg)
		if _, err := New(cfg, 1<<20, nil); !errors.Is(err, ErrConfig) {
			t.Errorf("%s: want ErrConfig, have %v", name, err)
		}
	}
	c, err := New(good, 1<<20, nil)
	if err != nil {
		t.Fatal(err)
	}
	if have := c.Config(); have.Partitions != region.DefaultPartitions || have.JoinWait != time.Second || have.FillWait != 10*time.Second ||
		have.LeaveWait != 5*time.Second || have.KeepFor != 30*time.Second || have.Copies != region.DefaultCopies || have.Started.IsZero() {
		t.Errorf("want the defaults filled in, have %+v", have)
	}
}
