package scenario

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/resp/proto"
)

// World is the cluster that scenarios run in, one at a time. All nodes have one
// clock, so that what is written later has the later stamp.
type World interface {
	// Dial connects to a node of a region, as a Redis client does.
	Dial(c Client) (net.Conn, error)
	// Cut stops replication between regions of different groups, and nowhere else.
	Cut(ctx context.Context, groups [][]string) error
	// Heal starts it again between all regions.
	Heal(ctx context.Context) error
	// Sync returns when all nodes of these regions have seen the same writes and show
	// the same.
	Sync(ctx context.Context, regions []string) error
	// Evict has all nodes of a region forget the values that they hold, as they do when
	// memory is short.
	Evict(ctx context.Context, region string) error
	// Advance sets the clocks of all nodes forward.
	Advance(by time.Duration)
}

// tick is what the clocks are set forward by before each command: their stamps
// differ by more than any two nodes' readings of the clock.
const tick = 10 * time.Millisecond

// replyWait bounds the wait for one reply.
const replyWait = time.Minute

// run is a scenario that is running.
type run struct {
	world   World
	regions []string
	clients map[Client]*connection
	last    map[Client]proto.Value // what each has been replied
	cut     bool
}

// connection is one client.
type connection struct {
	net.Conn
	replies *proto.ValueReader
}

// Run empties the cluster of these regions and runs a scenario in it. It stops at
// the first reply that is another than expected; the error says where, and what
// each region has replied.
func Run(ctx context.Context, w World, regions []string, s *Scenario) error {
	r := &run{world: w, regions: regions, clients: map[Client]*connection{}, last: map[Client]proto.Value{}}
	defer r.close()
	if err := r.prepare(ctx, s); err != nil {
		return fmt.Errorf("%s:%d: prepare: %w", s.File, s.Line, err)
	}
	for i := range s.Steps {
		if err := r.step(ctx, &s.Steps[i]); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", s.File, s.Steps[i].Line, s.Steps[i].Text, err)
		}
	}
	return nil
}

// close ends the clients, and the cut of a scenario that has failed.
func (r *run) close() {
	for _, c := range r.clients {
		c.Close()
	}
	if r.cut {
		_ = r.world.Heal(context.Background()) // Then the next scenario fails, and says so.
	}
}

// prepare begins with nothing, everywhere.
func (r *run) prepare(ctx context.Context, s *Scenario) error {
	if err := r.world.Sync(ctx, r.regions); err != nil {
		return err
	}
	r.world.Advance(tick)
	v, err := r.ask(Client{r.regions[0], 1}, []string{"FLUSHALL"})
	if err != nil {
		return err
	}
	if Print(v) != "OK" {
		return fmt.Errorf("FLUSHALL: want OK, have %s", Print(v))
	}
	if err := r.world.Sync(ctx, r.regions); err != nil || !slices.Contains(s.Rules, "R10") {
		return err
	}
	return r.openFills(ctx, s)
}

func (r *run) step(ctx context.Context, s *Step) error {
	r.world.Advance(tick)
	switch s.Op {
	case Cut:
		if !r.cut {
			if err := r.world.Sync(ctx, r.regions); err != nil {
				return err
			}
		}
		r.cut = true
		return r.world.Cut(ctx, s.Groups)
	case Heal:
		if err := r.world.Heal(ctx); err != nil {
			return err
		}
		r.cut = false
		return r.world.Sync(ctx, r.regions)
	case Sync:
		return r.world.Sync(ctx, s.Groups[0])
	case Evict:
		for _, name := range s.Groups[0] {
			if err := r.world.Evict(ctx, name); err != nil {
				return err
			}
		}
		return nil
	case Advance:
		r.world.Advance(s.By)
		return nil
	}
	return r.command(s)
}

// command sends a command from each client in turn and compares the replies.
func (r *run) command(s *Step) error {
	var have []string
	fits := slices.Clone(s.Want) // all replies so far
	for i, c := range s.At {
		if i > 0 {
			r.world.Advance(tick)
		}
		args, err := r.filledIn(c, s.Args)
		if err != nil {
			return err
		}
		v, err := r.ask(c, args)
		if err != nil {
			return fmt.Errorf("in %s: %w", c, err)
		}
		r.last[c] = v
		text := strings.ReplaceAll(Print(v), " \n", "\n") // An editor takes spaces away from the ends of lines.
		fits = slices.DeleteFunc(fits, func(w Reply) bool { return !w.matches(text, v.Text) })
		if s.Want[0].Raw {
			text = v.Text
		}
		have = append(have, fmt.Sprintf("have in %s:\n%s", c, text))
	}
	if len(fits) > 0 {
		return nil
	}
	var want []string
	for _, w := range s.Want {
		want = append(want, w.Text)
	}
	return fmt.Errorf("want:\n%s\n%s", strings.Join(want, "\nor\n"), strings.Join(have, "\n"))
}

// ask sends a command and returns the reply.
func (r *run) ask(who Client, args []string) (proto.Value, error) {
	c := r.clients[who]
	if c == nil {
		conn, err := r.world.Dial(who)
		if err != nil {
			return proto.Value{}, err
		}
		c = &connection{conn, proto.NewValueReader(conn)}
		r.clients[who] = c
	}
	var w proto.Writer
	w.Array(len(args))
	for _, a := range args {
		w.Bulk(a)
	}
	if err := c.SetDeadline(time.Now().Add(replyWait)); err != nil {
		return proto.Value{}, err
	}
	if _, err := c.Write(w.Bytes()); err != nil {
		return proto.Value{}, err
	}
	return c.replies.Read()
}
