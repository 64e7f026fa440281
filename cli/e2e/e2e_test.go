package e2e

import "testing"

// Topologies. A region always has two nodes, so that one can fail.
var (
	twoByGateways   = topology{regions: []string{"eu", "us"}, servers: 1, nodes: 2}
	threeByGateways = topology{regions: []string{"ap", "eu", "us"}, servers: 2, nodes: 2}
	twoByLeaves     = topology{regions: []string{"eu", "us"}, servers: 1, hub: 1, nodes: 2}
	threeByLeaves   = topology{regions: []string{"ap", "eu", "us"}, servers: 1, hub: 2, nodes: 2}

	// withUsers has servers that let nodes and clients do what they need and no more.
	withUsers = topology{regions: []string{"eu", "us"}, servers: 1, nodes: 2, users: true, setting: users}

	// impatient servers cut off whoever does not take what they have for him. The
	// largest message and what may be pending are as 1 to 64, as they are by default.
	impatient = topology{regions: []string{"eu", "us"}, servers: 1, nodes: 2,
		setting: "max_payload: 64KB\nmax_pending: 4MB\nwrite_deadline: \"1s\""}

	// stingy servers keep no more than two of the largest messages for anybody.
	stingy = topology{regions: []string{"eu", "us"}, servers: 1, nodes: 2,
		setting: "max_payload: 64KB\nmax_pending: 128KB\nwrite_deadline: \"1s\""}
)

// scenarios are run one after the other: each has the machine for itself.
var scenarios = []scenario{
	{"gateways", short, twoByGateways, []step{
		{"kill -9 of eu-1, and a new start", killNode("eu-1")},
		{"link between eu and us cut", cutLink("eu", "us")},
		{"us-1 frozen until it is missed", freezeNode("us-1", 0)},
	}},
	{"leaves", short, twoByLeaves, []step{
		{"the only NATS server of eu restarted", restartServer("eu", 0)},
		{"leaf link of us cut", cutLink("us", hub)},
		{"clients of eu are not answered", muteClients("eu")},
	}},
	{"nodes", onlyLong, twoByGateways, []step{
		{"kill -9 of us-1, and a new start", killNode("us-1")},
		{"kill -9 of us-2, and a new start", killNode("us-2")},
		{"kill -9 of eu-1 while the link is cut", killBehindCut("eu-1", "us")},
		{"eu-2 cut off from NATS", cutOff("eu-2")},
		{"what us-1 is sent is swallowed", poisonLink("us-1", natsLink, silence(downstream))},
		{"clients of us are not answered", muteClients("us")},
		{"every node restarted, one after the other", rollingRestart()},
	}},
	{"servers", onlyLong, threeByGateways, []step{
		{"one of two NATS servers of eu restarted", restartServer("eu", 0)},
		{"the other one too", restartServer("eu", 1)},
		{"one of two NATS servers of us gone for a while", loseServer("us", 0)},
		{"both NATS servers of ap gone for a while", loseServers("ap")},
	}},
	{"links", onlyLong, threeByGateways, []step{
		{"nothing from eu to us", cutOneWay("eu", "us")},
		{"what eu sends to us is swallowed", poisonLink("eu", "us", silence(upstream))},
		{"what us answers to eu is swallowed", poisonLink("eu", "us", silence(downstream))},
		{"connections from ap to eu break in the middle of messages", poisonLink("ap", "eu", breakAfter(upstream, 20_000), breakAfter(downstream, 5_000))},
		{"ap and us 300 ms apart, more or less", poisonLink("ap", "us", latency(upstream, 150, 100), latency(downstream, 150, 100))},
		{"16 KB/s from us to ap", poisonLink("us", "ap", bandwidth(upstream, 16))},
		{"ap cut off from everybody", isolate("ap")},
	}},
	{"region", onlyLong, threeByGateways, []step{
		{"eu killed whole, and started again", killRegion("eu")},
		{"us killed whole, and started again", killRegion("us")},
	}},
	{"users", onlyLong, withUsers, []step{
		{"values larger than a NATS message", large(5 << 20)},
		{"kill -9 of eu-1, and a new start", killNode("eu-1")},
		{"link between eu and us cut", cutLink("eu", "us")},
	}},
	{"slow consumers", onlyLong, impatient, []step{
		{"delivery to eu-1 limited until its NATS server cuts it off", overrunSlow("eu-1", "us")},
		{"eu-1 frozen until its NATS server cuts it off", overrunFrozen("eu-1", "us")},
	}},
	{"stingy servers", onlyLong, stingy, []step{
		{"eu-1 frozen while much is written", missMuch("eu-1", "us")},
	}},
	{"leaf links", onlyLong, threeByLeaves, []step{
		{"one of two servers of the hub restarted", restartServer(hub, 0)},
		{"the hub gone for a while", loseServers(hub)},
		{"what eu sends is swallowed", poisonLink("eu", hub, silence(upstream))},
		{"what eu is sent is swallowed", poisonLink("eu", hub, silence(downstream))},
		{"16 KB/s to ap", poisonLink("ap", hub, bandwidth(downstream, 16))},
		{"kill -9 of us-1 while us is cut off", killBehindCut("us-1", hub)},
		{"ap killed whole, and started again", killRegion("ap")},
	}},
	{"frozen", onlyLong, twoByGateways, []step{
		{"eu-1 frozen for a minute", freezeNode("eu-1", frozenLong)},
		{"both nodes of us frozen", freezeRegion("us")},
	}},
}

func TestScenarios(t *testing.T) {
	for _, s := range scenarios {
		if s.form == short || *long {
			t.Run(s.name, s.run)
		}
	}
}
