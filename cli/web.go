package cli

import (
	"net"
	"net/http"
	"time"
)

// webServer serves a node over HTTP. A nil one does nothing.
type webServer struct {
	ln     net.Listener
	server *http.Server
	done   chan struct{}
}

// Bounds of one HTTP request.
const (
	webHeader = 5 * time.Second
	webIdle   = 2 * time.Minute
)

func newWebServer(ln net.Listener) *webServer {
	return &webServer{ln: ln, server: &http.Server{ReadHeaderTimeout: webHeader, IdleTimeout: webIdle, MaxHeaderBytes: 64 << 10}}
}

// serve begins to serve.
func (w *webServer) serve(h http.Handler) {
	if w == nil {
		return
	}
	w.server.Handler = h
	w.done = make(chan struct{})
	go func() {
		defer close(w.done)
		_ = w.server.Serve(w.ln) // It ends when it is closed.
	}()
}

// close ends it and returns when nothing of it runs.
func (w *webServer) close() {
	if w == nil {
		return
	}
	w.ln.Close()
	w.server.Close()
	if w.done != nil {
		<-w.done
	}
}

// addr returns where it listens, empty for a nil one.
func (w *webServer) addr() string {
	if w == nil {
		return ""
	}
	return w.ln.Addr().String()
}
