package bench

import (
	_ "embed" // for twitterRows
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// twitterRows is what was measured of some of Twitter's clusters; the file names its
// source.
//
//go:embed twitter_2020mar.csv
var twitterRows string

// twitterKeys is how many keys the mixes are run on. The clusters have many more;
// the skew and the sizes are theirs.
const twitterKeys = 100_000

// memcached says what each of memcached's operations is here.
var memcached = map[string]Kind{"get": Get, "gets": Get, "set": Set, "add": Add, "cas": Replace, "delete": Del, "incr": Incr}

// twitterWorkloads returns the mixes of Twitter's clusters under their own names.
// The file is part of this program: what cannot be read of it is our own fault.
func twitterWorkloads() []Workload {
	ws, err := parseTwitter(twitterRows)
	if err != nil {
		panic(err)
	}
	return ws
}

// parseTwitter reads clusters.
func parseTwitter(text string) ([]Workload, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.Comment = '#'
	rows, err := r.ReadAll()
	if err != nil || len(rows) == 0 {
		return nil, fmt.Errorf("clusters: %d rows: %w", len(rows), err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	var out []Workload
	for _, row := range rows[1:] {
		w, err := parseCluster(func(name string) string { return row[column[name]] })
		if err != nil {
			return nil, fmt.Errorf("%s: %w", row[0], err)
		}
		out = append(out, w)
	}
	return out, nil
}

// parseCluster reads one row.
func parseCluster(cell func(column string) string) (Workload, error) {
	w := Workload{Name: cell("cluster"), Keys: twitterKeys}
	var err error
	number := func(name string) float64 {
		f, e := strconv.ParseFloat(cell(name), 64)
		if e != nil && err == nil {
			err = fmt.Errorf("%s: %w", name, e)
		}
		return f
	}
	w.KeyBytes, w.ValueBytes, w.Alpha = max(int(number("key_bytes")), leastKey), int(number("value_bytes")), number("zipf_alpha")
	if err != nil {
		return w, err
	}
	for _, word := range strings.Fields(cell("ops")) {
		name, part, _ := strings.Cut(word, ":")
		kind, known := memcached[name]
		f, e := strconv.ParseFloat(part, 64)
		if !known || e != nil {
			return w, fmt.Errorf("ops: %q", word)
		}
		w.Mix = append(w.Mix, Share{kind, f})
	}
	if w.TTL, err = parseTTL(cell("ttls")); err != nil {
		return w, err
	}
	w.About = fmt.Sprintf("Twitter's: %s, keys %d B, values %d B, alpha %.2f, most live for %s",
		cell("ops"), w.KeyBytes, w.ValueBytes, w.Alpha, w.TTL)
	return w, nil
}

// parseTTL returns the most frequent of times to live, the first of "4d:0.59,
// 2d:0.41,".
func parseTTL(s string) (time.Duration, error) {
	first, _, _ := strings.Cut(strings.TrimSpace(s), ":")
	if first == "" {
		return 0, nil
	}
	number, unit := first[:len(first)-1], first[len(first)-1]
	n, err := strconv.ParseFloat(number, 64)
	seconds := map[byte]float64{'s': 1, 'h': 3600, 'd': 86400}[unit]
	if err != nil || seconds == 0 {
		return 0, fmt.Errorf("ttls: %q", s)
	}
	return time.Duration(n*seconds) * time.Second, nil
}
