package cli

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/urfave/cli/v2"
)

// Bounds of load.
const (
	defaultInFlight = 512
	maxInFlight     = 16384
	maxZstdWindow   = 128 << 20 // bytes
)

func loadVerb() verb {
	return verb{
		name: "load", group: groupData, args: "FILE", min: 1, max: 1, brief: "write many keys from a file of JSON lines",
		examples: []string{
			"atoll load cities.jsonl.zst          a file, also compressed with zstd",
			"generate | atoll load -              standard input",
			"atoll load users.jsonl --in-flight 64",
		},
		about: "A line is an object with a key and one of\n" +
			"  {\"key\": K, \"value\": V}               a string; with \"ttl\": \"30m\" it expires\n" +
			"  {\"key\": K, \"fields\": {F: V, …}}      fields of a hash\n" +
			"  {\"key\": K, \"members\": [M, …]}        members of a set\n" +
			"  {\"key\": K, \"scores\": {M: N, …}}      members of a sorted set\n" +
			"  {\"key\": K, \"incr\": N}                an increment\n" +
			"Texts may be {\"base64\": \"…\"}. Lines of one key are written in order, others side by side.\n" +
			"At a line that makes no sense it stops, having written those before it.",
		flags: []cli.Flag{
			&cli.IntFlag{Name: "in-flight", Usage: "at most `N` lines on their way at once", Value: defaultInFlight},
		},
		long: true,
		run:  runLoad,
	}
}

func runLoad(ctx context.Context, c *call) error {
	inFlight := c.Int("in-flight")
	if inFlight < 1 || inFlight > maxInFlight {
		return usagef("--in-flight is %d; use 1 to %d", inFlight, maxInFlight)
	}
	in, err := openInput(c.args[0], c.in)
	if err != nil {
		return err
	}
	defer in.close()
	api, err := c.connect(ctx)
	if err != nil {
		return err
	}
	l := newLoader(api, inFlight, c.timeout())
	stop := c.progress(l, in)
	began := time.Now()
	err = l.run(ctx, in)
	stop()
	if err != nil {
		return l.explain(c.args[0], err)
	}
	return c.loaded(l, time.Since(began))
}

// loaded writes how much was loaded.
func (c *call) loaded(l *loader, took time.Duration) error {
	keys, seconds := l.loaded.Load(), max(took.Seconds(), 1e-9)
	if c.json {
		return c.document(object{
			"keys": keys, "bytes": l.bytes.Load(), "seconds": took.Seconds(), "keys_per_second": float64(keys) / seconds,
		})
	}
	c.printf("loaded %s, %s, in %s: %.0f keys/s\n", plural(int(keys), "key"), humanBytes(int(l.bytes.Load())), short(took), float64(keys)/seconds)
	return nil
}

// input is what load reads, and how much of it there is.
type input struct {
	io.Reader
	read  *countingReader // of the file as it is
	size  int64           // of the file as it is, 0 where it is not known
	close func()
}

// openInput opens a file, or standard input for "-", and takes zstd away where
// the name or the first bytes say so.
func openInput(name string, stdin io.Reader) (*input, error) {
	in := &input{close: func() {}}
	if name == stdinWord {
		in.read = &countingReader{r: stdin}
	} else {
		f, err := os.Open(name)
		if err != nil {
			return nil, usagef("%w", err)
		}
		in.close = func() { _ = f.Close() } // It was only read.
		in.read = &countingReader{r: f}
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			in.size = info.Size()
		}
	}
	buffered := bufio.NewReaderSize(in.read, 1<<16)
	in.Reader = buffered
	magic, _ := buffered.Peek(4) // What it cannot read now it cannot read later.
	if strings.HasSuffix(name, ".zst") || bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		z, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			in.close()
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		closeFile := in.close
		in.Reader, in.close = z, func() { z.Close(); closeFile() }
	}
	return in, nil
}
