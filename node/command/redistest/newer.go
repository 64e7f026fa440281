package redistest

import "github.com/atollcache/atoll/node/command"

// newer are the commands that the redis-server compared with does not have yet: those
// of Redis 7.4 and 8.0 on the expiry of fields. What they reply is recorded instead.
var newer = map[string]bool{
	"HEXPIRE": true, "HPEXPIRE": true, "HEXPIREAT": true, "HPEXPIREAT": true, "HPERSIST": true,
	"HTTL": true, "HPTTL": true, "HEXPIRETIME": true, "HPEXPIRETIME": true,
	"HGETEX": true, "HSETEX": true, "HGETDEL": true,
}

// IsCompared reports whether the redis-server compared with has a command that Redis
// has at all.
func IsCompared(s *command.Spec) bool { return s.Since != "" && !newer[s.Name] }
