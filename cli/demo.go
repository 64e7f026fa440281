package cli

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// The demonstration's cluster.
const (
	demoCluster = "demo"
	demoNodes   = 2 // of each region
	demoWAN     = 80 * time.Millisecond
	demoWait    = 20 * time.Second // for what should take a second
	demoRequest = 5 * time.Second  // for one request
	demoLimit   = 55 * time.Second // for all
)

var demoRegions = [...]string{"us", "eu", "ap"}

func demoVerb() verb {
	return verb{
		name: "demo", group: groupRun, brief: "a guided tour: cut regions off from each other, and see them agree again",
		examples: []string{"atoll demo    takes less than a minute, exit code 0 if every claim held"},
		about: "Starts three regions of two nodes on free ports of this machine, 80 ms apart, loads a thousand\n" +
			"towns, cuts the regions off, writes against each other in all three, heals, and ends a node\n" +
			"the hard way. Every claim that it makes it checks.",
		local: true,
		run:   runDemo,
	}
}

// claim is something that the demonstration says, and whether it held.
type claim struct {
	Text string `json:"claim"`
	Held bool   `json:"held"`
	Why  string `json:"why,omitempty"`
}

// demo is one run of the demonstration.
type demo struct {
	*call
	cluster *local
	apis    map[string]*command.API      // by region, each over a connection of its own
	ends    []func()                     // of the same
	towns   map[string]map[string]string // fields by key
	claims  []claim
}

func runDemo(ctx context.Context, c *call) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, demoLimit)
	defer cancel()
	d := &demo{call: c, apis: map[string]*command.API{}}
	err := d.tour(ctx)
	d.close()
	if err != nil {
		return err
	}
	held := 0
	for _, k := range d.claims {
		if k.Held {
			held++
		}
	}
	took := time.Since(began)
	if c.json {
		err = c.document(object{"claims": d.claims, "held": held == len(d.claims), "seconds": took.Seconds()})
	} else {
		c.printf("\n%d of %d claims held, %s\n", held, len(d.claims), short(took))
	}
	if err == nil && held < len(d.claims) {
		return errNo
	}
	return err
}

// tour runs the steps, each of which finds what the one before has left.
func (d *demo) tour(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		d.start, d.load, d.prepare, d.cut, d.disagree, d.heal, d.crash,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) close() {
	for _, end := range d.ends {
		end()
	}
	if d.cluster != nil {
		d.cluster.close()
	}
}

// start brings up the cluster and a client in each region.
func (d *demo) start(ctx context.Context) error {
	d.step("Three regions of two nodes, %s apart", demoWAN)
	began := time.Now()
	var err error
	d.cluster, err = startLocal(ctx, localOptions{
		cluster: demoCluster, regions: demoRegions[:], nodes: demoNodes, wan: demoWAN,
		log: slog.New(slog.DiscardHandler), // A link that is cut and a node that dies are part of the tour.
	})
	if err != nil {
		return err
	}
	for _, r := range demoRegions {
		api, end, err := d.cluster.client(demoCluster, r)
		if err != nil {
			return err
		}
		d.apis[r], d.ends = api, append(d.ends, end)
	}
	nodes, err := d.apis["us"].Nodes(ctx)
	if err != nil {
		return err
	}
	d.claim(len(nodes) == len(demoRegions)*demoNodes, fmt.Sprintf("%d nodes serve and know each other", len(nodes)),
		"started in %s, each region with a NATS server of its own", short(time.Since(began)))
	return nil
}

// step begins a part of the tour.
func (d *demo) step(format string, args ...any) {
	if !d.json {
		d.printf("\n%s\n", d.paint(bold, fmt.Sprintf(format, args...)))
	}
}

// claim says something and whether it held, and why.
func (d *demo) claim(held bool, what, why string, args ...any) {
	why = fmt.Sprintf(why, args...)
	d.claims = append(d.claims, claim{what, held, why})
	if d.json {
		return
	}
	mark := d.paint(cyan, "✓")
	if !held {
		mark = d.paint(red, "✗")
	}
	d.printf("  %s %s\n", mark, readable(what))
	for _, l := range strings.Split(why, "\n") {
		if l != "" {
			d.printf("      %s\n", d.paint(faint, readable(l)))
		}
	}
}

// wait returns whether something became true in time, and how long it took. When
// asking fails it asks again.
func (d *demo) wait(ctx context.Context, ask func(ctx context.Context) (bool, error)) (bool, time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, demoWait)
	defer cancel()
	began := time.Now()
	err := poll(ctx, seePoll, func() (bool, error) {
		one, cancel := context.WithTimeout(ctx, demoRequest)
		defer cancel()
		ok, err := ask(one)
		return ok && err == nil, nil // An error now may be none later.
	})
	return err == nil, time.Since(began)
}

// claimEqual waits until all regions hold the same and claims that they do. The
// nodes that are gone need not answer.
func (d *demo) claimEqual(ctx context.Context, what, why string, gone ...string) {
	var info wire.VerifyInfo
	var last error
	equal, took := d.wait(ctx, func(ctx context.Context) (bool, error) {
		now, err := d.apis["us"].Verify(ctx, command.DefaultVerifyLimit)
		if last = err; err == nil {
			info = now
		}
		silent := slices.DeleteFunc(info.Silent, func(n string) bool { return slices.Contains(gone, n) })
		return info.Equal && (info.Complete || len(gone) > 0 && len(silent) == 0), err
	})
	if !equal {
		why = fmt.Sprintf("not yet: %s, no answer from %q, %s", differText(info.Differing), info.Silent, errText(last, "waited"))
	}
	d.claim(equal, what, "%s, %s", why, short(took))
}
