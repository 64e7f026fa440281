package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
)

// Machine is where and with what something was measured.
type Machine struct {
	Date     time.Time `json:"date"`
	OS       string    `json:"os"`
	CPU      string    `json:"cpu"`
	CPUs     int       `json:"cpus"`
	Memory   string    `json:"memory,omitempty"`
	Load     string    `json:"load,omitempty"` // averages when it began
	Go       string    `json:"go"`
	Redis    string    `json:"redis,omitempty"`
	NATS     string    `json:"nats,omitempty"`
	Otter    string    `json:"otter,omitempty"`
	Revision string    `json:"revision,omitempty"`
}

// ThisMachine looks at the machine. What it cannot find out is empty.
func ThisMachine() Machine {
	m := Machine{
		Date: time.Now(), OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU(), Go: runtime.Version(),
		CPU: fieldOf("/proc/cpuinfo", "model name"), Memory: fieldOf("/proc/meminfo", "MemTotal"),
	}
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += ", kernel " + strings.TrimSpace(string(kernel))
	}
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load = strings.Join(strings.Fields(string(load))[:3], " ")
	}
	if out, err := exec.Command(redisProgram, "--version").Output(); err == nil {
		m.Redis = strings.TrimSpace(string(out))
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return m
	}
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/nats-io/nats-server/v2":
			m.NATS = d.Version
		case "github.com/maypok86/otter/v2":
			m.Otter = d.Version
		}
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			m.Revision = s.Value
		}
	}
	return m
}

// fieldOf returns the value of a line "name : value" of a file.
func fieldOf(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if n, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// markdown describes the machine as a list.
func (m Machine) markdown() string {
	var b strings.Builder
	for _, line := range [][2]string{
		{"Processor", fmt.Sprintf("%s, %d cores", m.CPU, m.CPUs)}, {"Memory", m.Memory}, {"System", m.OS},
		{"Load averages at the beginning", m.Load}, {"Go", m.Go}, {"Atoll", m.Revision},
		{"redis-server", m.Redis}, {"nats-server", m.NATS}, {"otter", m.Otter},
	} {
		if line[1] != "" {
			fmt.Fprintf(&b, "- %s: %s\n", line[0], line[1])
		}
	}
	return b.String()
}
