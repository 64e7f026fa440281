package simtest
import ("testing";"os";"fmt")
func TestZZ(t *testing.T){
 p := draw(3801, Options{}.withDefaults())
 w := newWorld(p, Options{Log: os.Stdout}.withDefaults())
 for _, s := range p.steps { if w.do(s); w.err!=nil {break} }
 w.settle()
 fmt.Println(w.err)
 for _, r := range w.replicas { fmt.Println(r.part.Vector(), "H", r.part.Horizon(), r.part.Retired(), r.part.Snapshot().Ended, fmt.Sprintf("%+v",r.engine.Stats()), fmt.Sprintf("%+v",r.engine.Peers())) }
}
