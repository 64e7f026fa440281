package node

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/core"
)

// The short way of the program that the node is part of: from a method of the API to
// the shard, as long as nothing is out of the ordinary. It ends as the long way does,
// which begins at embedded.Do.

var _ command.Direct = embedded{}

// Glance implements command.Direct.
func (d embedded) Glance(k crdt.Kind, key, field string) (value string, ok, done bool) {
	l := d.n.life.Load()
	if !l.isReady() || !l.fits(key, field, "") {
		return "", false, false
	}
	now := l.cfg.Now()
	s := l.core.AtOnce(l.cfg.Partitions.Of(key), now)
	if s == nil {
		return "", false, false
	}
	value, ok, err := s.GlanceAt(now, k, key, field)
	return value, ok, err == nil
}

// Put implements command.Direct.
func (d embedded) Put(key, value string) (done bool, err error) {
	l := d.n.life.Load()
	if !l.isReady() || !l.fits(key, "", value) {
		return false, nil
	}
	s, done, err := l.core.PutAtOnce(l.cfg.Partitions.Of(key), key, value)
	switch {
	case err != nil:
		return done, command.DataError("SET", err)
	case s != nil:
		l.wrote(s)
	}
	return done, nil
}

// wrote has what has been written to a shard broadcast.
func (l *life) wrote(s *core.Shard) {
	if s.HasNews() {
		l.runner.Wrote(s.ID())
	}
}

// fits reports whether a command of so much is within all limits.
func (l *life) fits(key, field, value string) bool {
	m := &l.limits
	return len(key) <= m.MaxKey && len(field) <= m.MaxField && len(value) <= m.MaxValue && m.MaxArgs > 2
}
