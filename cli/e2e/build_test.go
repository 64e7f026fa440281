package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// toxiproxyVersion is that of Shopify/toxiproxy. It is a tool of these tests
// alone, so it is not in go.mod.
const toxiproxyVersion = "v2.12.0"

// buildTimeout bounds the building of all binaries on an empty cache.
const buildTimeout = 5 * time.Minute

// binaries are the paths of the programs that are run.
type binaries struct{ atoll, natsServer, toxiproxy string }

// built builds them, once for all tests, and atoll before the others where that is all
// that a test needs.
var built struct {
	dir string
	sync.Once
	binaries
	err   error
	atoll func() (string, error)
}

// atollProgram returns the path of atoll, and builds it the first time.
func atollProgram(t testing.TB) string {
	t.Helper()
	path, err := built.atoll()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func buildAtoll() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
	defer cancel()
	path := filepath.Join(built.dir, "atoll")
	return path, goTool(ctx, nil, "build", "-trimpath", "-o", path, "github.com/atollcache/atoll/cli/atoll")
}

// programs returns the binaries, and builds them the first time. The race detector
// is off in them whatever it is in the tests.
func programs(t testing.TB) binaries {
	t.Helper()
	built.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), buildTimeout)
		defer cancel()
		built.binaries, built.err = build(ctx, built.dir)
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.binaries
}

func build(ctx context.Context, dir string) (binaries, error) {
	b := binaries{natsServer: filepath.Join(dir, "nats-server")}
	var err error
	if b.atoll, err = built.atoll(); err != nil {
		return b, err
	}
	if err := goTool(ctx, nil, "build", "-trimpath", "-o", b.natsServer, "github.com/nats-io/nats-server/v2"); err != nil {
		return b, err
	}
	b.toxiproxy, err = installToxiproxy(ctx)
	return b, err
}

// installToxiproxy returns the path of toxiproxy's server, which go install
// builds into bin the first time.
func installToxiproxy(ctx context.Context) (string, error) {
	bin, err := filepath.Abs(filepath.Join("..", "..", "bin", "toxiproxy-"+toxiproxyVersion))
	if err != nil {
		return "", err
	}
	path := filepath.Join(bin, "server")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	err = goTool(ctx, []string{"GOBIN=" + bin, "GOFLAGS="}, "install", "-trimpath", "github.com/Shopify/toxiproxy/v2/cmd/server@"+toxiproxyVersion)
	if err != nil {
		return "", fmt.Errorf("%w\nIt is fetched through Go's module proxy the first time, into %s", err, bin)
	}
	return path, nil
}

func goTool(ctx context.Context, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %v: %w\n%s", args, err, out)
	}
	return nil
}
