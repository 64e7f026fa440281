package e2e

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The steps of scenarios. Each ends with everything started and mended again.

const (
	// faultFor is how long a fault of a link lasts at least: longer than a node
	// may be silent before it is suspected.
	faultFor = 5 * time.Second
	// frozenLong is how long a node is frozen in the long form.
	frozenLong = time.Minute
)

// others returns the regions except one.
func (r *trial) others(region string) []string {
	return slices.DeleteFunc(slices.Clone(r.topo.regions), func(o string) bool { return o == region })
}

// killNode kills a node, lets the region go on without it and starts it again.
func killNode(name string) func(*trial) {
	return func(r *trial) {
		r.history.doubting(r.region(name), mayBeLost, r.node(name).kill)
		r.untilProgress(20, r.topo.regions...)
		r.node(name).start()
	}
}

// killBehindCut kills a node when its region is cut off and starts it again before
// the region is back.
func killBehindCut(name, from string) func(*trial) {
	return func(r *trial) {
		undo := r.cutBoth(r.region(name), from)
		r.untilProgress(20, r.topo.regions...)
		killNode(name)(r)
		undo()
	}
}

// cutBoth cuts a link, both ways if it is one between regions, and returns what
// mends it.
func (r *trial) cutBoth(a, b string) (mend func()) {
	if b == hub {
		r.cut(a, b)
		return func() { r.mend(a, b) }
	}
	r.cut(a, b)
	r.cut(b, a)
	return func() { r.mend(a, b); r.mend(b, a) }
}

// cutLink cuts a link while all regions go on.
func cutLink(a, b string) func(*trial) {
	return func(r *trial) {
		undo := r.cutBoth(a, b)
		r.lastFor(faultFor)
		undo()
	}
}

// cutOff cuts a node off from its NATS servers.
func cutOff(name string) func(*trial) {
	return func(r *trial) {
		r.history.doubting(r.region(name), mayBeRepeated, func() { r.cut(name, natsLink) })
		r.lastFor(faultFor)
		r.mend(name, natsLink)
	}
}

// mutedFor is how long clients hear nothing: long enough for some of them to ask
// again, and not so long that they give up.
const mutedFor = 3 * time.Second

// muteClients lets the clients of a region be heard and hear nothing: what they ask
// for is done, and they ask again.
func muteClients(region string) func(*trial) {
	return func(r *trial) {
		began := time.Now()
		r.poison(clientsOf(region), natsLink, silence(downstream))
		r.untilProgress(20, r.others(region)...)
		<-time.After(mutedFor - time.Since(began))
		r.mend(clientsOf(region), natsLink)
	}
}

// lastFor lets a fault last for a time in which every region goes on.
func (r *trial) lastFor(d time.Duration) {
	r.t.Helper()
	began := time.Now()
	r.untilProgress(20, r.topo.regions...)
	<-time.After(d - time.Since(began))
}

// cutOneWay cuts the connections that carry messages one way.
func cutOneWay(from, to string) func(*trial) {
	return func(r *trial) {
		r.cut(from, to)
		r.lastFor(faultFor)
		r.mend(from, to)
	}
}

// isolate cuts a region off from all others.
func isolate(region string) func(*trial) {
	return func(r *trial) {
		var undo []func()
		for _, o := range r.others(region) {
			undo = append(undo, r.cutBoth(region, o))
		}
		r.lastFor(faultFor)
		for _, f := range undo {
			f()
		}
	}
}

// poisonLink does something to the bytes on a link for a while.
func poisonLink(from, to string, toxics ...toxic) func(*trial) {
	return func(r *trial) {
		r.poison(from, to, toxics...)
		r.lastFor(faultFor)
		r.mend(from, to)
	}
}

// freezeNode freezes a node until its region has missed it and for at least d.
func freezeNode(name string, d time.Duration) func(*trial) {
	return func(r *trial) {
		began := time.Now()
		r.node(name).freeze()
		r.untilMissed(name, r.region(name))
		r.lastFor(d - time.Since(began))
		r.node(name).thaw()
	}
}

// freezeRegion freezes all nodes of a region while the others go on.
func freezeRegion(region string) func(*trial) {
	return func(r *trial) {
		for _, name := range r.nodesOf(region) {
			r.node(name).freeze()
		}
		r.untilRegionMissed(region)
		for _, name := range r.nodesOf(region) {
			r.node(name).thaw()
		}
	}
}

// untilRegionMissed waits until the others have noticed that a region is silent, and
// wants them to go on.
func (r *trial) untilRegionMissed(region string) {
	r.t.Helper()
	for _, other := range r.others(region) {
		for _, name := range r.nodesOf(region) {
			r.untilMissed(name, other)
		}
	}
	r.untilProgress(20, r.others(region)...)
}

