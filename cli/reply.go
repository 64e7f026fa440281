package cli

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/atollcache/atoll/crdt"
)

// object is a JSON object whose fields stand in alphabetical order.
type object map[string]any

// number is a score or sum in JSON: a number, or "inf" and "-inf", for which JSON
// has none.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsInf(float64(n), 0) {
		return json.Marshal(crdt.FormatFloat(float64(n)))
	}
	return json.Marshal(float64(n))
}

// done says that something happened, or that the answer is no and why.
func (c *call) done(ok bool, fields object, format string, args ...any) error {
	if c.json {
		fields["done"] = ok
		if err := c.document(fields); err != nil || ok {
			return err
		}
		return errNo
	}
	if !ok {
		return no(format, args...)
	}
	c.printf("OK\n")
	return nil
}

// missing is the answer of a read whose key or field there is not. With --json
// the document says so.
func (c *call) missing(doc object, format string, args ...any) error {
	if c.json {
		if err := c.document(doc); err != nil {
			return err
		}
		return errNo
	}
	return no(format, args...)
}

// count writes how many things a write concerned. With none, and where that
// means no, the answer is no.
func (c *call) count(what string, n int, noneIsNo bool) error {
	if c.json {
		if err := c.document(object{"key": text(c.args[0]), what: n}); err != nil {
			return err
		}
	} else {
		c.printf("%d\n", n)
	}
	if n == 0 && noneIsNo {
		return errNo
	}
	return nil
}

// rows writes pairs such as fields and values: a table on a terminal, otherwise
// bytes with a tab between them.
func (c *call) rows(header [2]string, pairs [][2]string) error {
	if !c.outTTY {
		for _, p := range pairs {
			c.printf("%s\t%s\n", p[0], p[1])
		}
		return nil
	}
	tb := &table{header: header[:]}
	for _, p := range pairs {
		tb.add(oneLine(p[0]), oneLine(p[1]))
	}
	c.table(tb)
	return nil
}

// parseTTL reads a time to live: a duration such as 90s or 1h30m, or whole
// seconds.
func parseTTL(what, s string) (time.Duration, error) {
	ttl, err := time.ParseDuration(s)
	if n, intErr := strconv.ParseInt(s, 10, 64); intErr == nil && n <= int64(math.MaxInt64/time.Second) {
		ttl, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || ttl <= 0 {
		return 0, usagef("%s is %q", what, s).withHint("use a duration such as 90s or 1h30m, or whole seconds, more than 0")
	}
	return ttl, nil
}

// parseNumber reads an amount or score.
func parseNumber(what, s string) (float64, error) {
	f, ok := crdt.ParseFloat(s)
	if !ok {
		return 0, usagef("%s is %q, not a number", what, s)
	}
	return f, nil
}

// pairsOf is an error unless what follows comes in pairs.
func pairsOf(what string, args []string) error {
	if len(args)%2 != 0 {
		return usagef("%s come in pairs; %q has no second half", what, args[len(args)-1])
	}
	return nil
}

// noKey is the sentence of a key that does not exist.
func noKey(key string) string { return fmt.Sprintf("there is no key %q", key) }
