package cli

import "testing"

func TestSizesOfMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "1000": 1000, "100mb": 100 << 20, "2GB": 2 << 30, "512k": 512_000, "50%": 500, "12.5%": 125, "7b": 7,
	} {
		if have, err := parseMemory(text, 1000); err != nil || have != want {
			t.Errorf("%q: want %d, have %d, %v", text, want, have, err)
		}
	}
	for _, text := range []string{"much", "-1", "0%", "101%", "%", "NaN%", "9999999999tb", "1.5gb"} {
		if have, err := parseMemory(text, 1000); err == nil {
			t.Errorf("%q: want it refused, have %d", text, have)
		}
	}
	if have, err := parseMemory("50%", 0); err == nil {
		t.Errorf("a percentage of nothing known: want it refused, have %d", have)
	}
}
