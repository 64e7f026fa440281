package resp

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// aclEntries returns ACL with its subcommands.
func aclEntries() []*entry {
	admin := catAdmin | catDangerous
	return []*entry{container("acl", "server", catSlow,
		&entry{name: "whoami", arity: 2, summary: "Reply who the client is.", run: func(c *conn, _ []string) { c.w.Bulk(c.user.name) }},
		&entry{name: "cat", arity: -2, args: "[category]", summary: "List the categories, or the commands of one.", run: aclCat},
		&entry{name: "users", arity: 2, cats: admin, summary: "List the users' names.", run: func(c *conn, _ []string) { bulks(c, c.s.users.names()) }},
		&entry{name: "list", arity: 2, cats: admin, summary: "List the users with their rules.", run: aclList},
		&entry{name: "setuser", arity: -3, cats: admin, is: hidden, args: "username [rule [rule ...]]", summary: "Make or change a user of this node.", run: aclSetUser},
		&entry{name: "getuser", arity: 3, cats: admin, args: "username", summary: "Reply a user's rules.", run: aclGetUser},
		&entry{name: "deluser", arity: -3, cats: admin, args: "username [username ...]", summary: "Remove users and end their connections.", run: aclDelUser},
		&entry{name: "dryrun", arity: -4, cats: admin, args: "username command [arg [arg ...]]", summary: "Say whether a user may run a command.", run: aclDryRun},
		&entry{name: "genpass", arity: -2, args: "[bits]", summary: "Reply a password that nobody can guess.", run: aclGenPass},
		&entry{name: "log", arity: -2, cats: admin, args: "[count|RESET]", summary: "List what was not allowed of late.", run: aclLog},
		&entry{name: "save", arity: 2, cats: admin, summary: "Fail: users are kept in the configuration.", run: aclNoFile},
		&entry{name: "load", arity: 2, cats: admin, summary: "Fail: users are kept in the configuration.", run: aclNoFile},
	)}
}

// bulks replies texts.
func bulks(c *conn, list []string) {
	c.w.Array(len(list))
	for _, s := range list {
		c.w.Bulk(s)
	}
}

func aclNoFile(c *conn, _ []string) {
	c.w.Error("ERR This Redis instance is not configured to use an ACL file. You may want to specify users via the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order to store users in the Redis configuration.")
}

func aclCat(c *conn, args []string) {
	switch len(args) {
	case 2:
		bulks(c, categoryNames)
	case 3:
		cat := categoryOf(strings.ToLower(args[2]))
		if cat == 0 {
			c.w.Error("ERR Unknown category '" + cut(args[2]) + "'")
			return
		}
		var names []string
		c.s.table.each(func(e *entry) {
			if e.cats&cat != 0 {
				names = append(names, e.name)
			}
		})
		slices.Sort(names)
		bulks(c, names)
	default:
		c.w.Error(unknownSubcommand(&entry{name: "acl"}, args[1]))
	}
}

func aclList(c *conn, _ []string) {
	var lines []string
	for _, name := range c.s.users.names() {
		if u := c.s.users.get(name); u != nil {
			lines = append(lines, "user "+name+" "+u.rules.Load().String())
		}
	}
	bulks(c, lines)
}

func aclSetUser(c *conn, args []string) {
	if strings.ContainsAny(args[2], " \x00") {
		c.w.Error("ERR Usernames can't contain spaces or null characters")
		return
	}
	if err := c.s.users.change(args[2], args[3:]); err != nil {
		c.w.Error("ERR " + err.Error())
		return
	}
	c.w.Status("OK")
}

func aclGetUser(c *conn, args []string) {
	u := c.s.users.get(args[2])
	if u == nil {
		c.w.Nil()
		return
	}
	r := u.rules.Load()
	flags := []string{"off"}
	if r.on {
		flags[0] = "on"
	}
	if r.nopass {
		flags = append(flags, "nopass")
	}
	c.w.Map(6)
	c.w.Bulk("flags")
	c.w.Set(len(flags))
	for _, f := range flags {
		c.w.Bulk(f)
	}
	c.w.Bulk("passwords")
	bulks(c, r.passwords)
	c.w.Bulk("commands")
	c.w.Bulk(strings.Join(r.described, " "))
	c.w.Bulk("keys")
	c.w.Bulk(strings.Join(r.keyTexts(), " "))
	c.w.Bulk("channels")
	c.w.Bulk(strings.Join(r.channelTexts(), " "))
	c.w.Bulk("selectors")
	c.w.Array(0)
}

func aclDelUser(c *conn, args []string) {
	if slices.Contains(args[2:], defaultUser) {
		c.w.Error("ERR The 'default' user cannot be removed")
		return
	}
	gone := c.s.users.remove(args[2:])
	names := make([]string, len(gone))
	for i, u := range gone {
		u.set(newRules(c.s.table)) // What is under way may do nothing more.
		names[i] = u.name
	}
	c.w.Int(int64(len(gone)))
	for _, other := range c.s.all() {
		if slices.Contains(names, other.userName()) {
			c.s.end(c, other)
		}
	}
}

func aclDryRun(c *conn, args []string) {
	u := c.s.users.get(args[2])
	if u == nil {
		c.w.Error("ERR User '" + cut(args[2]) + "' not found")
		return
	}
	e, refusal := c.s.table.find(args[3:])
	switch {
	case e == nil && c.s.table[strings.ToUpper(args[3])] == nil:
		c.w.Error("ERR Command '" + cut(args[3]) + "' not found")
	case refusal != "":
		c.w.Error(refusal)
	default:
		if why := u.refuse(e, args[3:]); why != "" {
			c.w.Bulk(fmt.Sprintf("User %s has %s", u.name, strings.TrimPrefix(why, "NOPERM this user has ")))
			return
		}
		c.w.Status("OK")
	}
}

func aclGenPass(c *conn, args []string) {
	bits := 256
	if len(args) > 3 {
		c.w.Error(unknownSubcommand(&entry{name: "acl"}, args[1]))
		return
	}
	if len(args) == 3 {
		n, err := strconv.Atoi(args[2])
		if err != nil || n <= 0 || n > 4096 {
			c.w.Error("ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to 4096")
			return
		}
		bits = n
	}
	digits := (bits + 3) / 4
	b := make([]byte, (digits+1)/2)
	_, _ = rand.Read(b) // It never fails.
	c.w.Bulk(hex.EncodeToString(b)[:digits])
}

func aclLog(c *conn, args []string) {
	us := c.s.users
	us.mu.Lock()
	defer us.mu.Unlock()
	most := 10
	if len(args) > 2 {
		if strings.EqualFold(args[2], "RESET") {
			us.mu.log = nil
			c.w.Status("OK")
			return
		}
		n, err := strconv.Atoi(args[2])
		if err != nil || n < 0 {
			c.w.Error("ERR value is out of range, must be positive")
			return
		}
		most = n
	}
	list := us.mu.log[:min(most, len(us.mu.log))]
	c.w.Array(len(list))
	for _, d := range list {
		c.w.Map(7)
		for _, pair := range [][2]string{
			{"reason", d.reason}, {"context", d.context}, {"object", d.object}, {"username", d.user},
			{"age-seconds", fmt.Sprintf("%.3f", time.Since(d.at).Seconds())}, {"client-info", d.client},
		} {
			c.w.Bulk(pair[0])
			c.w.Bulk(pair[1])
		}
		c.w.Bulk("count")
		c.w.Int(1)
	}
}
