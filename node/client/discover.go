package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/micro"

	"github.com/atollcache/atoll/region"
)

// The name and the metadata of the service that every node runs; package natsapi
// writes them.
const (
	pingSubject    = "$SRV.PING.atoll"
	metaCluster    = "cluster"
	metaRegion     = "region"
	metaPartitions = "partitions"
)

// askAgain is how often discovery asks while nobody answers: interest in a
// subject may still be spreading between NATS servers.
const askAgain = 250 * time.Millisecond

// discover fills in the region and the number of partitions. Subjects name their
// region, so the one subject of the whole cluster is that of NATS micro
// discovery. All nodes answer; the first one is the nearest.
func discover(nc *nats.Conn, cfg Config) (Config, error) {
	inbox, err := nc.SubscribeSync(nc.NewInbox())
	if err != nil {
		return cfg, fmt.Errorf("look for nodes: %w", err)
	}
	defer func() { _ = inbox.Unsubscribe() }()
	var others []string // who answered and is not meant
	end := time.Now().Add(cfg.Discover)
	for time.Now().Before(end) {
		if err := nc.PublishRequest(pingSubject, inbox.Subject, nil); err != nil {
			return cfg, fmt.Errorf("look for nodes: %w", err)
		}
		round := time.Now().Add(askAgain)
		if round.After(end) {
			round = end
		}
		for {
			msg, err := inbox.NextMsg(time.Until(round))
			if errors.Is(err, nats.ErrTimeout) {
				break
			}
			if errors.Is(err, nats.ErrNoResponders) {
				continue // Wait out the round.
			}
			if err != nil {
				return cfg, fmt.Errorf("look for nodes: %w", err)
			}
			found, who, ok := readPing(msg.Data, cfg)
			if ok {
				return found, nil
			}
			if who != "" && !slices.Contains(others, who) && len(others) < 16 {
				others = append(others, who)
			}
		}
	}
	if err := nc.LastError(); len(others) == 0 && (names(err, strconv.Quote(pingSubject)) || names(err, inboxes(nc))) {
		return cfg, fmt.Errorf("%w: NATS does not let this user look: %w; give region and partitions, or see node/natsapi/README.md", ErrNotFound, err)
	}
	return cfg, notFound(cfg, others)
}

// readPing reads the answer of one node. It returns who that is when it is not
// meant.
func readPing(data []byte, cfg Config) (found Config, who string, ok bool) {
	var p micro.Ping
	if err := json.Unmarshal(data, &p); err != nil {
		return cfg, "", false
	}
	name, cluster := p.Metadata[metaRegion], p.Metadata[metaCluster]
	n, err := strconv.Atoi(p.Metadata[metaPartitions])
	if err != nil || n < 1 || region.Partitions(n).Validate() != nil || region.ValidateRegion(name) != nil {
		return cfg, "", false
	}
	if cluster != cfg.Cluster || (cfg.Region != "" && name != cfg.Region) {
		if region.ValidateName("cluster", cluster) != nil {
			return cfg, "", false
		}
		return cfg, cluster + "/" + name, false
	}
	cfg.Region = name
	if cfg.Partitions == 0 {
		cfg.Partitions = region.Partitions(n)
	}
	return cfg, "", true
}

func notFound(cfg Config, others []string) error {
	what := "cluster " + cfg.Cluster
	if cfg.Region != "" {
		what = "region " + cfg.Region + " of " + what
	}
	if len(others) > 0 {
		slices.Sort(others)
		return fmt.Errorf("%w: %s did not answer within %v; who did: %s (cluster/region). Name one of them", ErrNotFound, what, cfg.Discover, strings.Join(others, ", "))
	}
	return fmt.Errorf("%w: %s did not answer within %v, nor did any other; start a node on this NATS system, or connect to another server", ErrNotFound, what, cfg.Discover)
}
