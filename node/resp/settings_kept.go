package resp

import (
	"math"
	"slices"
)

// Settings that say how Redis lays small collections out in memory. Here they are all
// kept alike: who sets one is answered as Redis does, and reads it again, and that is
// all.

// layout is such a setting: its names, older ones after the first, and bounds.
type layout struct {
	names    []string
	standard string // what it begins with
	least    int64
}

var layouts = []layout{
	{names: []string{"hash-max-listpack-entries", "hash-max-ziplist-entries"}, standard: "512"},
	{names: []string{"hash-max-listpack-value", "hash-max-ziplist-value"}, standard: "64"},
	{names: []string{"zset-max-listpack-entries", "zset-max-ziplist-entries"}, standard: "128"},
	{names: []string{"zset-max-listpack-value", "zset-max-ziplist-value"}, standard: "64"},
	{names: []string{"set-max-intset-entries"}, standard: "512"},
	{names: []string{"set-max-listpack-entries"}, standard: "128"},
	{names: []string{"set-max-listpack-value"}, standard: "64"},
	{names: []string{"list-max-listpack-size", "list-max-ziplist-size"}, standard: "-2", least: math.MinInt32},
	{names: []string{"list-compress-depth"}, standard: "0"},
	{names: []string{"hll-sparse-max-bytes"}, standard: "3000"},
}

// layoutOf returns the setting of a name, nil when there is none of layout.
func layoutOf(name string) *layout {
	i := slices.IndexFunc(layouts, func(l layout) bool { return slices.Contains(l.names, name) })
	if i < 0 {
		return nil
	}
	return &layouts[i]
}

// standardLayouts adds what the settings of layout begin with.
func standardLayouts(values map[string]string) {
	for _, l := range layouts {
		for _, name := range l.names {
			values[name] = l.standard
		}
	}
}

// keep checks the value of a setting of layout and notes it under all its names.
func (l *layout) keep(values map[string]string, value string) error {
	if _, err := number(value, l.least, math.MaxInt32); err != nil {
		return err
	}
	for _, name := range l.names {
		values[name] = value
	}
	return nil
}

// settable reports whether a parameter may be set to a value: one that has a setter,
// or of memory or layout, or one that has the value already.
func (set *settings) settable(name, value string) bool {
	if setters[name] != nil || isMemory(name) || layoutOf(name) != nil {
		return true
	}
	set.mu.Lock()
	defer set.mu.Unlock()
	have, ok := set.mu.values[name]
	return ok && have == value
}
