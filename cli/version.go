package cli

import (
	"context"
	"runtime"
	"runtime/debug"
)

// versionInfo is what `atoll version` says.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Go       string `json:"go"`
	OS       string `json:"os"`
	Arch     string `json:"arch"`
}

// version reads what the Go toolchain recorded in the binary.
func version() versionInfo {
	v := versionInfo{Version: "(devel)", Go: runtime.Version(), OS: runtime.GOOS, Arch: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}

func versionVerb() verb {
	return verb{
		name: "version", group: groupSetup, brief: "say which version this is",
		examples: []string{"atoll version        the version, and what it was built with"},
		local:    true,
		run: func(_ context.Context, c *call) error {
			v := version()
			if c.json {
				return c.document(v)
			}
			c.printf("atoll %s %s %s/%s\n", v.Version, v.Go, v.OS, v.Arch)
			return nil
		},
	}
}
