package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/wire"
)

// stampGap is waited between writes in different regions, so that their stamps
// differ in the order of the story.
const stampGap = 5 * time.Millisecond

// prepare writes what the conflicts begin from, and waits until all have it.
func (d *demo) prepare(ctx context.Context) error {
	for _, k := range conflicts() {
		if err := k.before(ctx, d.apis["us"]); err != nil {
			return err
		}
	}
	d.claimEqual(ctx, "six keys to quarrel about, the same in all regions", "written in us")
	return nil
}

// cut pauses all links.
func (d *demo) cut(ctx context.Context) error {
	d.step("The regions are cut off from each other")
	if _, err := d.apis["us"].Link(ctx, command.LinkPause, "", ""); err != nil {
		return err
	}
	paused, took := d.paused(ctx)
	d.claim(paused, "every region has stopped all links", "`atoll link pause` in one of them, known in all after %s", short(took))
	return nil
}

// paused waits until every node says that all links are paused.
func (d *demo) paused(ctx context.Context) (bool, time.Duration) {
	return d.wait(ctx, func(ctx context.Context) (bool, error) {
		for _, n := range d.cluster.nodes {
			links, err := n.Link(ctx, command.LinkList, "", "")
			if err != nil {
				return false, err
			}
			if slices.ContainsFunc(links, func(l wire.LinkInfo) bool { return !l.Paused }) {
				return false, nil
			}
		}
		return true, nil
	})
}

// disagree writes against each other in all regions, and claims that each shows
// its own.
func (d *demo) disagree(ctx context.Context) error {
	d.step("All three write, each for itself")
	if err := d.quarrel(ctx); err != nil {
		return err
	}
	if err := d.apart(ctx); err != nil {
		return err
	}
	info, err := d.apis["us"].Verify(ctx, command.DefaultVerifyLimit)
	if err != nil {
		return err
	}
	d.claim(!info.Equal && info.Differing == len(conflicts()), fmt.Sprintf("`atoll verify` finds just these: %s", differText(info.Differing)),
		"of %s in %s", plural(info.Keys, "key"), plural(info.Partitions, "partition"))
	return nil
}

// quarrel makes the writes of all cases.
func (d *demo) quarrel(ctx context.Context) error {
	tb := &table{header: []string{"CASE", "us", "eu", "ap"}}
	for _, k := range conflicts() {
		row := []string{k.name}
		for i, r := range demoRegions {
			if k.writes[i] == nil {
				row = append(row, "")
				continue
			}
			if err := k.writes[i](ctx, d.apis[r]); err != nil {
				return err
			}
			row = append(row, k.says[i])
			select {
			case <-time.After(stampGap):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		tb.add(row...)
	}
	if !d.json {
		d.table(tb)
		d.printf("\n")
	}
	return nil
}

// apart claims that the regions show different values for every case.
func (d *demo) apart(ctx context.Context) error {
	shows := &table{header: []string{"KEY", "us shows", "eu shows", "ap shows"}}
	apart := 0
	for _, k := range conflicts() {
		values, err := d.values(ctx, k)
		if err != nil {
			return err
		}
		if values[0] != values[1] {
			apart++
		}
		shows.add(append([]string{k.key}, values...)...)
	}
	if !d.json {
		d.table(shows)
	}
	d.claim(apart == len(conflicts()), "all answered by themselves, and now they differ", "all %d keys show something else in us than in eu", len(conflicts()))
	return nil
}

// values reads a case's key in every region.
func (d *demo) values(ctx context.Context, k conflict) ([]string, error) {
	var values []string
	for _, r := range demoRegions {
		v, err := k.read(ctx, d.apis[r], k.key)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

// heal resumes the links and claims what each case comes to.
func (d *demo) heal(ctx context.Context) error {
	d.step("The links are back")
	if _, err := d.apis["eu"].Link(ctx, command.LinkResume, "", ""); err != nil {
		return err
	}
	d.claimEqual(ctx, "all regions hold the same again", "after `atoll link resume`")
	for _, k := range conflicts() {
		values, err := d.values(ctx, k)
		if err != nil {
			return err
		}
		in, err := d.apis["ap"].Inspect(ctx, k.key)
		if err != nil {
			return err
		}
		held := in.Agree && !slices.ContainsFunc(values, func(v string) bool { return v != k.want })
		why := k.rule + ": " + k.law + "\n" + strings.Join(reasons(in), "\n")
		if !held {
			why = fmt.Sprintf("us, eu and ap show %q, wanted %q\n%s", values, k.want, why)
		}
		d.claim(held, fmt.Sprintf("%s: all show %s", k.name, values[0]), "%s", why)
	}
	return nil
}

// reasons returns why a key shows what it shows, as inspect says it.
func reasons(in wire.Inspection) []string {
	var lines []string
	for _, cell := range in.Cells {
		name := ""
		if cell.Field != "" {
			name = cell.Field + " "
		}
		for _, w := range cell.Writes {
			value := w.Value
			if cell.Kind == "set" {
				value = ""
			}
			lines = append(lines, strings.TrimSpace(name+value)+" by "+who(w.Stamp)+" "+whyWrite(w, cell))
		}
		for _, k := range cell.Contributions {
			lines = append(lines, name+signed(k.Net)+" by "+who(k.Stamp)+" "+whyContribution(k, cell))
		}
	}
	return lines
}

// serving counts the nodes that own partitions.
func serving(nodes []wire.RingNode) int {
	n := 0
	for _, m := range nodes {
		if m.Owns > 0 {
			n++
		}
	}
	return n
}
