package cli_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The rules that keep the source easy to find one's way in, as a test.

const module = "github.com/atollcache/atoll/"

// order is the packages from left to right: each imports only from its left and
// from below itself.
var order = []string{"crdt", "region", "sync", "node", "cli"}

// importers says who may import what.
var importers = map[string][]string{
	"github.com/nats-io/nats.go":      {"sync/bulk", "sync/bulk/natstest", "sync/natslink", "node", "node/natsapi", "node/natsd", "node/client", "cli", "cli/bench"},
	"github.com/nats-io/nats-server":  {"node/natsd", "sync/bulk/natstest"},
	"github.com/urfave/cli":           {"cli"},
	"github.com/vmihailenco/msgpack":  {},
	"github.com/jedib0t/go-pretty":    {"cli"},
	"github.com/klauspost/compress":   {"cli"},
	"github.com/rogpeppe/go-internal": {},
	"github.com/cockroachdb/pebble":   {"node/pebblestore"},
	"github.com/tidwall/btree":        {"crdt"},
	"github.com/redis":                {},            // clients, for tests
	"github.com/go-redis":             {},            // likewise
	"github.com/maypok86/otter":       {"cli/bench"}, // to measure beside
	"github.com/HdrHistogram":         {"cli/bench"},
}

const (
	maxFileLines     = 400
	maxFunctionLines = 60
)

func TestImportsPointLeft(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}}{{range .Imports}} {{.}}{{end}}`, "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) < len(order) {
		t.Fatalf("go list names %d packages, want at least %d", len(lines), len(order))
	}
	for _, line := range lines {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		for _, path := range words[1:] {
			checkImport(t, from, path)
		}
	}
}

func checkImport(t *testing.T, from, path string) {
	t.Helper()
	if to, ours := strings.CutPrefix(path, module); ours {
		i, j := rank(from), rank(to)
		if i < j {
			t.Errorf("%s imports %s, which is to its right in %v", from, to, order)
		}
		// node is what joins its adapters; they know nothing of it.
		if to == "node" && from != "node" && rank(from) == rank("node") {
			t.Errorf("%s imports node: adapters do not", from)
		}
	}
	for prefix, allowed := range importers {
		if strings.HasPrefix(path, prefix) && !slices.ContainsFunc(allowed, func(a string) bool { return a == from }) {
			t.Errorf("%s imports %s; only %v may", from, path, allowed)
		}
	}
}

// rank returns the place of a package in the order; what is not in it, such as
// testdata, is leftmost.
func rank(path string) int {
	top, _, _ := strings.Cut(path, "/")
	return slices.Index(order, top)
}

func TestTopLevel(t *testing.T) {
	allowed := append([]string{"testdata", "go.mod", "go.sum", "Makefile", "README.md", "LICENSE", "bin"}, order...)
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(allowed, e.Name()) {
			t.Errorf("%s does not belong at the top level", e.Name())
		}
	}
}

var unfinished = regexp.MustCompile(`(?i)\b(TODO|FIXME|XXX)\b|not implemented|for now[.,;:)]`)

func TestFiles(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") {
			return err
		}
		seen++
		checkFile(t, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 50 {
		t.Fatalf("looked at %d files only", seen)
	}
}

func checkFile(t *testing.T, path string) {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := token.NewFileSet()
	f, err := parser.ParseFile(files, path, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	isTest := strings.HasSuffix(path, "_test.go")
	if n := files.Position(f.End()).Line; n > maxFileLines && !isTest {
		t.Errorf("%s has %d lines: split it by noun (at most %d)", path, n, maxFileLines)
	}
	if isTest && strings.Contains(string(src), "time."+"Sleep(") && !strings.Contains(string(src), "testing/synctest") {
		t.Errorf("%s sleeps: wait for a condition", path)
	}
	if !strings.HasSuffix(path, "structure_test.go") {
		if m := unfinished.Find(src); m != nil {
			t.Errorf("%s says %q", path, m)
		}
	}
	for _, decl := range f.Decls {
		checkDecl(t, files, path, decl, isTest)
	}
}

func checkDecl(t *testing.T, files *token.FileSet, path string, decl ast.Decl, isTest bool) {
	t.Helper()
	if isTest {
		return
	}
	switch d := decl.(type) {
	case *ast.FuncDecl:
		lines := files.Position(d.End()).Line - files.Position(d.Pos()).Line + 1
		if lines > maxFunctionLines {
			t.Errorf("%s: %s has %d lines (at most %d)", path, d.Name.Name, lines, maxFunctionLines)
		}
		if d.Name.IsExported() && d.Doc == nil && isExportedReceiver(d) {
			t.Errorf("%s: %s has no doc comment", path, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if s, ok := spec.(*ast.TypeSpec); ok && s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
				t.Errorf("%s: type %s has no doc comment", path, s.Name.Name)
			}
		}
	}
}

// isExportedReceiver reports whether a function is a method of an exported type,
// or no method.
func isExportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	if index, ok := typ.(*ast.IndexExpr); ok {
		typ = index.X
	}
	id, ok := typ.(*ast.Ident)
	return ok && id.IsExported()
}
