package scenario

import (
	"fmt"
	"strings"
	"time"
)

// Scenario is one story: it begins with an empty cluster whose regions are all
// connected.
type Scenario struct {
	File  string // as it was given to [Parse]
	Line  int    // of the heading
	Rules []string
	Types []string
	Title string
	Steps []Step
}

// Name returns where the scenario is and what it is called.
func (s *Scenario) Name() string { return fmt.Sprintf("%s:%d: %s", s.File, s.Line, s.Title) }

// Op is what a step does.
type Op int

// The steps that there are.
const (
	// Command sends Args from each of At and compares the replies with Want.
	Command Op = iota
	// Cut waits until all regions agree, unless they are cut already, and then stops
	// replication between regions of different Groups. A region that is in none stays
	// connected to all.
	Cut
	// Heal connects all regions again and waits until they agree.
	Heal
	// Sync waits until the regions of Groups[0] agree.
	Sync
	// Advance sets the clocks of all nodes forward By so much.
	Advance
	// Evict has the nodes of the regions of Groups[0] forget all values that they hold.
	Evict
)

// Step is one line of a scenario, with the reply below it.
type Step struct {
	Line   int
	Text   string // as it is written
	Op     Op
	At     []Client
	Args   []string
	Want   []Reply // one of these, the same for all of At
	Groups [][]string
	By     time.Duration
}

// Client is a connection to a node of a region: node 1 unless the scenario names
// another.
type Client struct {
	Region string
	Node   int
}

// String returns the client as a scenario writes it.
func (c Client) String() string {
	if c.Node == 1 {
		return c.Region
	}
	return fmt.Sprintf("%s%d", c.Region, c.Node)
}

// Reply is what a scenario says of a reply.
type Reply struct {
	// Text is the reply as redis-cli prints it, in which … stands for anything.
	Text string
	// Raw says that Text is found in the reply's own text, unquoted.
	Raw bool
}

// anything stands for any text in a reply.
const anything = "…"

// matches reports whether a reply is as the scenario says.
func (r Reply) matches(printed, raw string) bool {
	if r.Raw {
		return fits(anything+r.Text+anything, raw)
	}
	return fits(r.Text, printed)
}

// fits reports whether a text is a pattern's parts, with anything in between.
func fits(pattern, text string) bool {
	parts := strings.Split(pattern, anything)
	if len(parts) == 1 {
		return text == pattern
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(text) < len(first)+len(last) || !strings.HasPrefix(text, first) || !strings.HasSuffix(text, last) {
		return false
	}
	text = text[len(first) : len(text)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return true
}
