package resp

import (
	"github.com/atollcache/atoll/crdt"
	"github.com/atollcache/atoll/node/command"
	"github.com/atollcache/atoll/node/resp/proto"
	"github.com/atollcache/atoll/node/wire"
)

// render writes a reply of the node in the shape that Redis gives it.
func render(w *proto.Writer, r *wire.Reply, s command.Shape) {
	switch r.Type {
	case wire.TypeError:
		renderError(w, r.Err)
	case wire.TypeNil:
		if s == command.ShapePopped || s == command.ShapeElements {
			w.NilArray()
			return
		}
		w.Nil()
	case wire.TypeString:
		if s == command.ShapeStatus {
			w.Status(r.Text)
			return
		}
		w.Bulk(r.Text)
	case wire.TypeInt:
		w.Int(r.Int)
	case wire.TypeFloat:
		if s == command.ShapeBulk {
			w.Bulk(crdt.FormatFloat(r.Float))
			return
		}
		w.Double(r.Float)
	case wire.TypeList:
		renderList(w, r.List, s)
	}
}

func renderError(w *proto.Writer, e *wire.Error) {
	if e == nil {
		w.Error("ERR unspecified error")
		return
	}
	w.Error(e.Text)
}

func renderList(w *proto.Writer, list []wire.Reply, s command.Shape) {
	elem := command.ShapeArray
	switch {
	case s == command.ShapeMap && len(list)%2 == 0:
		w.Map(len(list) / 2)
	case s == command.ShapeSet:
		w.Set(len(list))
	case s == command.ShapePairs && w.Version3:
		renderPairs(w, list)
		return
	case s == command.ShapePopped && len(list) == 2:
		w.Array(2)
		render(w, &list[0], command.ShapeBulk)
		renderPairs(w, list[1].List)
		return
	case s == command.ShapeLines:
		elem = command.ShapeStatus
		w.Array(len(list))
	case s == command.ShapeScan:
		elem = command.ShapeBulk // Scores are text in the reply of ZSCAN.
		w.Array(len(list))
	case s == command.ShapeBulk:
		elem = command.ShapeBulk
		w.Array(len(list))
	default:
		w.Array(len(list))
	}
	for i := range list {
		render(w, &list[i], elem)
	}
}

// renderPairs writes names and values in turns as lists of two.
func renderPairs(w *proto.Writer, list []wire.Reply) {
	w.Array(len(list) / 2)
	for i := 0; i+1 < len(list); i += 2 {
		w.Array(2)
		render(w, &list[i], command.ShapeArray)
		render(w, &list[i+1], command.ShapeArray)
	}
}
