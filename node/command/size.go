package command

import (
	"fmt"
	"strconv"
	"strings"
)

// sizeUnits are the units of sizes, as Redis has them: with a b they are binary, without
// one decimal.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"kb", 1 << 10}, {"mb", 1 << 20}, {"gb", 1 << 30}, {"tb", 1 << 40},
	{"k", 1e3}, {"m", 1e6}, {"g", 1e9}, {"t", 1e12}, {"b", 1},
}

// ParseSize reads a number of bytes as Redis's configuration has it: 100mb, 2gb, 1000000.
func ParseSize(text string) (int64, error) {
	number, unit := strings.ToLower(strings.TrimSpace(text)), int64(1)
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/unit {
		return 0, fmt.Errorf("%q is not a number of bytes: want one like 100mb or 2gb", text)
	}
	return n * unit, nil
}
