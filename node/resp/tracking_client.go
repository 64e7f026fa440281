package resp

import (
	"slices"
	"strconv"
	"strings"
)

func clientTracking(c *conn, args []string) {
	next, problem := parseTracking(c, args[2:])
	if problem != "" {
		c.w.Error(problem)
		return
	}
	c.s.tracking.leave(c)
	c.track = next
	if next.on {
		c.s.tracking.join(c)
	}
	c.s.notify.settle()
	c.noteTracking()
	c.w.Status("OK")
}

// noteTracking notes for CLIENT LIST whether and how the client tracks.
func (c *conn) noteTracking() {
	c.info.Lock()
	defer c.info.Unlock()
	c.info.tracking, c.info.redirect = strings.Join(c.track.flags(), " "), c.track.redirect
	if !c.track.on {
		c.info.tracking, c.info.redirect = "", -1
	}
}

// parseTracking reads the options of CLIENT TRACKING.
func parseTracking(c *conn, args []string) (t trackState, problem string) {
	switch strings.ToLower(args[0]) {
	case "on":
		t.on = true
	case "off":
	default:
		return t, "ERR syntax error"
	}
	for rest := args[1:]; len(rest) > 0; rest = rest[1:] {
		switch option := strings.ToLower(rest[0]); {
		case option == "redirect" && len(rest) > 1:
			id, err := strconv.ParseInt(rest[1], 10, 64)
			switch {
			case err != nil || id < 0:
				return t, "ERR Invalid client ID"
			case c.s.client(id) == nil:
				return t, "ERR The client ID you want redirect to does not exist"
			}
			t.redirect, rest = id, rest[1:]
		case option == "prefix" && len(rest) > 1:
			t.prefixes, rest = append(t.prefixes, rest[1]), rest[1:]
		case option == "bcast":
			t.bcast = true
		case option == "optin":
			t.optin = true
		case option == "optout":
			t.optout = true
		case option == "noloop":
			t.noloop = true
		default:
			return t, "ERR syntax error"
		}
	}
	if !t.on {
		return trackState{}, ""
	}
	if problem = t.problem(); problem != "" {
		return t, problem
	}
	if c.track.on {
		problem = t.follow(c.track)
	}
	return t, problem
}

// follow adds to how a client tracks what it said before, or says why it cannot be.
func (t *trackState) follow(was trackState) (problem string) {
	switch {
	case was.bcast != t.bcast:
		return "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode."
	case t.optin && was.optout || t.optout && was.optin:
		return "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then re-enabling it with a different mode."
	}
	for _, p := range t.prefixes {
		for _, q := range was.prefixes {
			if strings.HasPrefix(p, q) || strings.HasPrefix(q, p) {
				return "ERR Prefix '" + cut(p) + "' overlaps with an existing prefix '" + cut(q) + "'. Prefixes for a single client must not overlap."
			}
		}
	}
	if len(was.prefixes)+len(t.prefixes) > maxPrefixes {
		return tooManyPrefixes
	}
	t.prefixes = append(slices.Clone(was.prefixes), t.prefixes...)
	return ""
}

// maxPrefixes bounds the prefixes of one client.
const maxPrefixes = 1000

const tooManyPrefixes = "ERR too many prefixes"

// problem says which options do not go together.
func (t *trackState) problem() string {
	switch {
	case len(t.prefixes) > 0 && !t.bcast:
		return "ERR PREFIX option requires BCAST mode to be enabled"
	case t.bcast && (t.optin || t.optout):
		return "ERR OPTIN and OPTOUT are not compatible with BCAST"
	case t.optin && t.optout:
		return "ERR You can't specify both OPTIN mode and OPTOUT mode"
	case len(t.prefixes) > maxPrefixes:
		return tooManyPrefixes
	}
	for i, p := range t.prefixes {
		for _, q := range t.prefixes[:i] {
			if strings.HasPrefix(p, q) || strings.HasPrefix(q, p) {
				return "ERR Prefix '" + cut(q) + "' overlaps with another provided prefix '" + cut(p) + "'. Prefixes for a single client must not overlap."
			}
		}
	}
	return ""
}

// flags returns how a client tracks, as CLIENT TRACKINGINFO shows it.
func (t trackState) flags() []string {
	if !t.on {
		return []string{"off"}
	}
	out := []string{"on"}
	for _, f := range []struct {
		is   bool
		name string
	}{{t.bcast, "bcast"}, {t.optin, "optin"}, {t.optout, "optout"}, {t.caching == cachingYes, "caching-yes"},
		{t.caching == cachingNo, "caching-no"}, {t.noloop, "noloop"}} {
		if f.is {
			out = append(out, f.name)
		}
	}
	return out
}

func clientCaching(c *conn, args []string) {
	t := &c.track
	switch mode := strings.ToLower(args[2]); {
	case !t.on:
		c.w.Error("ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled")
	case mode == "yes" && t.optin:
		t.caching = cachingYes
		c.w.Status("OK")
	case mode == "no" && t.optout:
		t.caching = cachingNo
		c.w.Status("OK")
	case mode == "yes":
		c.w.Error("ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.")
	case mode == "no":
		c.w.Error("ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.")
	default:
		c.w.Error("ERR syntax error")
	}
}

func clientTrackingInfo(c *conn, _ []string) {
	t := c.track
	c.w.Map(3)
	c.w.Bulk("flags")
	flags := t.flags()
	c.w.Set(len(flags))
	for _, f := range flags {
		c.w.Bulk(f)
	}
	c.w.Bulk("redirect")
	c.w.Int(t.target())
	c.w.Bulk("prefixes")
	bulks(c, t.prefixes)
}

// target returns the client that is told: 0 itself, -1 nobody.
func (t trackState) target() int64 {
	if !t.on {
		return -1
	}
	return t.redirect
}

func clientGetRedir(c *conn, _ []string) { c.w.Int(c.track.target()) }
