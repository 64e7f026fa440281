package redistest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/command/redistest"
)

// theirsAlone are flags and categories that COMMAND INFO of Redis shows and that follow
// from how it works inside, or from commands that Atoll does not have.
var theirsAlone = []string{"noscript", "loading", "stale", "skip_monitor", "may_replicate", "no_multi", "allow_busy", "no_async_loading", "blocking"}

// The table says of each command what Redis's COMMAND INFO says.
func TestSpecsAgreeWithRedis(t *testing.T) {
	if !redistest.HasRedis(t) {
		return
	}
	redis := redistest.StartRedis(t)
	for _, s := range command.All() {
		if !redistest.IsCompared(s) || s.Name == "PING" {
			continue // This Redis does not have it, or its PING is more.
		}
		v, err := redis.Do("COMMAND", "INFO", s.Name)
		if err != nil || len(v.List) != 1 || len(v.List[0].List) < 7 {
			t.Fatalf("COMMAND INFO %s: have %v, %v", s.Name, v, err)
		}
		info := v.List[0].List
		first, last, step := s.KeyRange()
		have := []int64{int64(s.Arity()), int64(first), int64(last), int64(step)}
		want := []int64{info[1].Int, info[3].Int, info[4].Int, info[5].Int}
		if s.Name == "OBJECT" {
			want = []int64{-2, 2, 2, 1} // Redis says it of each subcommand.
		} else {
			checkWords(t, s.Name+", flags", texts(info[2]), s.Flags())
			checkWords(t, s.Name+", categories", texts(info[6]), s.Categories())
		}
		if !slices.Equal(have, want) {
			t.Errorf("%s: arity and keys are %v, in Redis %v", s.Name, have, want)
		}
		docs, err := redis.Do("COMMAND", "DOCS", s.Name)
		if err != nil || len(docs.List) != 2 {
			t.Fatalf("COMMAND DOCS %s: have %v, %v", s.Name, docs, err)
		}
		doc := texts(docs.List[1])
		for what, have := range map[string]string{"since": s.Since, "group": string(s.Group)} {
			if i := slices.Index(doc, what); i < 0 || doc[i+1] != have {
				t.Errorf("%s: %s is %q, in Redis %q", s.Name, what, have, doc)
			}
		}
	}
}

func texts(v redistest.Value) (out []string) {
	for _, e := range v.List {
		out = append(out, strings.TrimPrefix(e.Text, "@"))
	}
	return out
}

func checkWords(t *testing.T, what string, want, have []string) {
	t.Helper()
	want = slices.DeleteFunc(want, func(w string) bool { return slices.Contains(theirsAlone, w) })
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(want, have) {
		t.Errorf("%s: %q, in Redis %q", what, have, want)
	}
}
