package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// fakeTarget is a target whose calls take as long as it is told, in the time of a
// bubble of testing/synctest. What it was asked is noted in a journal that several
// may share.
type fakeTarget struct {
	name    string
	takes   func(call int) time.Duration // by the number of the call, from 0
	journal *journal
	fail    error // of every call but those that fill
	forever bool  // its keys have no time to live
}

type journal struct {
	sync.Mutex
	runs  []string // names, one for each run of calls of one target
	ops   map[string][]Op
	calls map[string]int
}

func newJournal() *journal { return &journal{ops: map[string][]Op{}, calls: map[string]int{}} }

func (j *journal) note(name string, ops []Op) (call int) {
	j.Lock()
	defer j.Unlock()
	if len(j.runs) == 0 || j.runs[len(j.runs)-1] != name {
		j.runs = append(j.runs, name)
	}
	j.ops[name] = append(j.ops[name], slices.Clone(ops)...)
	call = j.calls[name]
	j.calls[name]++
	return call
}

func (t *fakeTarget) Name() string                          { return t.name }
func (t *fakeTarget) Close() error                          { return nil }
func (t *fakeTarget) Connect(context.Context) (Conn, error) { return fakeConn{t}, nil }
func (t *fakeTarget) limits() (int, bool)                   { return maxDepth, !t.forever }

type fakeConn struct{ t *fakeTarget }

func (c fakeConn) Close() error { return nil }

func (c fakeConn) Do(_ context.Context, ops []Op) (int, error) {
	call := c.t.journal.note(c.t.name, ops)
	if c.t.takes != nil {
		time.Sleep(c.t.takes(call))
	}
	if c.t.fail != nil && ops[0].Kind != Set {
		return 0, c.t.fail
	}
	return 0, nil
}

var errFake = errors.New("it broke")
