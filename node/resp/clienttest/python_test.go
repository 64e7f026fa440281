package clienttest_test

import (
	"os/exec"
	"testing"

	"github.com/atollcache/atoll/node/resp"
)

// python returns a Python that has redis-py, empty where there is none.
func python(t *testing.T) string {
	t.Helper()
	// The package python3-redis is for Debian's own Python, which may not be the first.
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import redis").Run() == nil {
			return name
		}
	}
	absent(t, "no Python with redis-py: install the package python3-redis, or testdata/py/requirements.txt")
	return ""
}

func TestRedisPy(t *testing.T) {
	t.Parallel()
	name := python(t)
	if name == "" {
		return
	}
	many := steps("connect", "commands", "pipelines", "reconnect")
	for _, p := range []struct {
		name    string
		program []string
		cfg     resp.Config
		steps   []string
	}{
		{"plain", []string{"redis_py.py"}, resp.Config{}, steps("connect", commandSteps, "monitor", "reconnect")},
		{"cluster", []string{"redis_py_many.py", "cluster"}, resp.Config{ClusterMode: true}, many},
		{"sentinel", []string{"redis_py_many.py", "sentinel"}, resp.Config{SentinelMode: true}, many},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			program{command: append([]string{name}, p.program...), dir: "testdata/py", steps: p.steps}.run(t, startNodes(t, p.cfg, 2))
		})
	}
}
