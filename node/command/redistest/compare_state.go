package redistest

import (
	"fmt"
	"slices"
	"strings"
)

// scan compares what whole scans yield: the pages are up to each side.
func (c *comparison) scan(args []string, theirs, ours Value) error {
	if args[2] != "0" {
		return nil // It began in the middle.
	}
	a, err := drain(c.theirs, args, theirs)
	if err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	b, err := drain(c.ours, args, ours)
	if err != nil {
		return fmt.Errorf("atoll: %w", err)
	}
	if !same(strings.ToUpper(args[0]), a, b) {
		return fmt.Errorf("%.300q: Redis yields %v, Atoll %v", args, a, b)
	}
	return nil
}

// drain goes on with a scan to its end and returns all that it yields once, in
// order.
func drain(r Runner, args []string, page Value) (Value, error) {
	args = slices.Clone(args)
	var all []Value
	for pages := 0; ; pages++ {
		if page.Kind != Array || len(page.List) != 2 || page.List[0].Kind != Bulk || page.List[1].Kind != Array || pages > 1000 {
			return Value{}, fmt.Errorf("%.300q: page %d is %v", args, pages, page)
		}
		all = append(all, page.List[1].List...)
		if args[2] = page.List[0].Text; args[2] == "0" {
			break
		}
		var err error
		if page, err = r.Do(args...); err != nil {
			return Value{}, err
		}
	}
	width := 2
	if strings.EqualFold(args[0], "SSCAN") {
		width = 1
	}
	var once []Value
	for group := range slices.Chunk(sorted(all, width), width) {
		if n := len(once); n == 0 || once[n-width].Text != group[0].Text {
			once = append(once, group...)
		}
	}
	return Value{Kind: Array, List: once}, nil
}

// random compares replies of which only the form is certain: as many elements,
// all of them there, and different ones unless asked otherwise.
func (c *comparison) random(args []string, theirs, ours Value) error {
	verb := strings.ToUpper(args[0])
	if theirs.Kind != ours.Kind || len(theirs.List) != len(ours.List) {
		return fmt.Errorf("%.300q: Redis replies %v, Atoll %v", args, theirs, ours)
	}
	names := []string{ours.Text}
	if ours.Kind == Array {
		names = names[:0]
		width := 1
		if len(args) > 3 {
			width = 2
		}
		for group := range slices.Chunk(ours.List, width) {
			names = append(names, group[0].Text)
		}
	}
	if ours.Kind == NullBulk || len(names) == 0 {
		return nil
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(names)))
	if len(distinct) < len(names) && !strings.HasPrefix(args[2], "-") {
		return fmt.Errorf("%.300q: Atoll replies %v: some are the same", args, ours)
	}
	if verb == "SPOP" {
		// Which are left is up to each side.
		left, ourLeft, err := c.both("SCARD", args[1])
		if err == nil && left.Int != ourLeft.Int {
			err = fmt.Errorf("%.300q: Redis has %v members left, Atoll %v", args, left, ourLeft)
		}
		if err != nil {
			return err
		}
		return c.drop(args)
	}
	look := map[string]string{"SRANDMEMBER": "SMISMEMBER", "HRANDFIELD": "HMGET", "ZRANDMEMBER": "ZMSCORE"}[verb]
	there, err := c.theirs.Do(append([]string{look, args[1]}, names...)...)
	if err != nil {
		return err
	}
	for i, v := range there.List {
		if v.Kind == NullBulk || v.Kind == Int && v.Int == 0 {
			return fmt.Errorf("%.300q: Atoll replies %q, which is not there", args, names[i])
		}
		if len(args) > 3 && !same("Z", v, ours.List[2*i+1]) {
			return fmt.Errorf("%.300q: Atoll replies %q with %v, it has %v", args, names[i], ours.List[2*i+1], v)
		}
	}
	return nil
}

// checkAll compares all that both keep.
func (c *comparison) checkAll() error {
	theirs, ours, err := c.both("KEYS", "*")
	if err != nil {
		return err
	}
	theirs, ours = normal("KEYS", theirs), normal("KEYS", ours)
	if !same("KEYS", theirs, ours) {
		return fmt.Errorf("keys: Redis has %v, Atoll %v", theirs, ours)
	}
	for _, key := range theirs.List {
		if err := c.checkKey(key.Text); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) checkKey(key string) error {
	kind, err := c.theirs.Do("TYPE", key)
	if err != nil {
		return err
	}
	read := map[string][]string{"string": {"GET", key}, "hash": {"HGETALL", key}, "set": {"SMEMBERS", key}, "zset": {"ZRANGE", key, "0", "-1", "WITHSCORES"}, "list": {"LRANGE", key, "0", "-1"}}[kind.Text]
	if strings.HasPrefix(key, "p") {
		read = []string{"PFCOUNT", key} // Or the same error for a string.
	}
	for _, args := range [][]string{{"TYPE", key}, read, {"PTTL", key}} {
		theirs, ours, err := c.both(args...)
		if err != nil {
			return err
		}
		verb := args[0]
		theirs, ours = normal(verb, theirs), normal(verb, ours)
		farFuture := slices.ContainsFunc(differences, func(d difference) bool { return d.name == "far-future" && d.allows(args, theirs, ours) })
		if !same(verb, theirs, ours) && !farFuture {
			return fmt.Errorf("key %q, %s: Redis has %v, Atoll %v", key, verb, theirs, ours)
		}
	}
	return nil
}
