package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/atollcache/atoll/node/wire"
)

func inspectVerb() verb {
	return verb{
		name: "inspect", group: groupSee, args: "KEY", min: 1, max: 1, brief: "say what a key holds in every region, and why",
		examples: []string{
			"atoll inspect cart:7                           who wrote what, what lost, what was removed",
			"atoll inspect cart:7 --json | jq .agree        whether the regions agree on it",
		},
		about: "Shows every live write and every contribution to a counter with its time, node and region;\n" +
			"which one shows and which rule decided; the expiry; what the log still has of the key; and\n" +
			"what each region shows. Exit code 1 if there is no such key.",
		run: func(ctx context.Context, c *call) error {
			api, err := c.connect(ctx)
			if err != nil {
				return err
			}
			in, err := api.Inspect(ctx, c.args[0])
			if err != nil {
				return err
			}
			if c.json {
				err = c.document(in)
			} else {
				c.inspection(in, time.Now())
			}
			if err == nil && in.Kind == "none" {
				return errNo
			}
			return err
		},
	}
}

// inspection writes what a key holds for people.
func (t *terminal) inspection(in wire.Inspection, now time.Time) {
	head := func(name, value string) { t.printf("%s  %s\n", t.paint(bold, fmt.Sprintf("%-8s", name)), value) }
	head("KEY", oneLine(in.Key))
	head("KIND", in.Kind)
	if v := shownValue(in.Value); v != "" {
		head("VALUE", clip(v, max(t.width-10, 20)))
	}
	head("SIZE", humanBytes(in.Size))
	head("PLACE", fmt.Sprintf("slot %d, partition %d", in.Slot, in.Partition))
	if in.ExpireAt != nil {
		head("EXPIRES", fmt.Sprintf("%s, in %s", clock(*in.ExpireAt, now), short(in.ExpireAt.Sub(now))))
	} else if in.Kind != "none" {
		head("EXPIRES", "never")
	}
	if in.Cut != nil {
		head("CUT", "all written until "+clock(in.Cut.Time, now)+" is gone, seen or not (R6, R7)")
	}
	t.regionCopies(in)
	t.cells(in, now)
	t.expiries(in.Expiries, now)
	t.history(in.History, now)
}

// regionCopies writes where the key is, and whether all agree.
func (t *terminal) regionCopies(in wire.Inspection) {
	tb := &table{header: []string{"REGION", "OWNER", "REPLICAS", "SHOWS", "DIGEST"}}
	for _, r := range in.Regions {
		shows := r.Kind
		if r.Err != "" {
			shows = "no answer: " + r.Err
		} else if v := shownValue(r.Value); v != "" {
			shows = clip(v, 30)
		}
		tb.add(r.Region, r.Owner, strings.Join(r.Replicas, " "), shows, clip(r.Digest, 9))
	}
	t.printf("\n")
	t.table(tb)
	switch {
	case !in.Agree:
		t.printf("%s the regions differ now\n", t.paint(yellow, "✗"))
	case !in.Complete:
		t.printf("%s the regions that answered agree; not all did\n", t.paint(yellow, "!"))
	default:
		t.printf("%s the regions agree\n", t.paint(cyan, "✓"))
	}
}

// cells writes every live write and contribution with why it shows or not.
func (t *terminal) cells(in wire.Inspection, now time.Time) {
	if len(in.Cells) == 0 {
		return
	}
	tb := &table{header: []string{strings.ToUpper(fieldWord(in.Kind)), "VALUE", "WRITTEN BY", "WHEN", "WHY"}}
	for _, cell := range in.Cells {
		name := oneLine(cell.Field)
		if cell.Kind == "string" {
			name = "–"
		}
		if n := len(cell.Contributions) + len(cell.Writes); n > 1 && cell.Hidden == "" {
			tb.add(name, clip(oneLine(cell.Value), 30), "", "", "what shows of the "+plural(n, "part")+" below")
			name = ""
		}
		for _, w := range cell.Writes {
			tb.add(name, clip(oneLine(w.Value), 30), who(w.Stamp), clock(w.Stamp.Time, now), whyWrite(w, cell))
			name = ""
		}
		for _, k := range cell.Contributions {
			tb.add(name, signed(k.Net), who(k.Stamp), clock(k.Stamp.Time, now), whyContribution(k, cell))
			name = ""
		}
		for _, x := range cell.Expiries {
			tb.add(name, expiryValue(x, now), who(x.Stamp), clock(x.Stamp.Time, now), whyFieldExpiry(x, cell))
			name = ""
		}
	}
	t.printf("\n")
	t.table(tb)
	if more := in.CellCount - len(in.Cells); more > 0 {
		t.printf("and %d more\n", more)
	}
}

// fieldWord is what a cell of a kind is called.
func fieldWord(kind string) string {
	switch kind {
	case "hash":
		return "field"
	case "set", "zset":
		return "member"
	case "list":
		return "element at"
	case "hyperloglog":
		return "registers"
	}
	return "cell"
}

// whyWrite says why a write shows or not, with the rule that decided.
func whyWrite(w wire.WriteInfo, cell wire.CellInfo) string {
	switch {
	case w.State == "lost":
		for _, other := range cell.Writes {
			if other.Dot == w.LostTo {
				return "lost to " + who(other.Stamp) + ", written at the same time with a later stamp; hidden (R1)"
			}
		}
		return "lost to a later stamp; hidden (R1)"
	case w.State == "cut":
		return "invalidated (R6)"
	case w.State == "expired":
		return "expired (R7)"
	case cell.Hidden != "":
		return "hidden: " + cell.Hidden + " (R8)"
	case len(cell.Writes) > 1:
		return fmt.Sprintf("wins: the latest stamp of %d written at the same time (R1)", len(cell.Writes))
	case len(cell.Contributions) > 0:
		return "the number that was set; what it had not seen is added (R3)"
	}
	return "the only live write"
}

func whyContribution(k wire.ContributionInfo, cell wire.CellInfo) string {
	removed := ""
	if k.Removed != "" && k.Removed != "0" {
		removed = fmt.Sprintf(" (of %s, %s were taken by a SET or DEL that had seen them)", k.Total, k.Removed)
	}
	switch {
	case k.State == "removed":
		return "removed by a SET or DEL that had seen it (R3, R4)"
	case k.State == "cut":
		return "invalidated (R6)"
	case k.State == "expired":
		return "expired (R7)"
	case cell.Hidden != "":
		return "hidden: " + cell.Hidden + " (R8)"
	case len(cell.Writes) > 0:
		return "counts: the SET had not seen it (R3)" + removed
	}
	return "counts (R2)" + removed
}

// history writes what the log still has of the key, oldest first.
func (t *terminal) history(changes []wire.ChangeInfo, now time.Time) {
	if len(changes) == 0 {
		return
	}
	tb := &table{header: []string{"HISTORY", "BY", "DID"}}
	for _, c := range changes {
		tb.add(clock(c.Stamp.Time, now), who(c.Stamp), clip(readable(strings.Join(c.Did, "; ")), 80))
	}
	t.printf("\n")
	t.table(tb)
}

// who names the node that wrote something, with its region where the name does
// not begin with that.
func who(s wire.Stamp) string {
	switch {
	case s.Node == "":
		return "replica " + clip(s.Replica, 9)
	case strings.HasPrefix(s.Node, s.Region+"-"):
		return s.Node
	}
	return s.Region + "/" + s.Node
}

// shownValue returns a value of an inspection on one line.
func shownValue(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return oneLine(v)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return readable(string(b))
}

func signed(n string) string {
	if strings.HasPrefix(n, "-") {
		return n
	}
	return "+" + n
}
