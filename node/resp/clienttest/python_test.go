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
	if name := python(t); name != "" {
		program{command: []string{name, "redis_py.py"}, dir: "testdata/py", steps: steps("connect", commandSteps, "monitor", "reconnect")}.
			run(t, startNodes(t, resp.Config{}, 2))
	}
}
