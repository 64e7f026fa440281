package redistest

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Runner replies to commands, one after the other.
type Runner interface {
	// Do returns the reply to a command of some arguments, the verb first.
	Do(args ...string) (Value, error)
}

// Client is a connection to a server that speaks RESP, version 2 until it is told
// HELLO 3. It is used by one goroutine.
type Client struct {
	conn net.Conn
	in   *bufio.Reader
	out  *bufio.Writer
}

// patience bounds how long a reply may take.
const patience = 20 * time.Second

// Dial connects to a server at an address of a network as in net.Dial.
func Dial(network, address string) (*Client, error) {
	conn, err := net.DialTimeout(network, address, patience)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	return &Client{conn: conn, in: bufio.NewReader(conn), out: bufio.NewWriter(conn)}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do implements Runner.
func (c *Client) Do(args ...string) (Value, error) {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return Value{}, err
	}
	fmt.Fprintf(c.out, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(c.out, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := c.out.Flush(); err != nil {
		return Value{}, fmt.Errorf("send %.40s: %w", args[0], err)
	}
	v, err := c.read()
	if err != nil {
		return Value{}, fmt.Errorf("reply to %.200q: %w", args, err)
	}
	return v, nil
}

func (c *Client) read() (Value, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		return Value{}, err
	}
	line = strings.TrimSuffix(line, "\r\n")
	if line == "" {
		return Value{}, fmt.Errorf("an empty line")
	}
	kind, rest := Kind(line[0]), line[1:]
	switch kind {
	case Status, Error, Double:
		return Value{Kind: kind, Text: rest}, nil
	case NullBulk:
		return Value{Kind: NullBulk}, nil
	}
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		return Value{}, fmt.Errorf("line %.100q: %w", line, err)
	}
	switch {
	case kind == Int:
		return Value{Kind: Int, Int: n}, nil
	case kind == Bulk && n < 0:
		return Value{Kind: NullBulk}, nil
	case kind == Bulk:
		b := make([]byte, n+2)
		_, err := io.ReadFull(c.in, b)
		return Value{Kind: Bulk, Text: string(b[:n])}, err
	case kind == Array && n < 0:
		return Value{Kind: NullArray}, nil
	case kind == Array, kind == Set:
		return c.readList(kind, n)
	case kind == Map:
		return c.readList(kind, 2*n)
	}
	return Value{}, fmt.Errorf("line %.100q is no RESP", line)
}

func (c *Client) readList(kind Kind, n int64) (Value, error) {
	v := Value{Kind: kind}
	for range n {
		e, err := c.read()
		if err != nil {
			return Value{}, err
		}
		v.List = append(v.List, e)
	}
	return v, nil
}
