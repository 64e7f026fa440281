package resp

import (
	"crypto/subtle"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// user is somebody whom clients authenticate as.
type user struct {
	name  string
	rules atomic.Pointer[rules]
	all   atomic.Bool // nothing is forbidden
}

func (u *user) set(r *rules) {
	u.rules.Store(r)
	u.all.Store(r.isAll())
}

// users are the users of this node. They are not shared between nodes.
type users struct {
	table table

	mu struct {
		sync.Mutex
		byName map[string]*user
		log    []denial // latest first
	}
}

// denial is what a client was not allowed, for ACL LOG.
type denial struct {
	reason, object, user, client, context string
	at                                    time.Time
}

const (
	defaultUser = "default"
	maxDenials  = 128
	maxUsers    = 10_000
)

func newUsers(t table, cfg Config) (*users, error) {
	us := &users{table: t}
	us.mu.byName = map[string]*user{}
	first := []string{"on", "nopass", "~*", "&*", "+@all"}
	if cfg.Password != "" {
		first = append(first, ">"+cfg.Password)
	}
	for _, words := range append([][]string{append([]string{defaultUser}, first...)}, cfg.Users...) {
		if len(words) == 0 {
			return nil, fmt.Errorf("a user without a name")
		}
		if err := us.change(words[0], words[1:]); err != nil {
			return nil, fmt.Errorf("user %s: %w", words[0], err)
		}
	}
	return us, nil
}

// change applies modifiers to a user, who is made if there is none: all or none of
// them.
func (us *users) change(name string, modifiers []string) error {
	us.mu.Lock()
	defer us.mu.Unlock()
	u := us.mu.byName[name]
	var next *rules
	if u == nil {
		if len(us.mu.byName) >= maxUsers {
			return fmt.Errorf("there are %d users already", maxUsers)
		}
		u, next = &user{name: name}, newRules(us.table)
	} else {
		next = u.rules.Load().clone()
	}
	for _, m := range modifiers {
		if err := next.apply(us.table, m); err != nil {
			return fmt.Errorf("Error in ACL SETUSER modifier '%s': %w", cut(m), err)
		}
	}
	u.set(next)
	us.mu.byName[name] = u
	return nil
}

func (us *users) get(name string) *user {
	us.mu.Lock()
	defer us.mu.Unlock()
	return us.mu.byName[name]
}

// remove removes users, but not the default one, and returns those that there
// were.
func (us *users) remove(names []string) (removed []*user) {
	us.mu.Lock()
	defer us.mu.Unlock()
	for _, name := range names {
		if u := us.mu.byName[name]; u != nil {
			delete(us.mu.byName, name)
			removed = append(removed, u)
		}
	}
	return removed
}

func (us *users) names() []string {
	us.mu.Lock()
	defer us.mu.Unlock()
	return slices.Sorted(maps.Keys(us.mu.byName))
}

// isOpen reports whether everybody is the default user.
func (us *users) isOpen() bool {
	r := us.get(defaultUser).rules.Load()
	return r.on && r.nopass
}

// initial returns the user of a client that has not authenticated, nil when it has
// to.
func (us *users) initial() *user {
	if !us.isOpen() {
		return nil
	}
	return us.get(defaultUser)
}

// authenticate returns the user whose password it is, nil when there is none.
func (us *users) authenticate(c *conn, name, password string) *user {
	hash := []byte(hashPassword(password))
	if u := us.get(name); u != nil {
		r := u.rules.Load()
		matched := r.nopass
		for _, p := range r.passwords {
			matched = subtle.ConstantTimeCompare([]byte(p), hash) == 1 || matched
		}
		if matched && r.on {
			return u
		}
	}
	us.note(c, "auth", "AUTH", name)
	return nil
}

// note keeps what a client was not allowed.
func (us *users) note(c *conn, reason, object, name string) {
	c.s.stats.denied.Add(1)
	d := denial{reason: reason, object: object, user: name, client: c.describe(), context: "toplevel", at: time.Now()}
	if c.tx.open {
		d.context = "multi"
	}
	us.mu.Lock()
	defer us.mu.Unlock()
	us.mu.log = append([]denial{d}, us.mu.log[:min(len(us.mu.log), maxDenials-1)]...)
}

// The texts of what is not allowed, as in Redis 7.0.
const (
	noKey     = "NOPERM this user has no permissions to access one of the keys used as arguments"
	noChannel = "NOPERM this user has no permissions to access one of the channels used as arguments"
)

func noCommand(e *entry) string {
	return "NOPERM this user has no permissions to run the '" + e.name + "' command"
}

// returning are the commands that write and reply what was there, so that they
// need the right to read.
var returning = []string{
	"GETSET", "GETDEL", "GETEX", "INCR", "DECR", "INCRBY", "DECRBY", "INCRBYFLOAT", "HINCRBY", "HINCRBYFLOAT", "ZINCRBY",
	"SPOP", "LPOP", "RPOP", "ZPOPMIN", "ZPOPMAX", "RENAME", "RENAMENX", "COPY", "SMOVE", "GETBIT", "ATOLL.INSPECT",
}

// refuse says why a user may not run a command, empty when he may.
func (u *user) refuse(e *entry, args []string) string {
	r := u.rules.Load()
	if !r.allows(e) {
		return noCommand(e)
	}
	reads, changes := e.is&writes == 0, e.is&writes != 0
	if changes {
		reads = slices.Contains(returning, e.upper) ||
			e.upper == "SET" && slices.ContainsFunc(args[3:], func(a string) bool { return strings.EqualFold(a, "GET") })
	}
	for _, key := range e.keysOf(args) {
		if !r.reaches(key, reads, changes) {
			return noKey
		}
	}
	if e.channels == nil {
		return ""
	}
	for _, channel := range e.channels(args) {
		if !r.hears(channel, e.upper == "PSUBSCRIBE") {
			return noChannel
		}
	}
	return ""
}

func (r *rules) reaches(key string, read, write bool) bool {
	for _, p := range r.keys {
		if (!read || p.read) && (!write || p.write) && p.glob.Match(key) {
			return true
		}
	}
	return false
}

// hears reports whether a channel is allowed. A pattern is only as it stands.
func (r *rules) hears(channel string, isPattern bool) bool {
	for _, p := range r.channels {
		if p.text == "*" || isPattern && p.text == channel || !isPattern && p.glob.Match(channel) {
			return true
		}
	}
	return false
}

// denied notes a command that was refused.
func (us *users) denied(c *conn, e *entry, why string) {
	reason := "command"
	switch why {
	case noKey:
		reason = "key"
	case noChannel:
		reason = "channel"
	}
	us.note(c, reason, e.name, c.user.name)
}
