package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"testing"
	"time"
)

// toxiproxy is a process of Shopify/toxiproxy and its HTTP API.
type toxiproxy struct {
	t       testing.TB
	process *process
	url     string
}

// toxic is what a proxy does to the bytes of one direction: upstream are those of
// the side that dialled.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

const (
	upstream   = "upstream"
	downstream = "downstream"
)

func startToxiproxy(t testing.TB, dir string) *toxiproxy {
	t.Helper()
	port := freePort(t)
	x := &toxiproxy{t: t, url: "http://" + loopback(port)}
	x.process = newProcess(t, dir, "toxiproxy", "Starting", programs(t).toxiproxy, "-host", "127.0.0.1", "-port", strconv.Itoa(port))
	x.process.start()
	until(t, startWithin, "toxiproxy answers", func() error { return x.call(http.MethodGet, "/version", nil) })
	return x
}

// proxy passes what connects to it on to a target.
type proxy struct {
	of     *toxiproxy
	name   string
	listen string
	target string
}

// add makes a proxy to an address and returns it.
func (x *toxiproxy) add(name, target string) *proxy {
	x.t.Helper()
	p := &proxy{of: x, name: name, listen: loopback(freePort(x.t)), target: target}
	p.create()
	return p
}

func (p *proxy) create() {
	p.of.t.Helper()
	p.of.must(http.MethodPost, "/proxies", map[string]any{"name": p.name, "listen": p.listen, "upstream": p.target, "enabled": true})
}

// down ends every connection through the proxy and takes no new ones.
func (p *proxy) down() {
	p.of.t.Helper()
	p.of.must(http.MethodPatch, "/proxies/"+p.name, map[string]any{"enabled": false})
}

// poison puts toxics on every connection, those that stand included.
func (p *proxy) poison(toxics ...toxic) {
	p.of.t.Helper()
	for _, x := range toxics {
		p.of.must(http.MethodPost, "/proxies/"+p.name+"/toxics", x)
	}
}

// cure undoes down and poison. It makes the proxy anew: that ends the connections,
// so no stream goes on from which bytes were taken, and toxiproxy can wait for ever
// for a slow stream when a toxic is taken from it.
func (p *proxy) cure() {
	p.of.t.Helper()
	p.of.must(http.MethodDelete, "/proxies/"+p.name, nil)
	p.create()
}

func (x *toxiproxy) must(method, path string, body any) {
	x.t.Helper()
	if err := x.call(method, path, body); err != nil {
		x.t.Fatal(err)
	}
}

func (x *toxiproxy) call(method, path string, body any) error {
	var encoded []byte
	if body != nil {
		var err error
		if encoded, err = json.Marshal(body); err != nil {
			return err
		}
	}
	_, err := httpCall(method, x.url+path, encoded)
	return err
}

// httpCall returns the body of a reply with a status of success.
func httpCall(method, url string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	reply, err := direct.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err == nil && reply.StatusCode >= 300 {
		err = fmt.Errorf("%s %s: %s: %s", method, url, reply.Status, text)
	}
	return text, err
}

// direct is an HTTP client that takes no notice of a proxy in the environment.
var direct = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext}}
