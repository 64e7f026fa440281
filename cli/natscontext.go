package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// natsContext is a context of the nats CLI (NATS ADR-21): how to connect, under
// a name. Fields that say nothing about connecting are left out.
type natsContext struct {
	name string

	URL         string `json:"url"`
	Token       string `json:"token"`
	User        string `json:"user"`
	Password    string `json:"password"`
	Creds       string `json:"creds"`
	NKey        string `json:"nkey"`
	Cert        string `json:"cert"`
	Key         string `json:"key"`
	CA          string `json:"ca"`
	InboxPrefix string `json:"inbox_prefix"`
	UserJWT     string `json:"user_jwt"`
	TLSFirst    bool   `json:"tls_first"`

	// What this program cannot do; see unsupported.
	NSC        string `json:"nsc"`
	SocksProxy string `json:"socks_proxy"`
	WinCert    string `json:"windows_cert_store"`
}

// readContext reads the context of a name, or the selected one for "". With
// nothing selected it is empty.
func readContext(name string) (natsContext, error) {
	var c natsContext
	dir, err := contextDir()
	if err != nil {
		return c, nil // No home, no contexts.
	}
	if name == "" {
		selected, err := os.ReadFile(filepath.Join(dir, "context.txt"))
		if name = strings.TrimSpace(string(selected)); err != nil || name == "" {
			return c, nil // Nothing is selected.
		}
	}
	if name != filepath.Base(name) || name == ".." {
		return c, usagef("%q is not the name of a context", name)
	}
	file := filepath.Join(dir, "context", name+".json")
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, usagef("there is no context %q (no %s)", name, file).withHint("`nats context ls` lists the contexts, `nats context select` chooses one")
	case err != nil:
		return c, usagef("context %q: %w", name, err)
	}
	if err := json.Unmarshal(data, &c); err != nil {
		return c, usagef("context %q: %s: %w", name, file, err)
	}
	if what := c.unsupported(); what != "" {
		return c, usagef("context %q uses %s, which is not supported", name, what).withHint("make a context with creds, nkey, or user and password")
	}
	c.name = name
	for _, path := range []*string{&c.Creds, &c.NKey, &c.Cert, &c.Key, &c.CA} {
		*path = expandHome(*path)
	}
	return c, nil
}

func (c natsContext) unsupported() string {
	switch {
	case c.NSC != "":
		return fmt.Sprintf("the nsc account %q", c.NSC)
	case c.SocksProxy != "":
		return "a SOCKS proxy"
	case c.WinCert != "":
		return "the Windows certificate store"
	}
	return ""
}

// contextDir returns where the nats CLI keeps its contexts.
func contextDir() (string, error) {
	if dir := os.Getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "nats"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(home, ".config", "nats"), nil
}

// expandHome replaces a leading ~ as a shell does.
func expandHome(path string) string {
	rest, ok := strings.CutPrefix(path, "~/")
	if !ok {
		return path
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return path
	}
	return filepath.Join(home, rest)
}
