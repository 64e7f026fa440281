package bench

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"sync"
)

// nullServer reads commands as RESP has them, and answers each at once without having
// understood more than its first letter. It keeps nothing. What a run against it
// takes is what the client, the system's sockets and the least of a server cost.
type nullServer struct {
	listener net.Listener
	value    []byte // the reply to every read
	wg       sync.WaitGroup
	mu       struct {
		sync.Mutex
		conns  map[net.Conn]bool
		closed bool
	}
}

// ServeNull answers RESP clients at a listener until ctx ends: a GET with so many
// bytes, everything else with OK. It closes the listener.
func ServeNull(ctx context.Context, listener net.Listener, valueBytes int) error {
	s := &nullServer{listener: listener}
	s.value = appendBulk(nil, string(make([]byte, valueBytes)))
	s.mu.conns = map[net.Conn]bool{}
	defer s.wg.Wait()
	defer context.AfterFunc(ctx, s.close)()
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			s.close()
			return err
		}
		if s.enter(conn) {
			s.wg.Go(func() { s.serve(conn) })
		}
	}
}

func (s *nullServer) enter(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		_ = conn.Close()
		return false
	}
	s.mu.conns[conn] = true
	return true
}

func (s *nullServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.closed = true
	_ = s.listener.Close()
	for c := range s.mu.conns {
		_ = c.Close()
	}
}

// serve answers one client until it goes.
func (s *nullServer) serve(conn net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.mu.conns, conn)
		s.mu.Unlock()
		_ = conn.Close()
	}()
	in, out := bufio.NewReaderSize(conn, 64<<10), bufio.NewWriterSize(conn, 64<<10)
	for {
		verb, err := skipCommand(in)
		if err != nil {
			return
		}
		if verb == 'G' {
			_, err = out.Write(s.value)
		} else {
			_, err = out.WriteString("+OK\r\n")
		}
		if err == nil && in.Buffered() == 0 {
			err = out.Flush()
		}
		if err != nil {
			return
		}
	}
}

// skipCommand reads a command and returns the first letter of its verb.
func skipCommand(in *bufio.Reader) (verb byte, err error) {
	words, err := skipLine(in, '*')
	if err != nil {
		return 0, err
	}
	for i := range words {
		n, err := skipLine(in, '$')
		if err != nil {
			return 0, err
		}
		if i == 0 {
			first, err := in.Peek(1)
			if err != nil {
				return 0, err
			}
			verb = first[0]
		}
		if _, err := in.Discard(n + 2); err != nil {
			return 0, err
		}
	}
	return verb, nil
}

// skipLine reads a line of a kind and a number.
func skipLine(in *bufio.Reader, kind byte) (int, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 4 || line[0] != kind {
		return 0, io.ErrUnexpectedEOF
	}
	n, ok := digitsOf(line[1 : len(line)-2])
	if !ok || n < 0 {
		return 0, io.ErrUnexpectedEOF
	}
	return n, nil
}