// nodesOf returns the names of a region's nodes, in order.
func (r *trial) nodesOf(region string) []string {
	var names []string
	for name := range r.nodes {
		if r.region(name) == region {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// rollingRestart stops every node in an orderly way and starts it again.
func rollingRestart() func(*trial) {
	return func(r *trial) {
		for _, region := range r.topo.regions {
			for _, name := range r.nodesOf(region) {
				r.node(name).stop()
				r.node(name).neverSaid("left before other nodes had everything")
				r.untilProgress(5, r.topo.regions...)
				r.node(name).start()
			}
		}
	}
}

// restartServer kills a NATS server and starts it again at once.
func restartServer(place string, i int) func(*trial) {
	return func(r *trial) {
		r.history.doubting(place, mayBeRepeated, r.servers[place][i].kill)
		r.servers[place][i].start()
	}
}

// loseServer kills one of several NATS servers and starts it again after a while in
// which the region goes on with the others.
func loseServer(place string, i int) func(*trial) {
	return func(r *trial) {
		r.history.doubting(place, mayBeRepeated, r.servers[place][i].kill)
		r.lastFor(faultFor)
		r.servers[place][i].start()
	}
}

// loseServers does so with all NATS servers of a region, which has to wait for
// them, or of the hub.
func loseServers(place string) func(*trial) {
	return func(r *trial) {
		r.history.doubting(place, mayBeRepeated, func() {
			for _, s := range r.servers[place] {
				s.kill()
			}
		})
		began := time.Now()
		r.untilProgress(20, r.others(place)...)
		<-time.After(faultFor - time.Since(began))
		for _, s := range r.servers[place] {
			s.start()
		}
	}
}

// killRegion kills everything of a region, nodes and NATS servers, when the others
// have what it has written, and starts it again, empty, while they go on.
func killRegion(region string) func(*trial) {
	return func(r *trial) {
		r.quiet(func() {
			r.verify()
			for _, name := range r.nodesOf(region) {
				r.node(name).kill()
			}
			for _, s := range r.servers[region] {
				s.kill()
			}
		})
		r.untilRegionMissed(region)
		for _, s := range r.servers[region] {
			s.start()
		}
		r.startAll(r.nodesOf(region)...)
	}
}

// Sizes of what overrun writes: the values, and how many there are at most.
const (
	blobSize = 48 << 10
	maxBlobs = 4000
)

// overrun keeps a node from taking what it is sent, and writes in another region
// until the NATS server has more for the node than it keeps and cuts it off.
func overrun(name, from string, hinder, release func(*trial)) func(*trial) {
	return func(r *trial) {
		server := r.servers[r.region(name)][0]
		before, err := server.slowConsumers()
		if err != nil {
			r.t.Fatal(err)
		}
		c, err := dial(viaGo, r.urls(from), from, "overrun")
		if err != nil {
			r.t.Fatal(err)
		}
		defer c.close()
		hinder(r)
		written := 0
		for now := before; now == before; written++ {
			if written == maxBlobs {
				r.t.Fatalf("%s has been sent %d values of %d bytes and is not cut off", name, written, blobSize)
			}
			r.writeBlob(c, from, blobSize)
			if now, err = server.slowConsumers(); err != nil {
				r.t.Fatal(err)
			}
		}
		r.t.Logf("cut off after %d values of %d bytes", written, blobSize)
		release(r)
	}
}

// overrunFrozen does so with a node that is frozen.
func overrunFrozen(name, from string) func(*trial) {
	return overrun(name, from, func(r *trial) { r.node(name).freeze() }, func(r *trial) { r.node(name).thaw() })
}

// overrunSlow does so with a node that gets its messages slowly.
func overrunSlow(name, from string) func(*trial) {
	return overrun(name, from,
		func(r *trial) { r.poison(name, natsLink, bandwidth(downstream, 64)) },
		func(r *trial) { r.mend(name, natsLink) })
}

// What missMuch has a node miss, and how often its NATS server may cut it and the
// others of its region off until it has caught up: a few times before it asks for
// less at once.
const (
	missedBlobs = 280
	maxCuts     = 15
)

// missMuch freezes a node while much is written elsewhere. When it is thawed its NATS
// server has cut it off, and would do so again and again if it asked for all that it
// misses at once.
func missMuch(name, from string) func(*trial) {
	return func(r *trial) {
		c, err := dial(viaGo, r.urls(from), from, "overrun")
		if err != nil {
			r.t.Fatal(err)
		}
		defer c.close()
		r.node(name).freeze()
		for range missedBlobs {
			r.writeBlob(c, from, blobSize)
		}
		server := r.servers[r.region(name)][0]
		before, err := server.slowConsumers()
		if err != nil {
			r.t.Fatal(err)
		}
		if before == 0 {
			r.t.Errorf("%s has missed %d values of %d bytes and is not cut off", name, missedBlobs, blobSize)
		}
		r.node(name).thaw()
		r.t.Cleanup(func() { // Before the servers are stopped.
			now, err := server.slowConsumers()
			if err != nil {
				r.t.Error(err)
			}
			r.t.Logf("cut off %d times while %s was frozen, %d times since", before, name, now-before)
			if now-before > maxCuts {
				r.t.Errorf("want connections cut off at most %d times after %s was thawed, have %d", maxCuts, name, now-before)
			}
		})
	}
}

// large writes a value in every region that is larger than any NATS message.
func large(size int) func(*trial) {
	return func(r *trial) {
		for _, region := range r.topo.regions {
			c, err := dial(viaGo, r.urls(region), region, "large")
			if err != nil {
				r.t.Fatal(err)
			}
			r.writeBlob(c, region, size)
			c.close()
		}
	}
}

// writeBlob sets a key of its own to a large value and records it.
func (r *trial) writeBlob(c caller, region string, size int) {
	r.blobs++
	body := strings.Repeat(fmt.Sprintf("%08d", r.blobs), size/8)
	rec := record{Client: "blob", Via: viaGo, Region: region, Verb: set, Key: fmt.Sprintf("blob:%d", r.blobs), Value: digest(body), body: body, Start: r.history.now()}
	_, err := c.run(newSession(), &rec)
	rec.End, rec.Outcome, rec.body = r.history.now(), outcomeOf(err), ""
	if err != nil {
		rec.Err = err.Error()
		r.t.Errorf("nothing fails in %s and still: %s", region, rec)
	}
	r.history.add(rec)
}
