package cli_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollcache/atoll/node/natsd"
)

// TestDenied: who has logged in as a NATS user that may not do what a command needs
// is told so, and what to do, at once.
func TestDenied(t *testing.T) {
	file := filepath.Join(t.TempDir(), "nats.conf")
	err := os.WriteFile(file, []byte(`no_auth_user: node
authorization { users: [
  { user: node, password: x }
  { user: reader, password: x, permissions: {
      publish: ["atoll.dev.*.kv.get.>", "$SRV.PING.atoll"], subscribe: ["_INBOX.>"] } }
  { user: client, password: x, permissions: {
      publish: ["atoll.dev.*.do.*", "atoll.dev.*.alt.*", "atoll.dev.*.any.*", "atoll.dev.*.bulk.*", "$SRV.PING.atoll"], subscribe: ["_INBOX.>"] } }
  { user: stranger, password: x, permissions: { publish: ["elsewhere.>"], subscribe: ["_INBOX.>"] } }
] }
`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := natsd.Start(natsd.Options{Port: -1, ConfigFile: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	node, _ := start(t, "serve", "--region", "eu", "--name", "eu-1", "--nats", srv.ClientURL(), "--log", "off")
	for user, names := range map[string]string{"reader": "to \"atoll.dev.eu.", "stranger": "to \"$SRV.PING.atoll\""} {
		code, stdout, stderr := atoll(t, "set", "k", "v", "--server", srv.ClientURL(), "--user", user, "--password", "x")
		if code != 3 || stdout != "" || !strings.Contains(stderr, names) || !strings.Contains(stderr, "hint: NATS turns this user away") {
			t.Errorf("%s: want exit code 3, the subject %s and a hint, have %d\n%s%s", user, names, code, stdout, stderr)
		}
	}
	// A client's permissions do not do for a whole state.
	dir := filepath.Join(t.TempDir(), "backup")
	code, stdout, stderr := atoll(t, "backup", dir, "--server", srv.ClientURL(), "--user", "client", "--password", "x")
	if code != 3 || stdout != "" || !strings.Contains(stderr, "atoll.dev.repair.") || !strings.Contains(stderr, "hint: NATS turns this user away") {
		t.Errorf("backup by a client: want exit code 3, the subject and a hint, have %d\n%s%s", code, stdout, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("backup by a client: %s is there", dir)
	}
	if code, _, stderr := atoll(t, "set", "k", "v", "--server", srv.ClientURL()); code != 0 {
		t.Errorf("who may do all: want exit code 0, have %d\n%s", code, stderr)
	}
	if code := node.wait(); code != 0 {
		t.Errorf("serve: want exit code 0, have %d\n%s", code, node.stderr.String())
	}
}
