package archtest

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/laws.md again")

// laws are the promises that everything else serves, by their numbers.
var laws = map[int]string{
	1:  "**Durable before visible.** \"Committed\" is said, and any other client sees the delta, only after JetStream acknowledged the append.",
	2:  "**The log is the truth.** Everything else may be deleted at any moment and is rebuilt from it.",
	3:  "**Once.** A mutation takes effect at most once, whatever is retried, resent, reloaded or replayed.",
	4:  "**Equal.** Two replicas at one revision have equal canonical bytes.",
	5:  "**Marshalled once.** By its author. Append, fan-out, replay and resume pass those bytes on.",
	6:  "**Proportional to the change.** Commit, revert, append, notify and fan-out never walk the document.",
	7:  "**Transactional.** A revert restores all state; nothing of an aborted transaction is ever observable.",
	8:  "**Serializable.** A mutation commits only if nothing it read has changed since its base; otherwise it is run again on the new state.",
	9:  "**Bounded.** Every queue, cache, buffer and retry has a bound and a documented behaviour at the bound.",
	10: "**Isolated.** One document's trouble holds up no other.",
	11: "**Hostile input.** Bytes from network, disk or JavaScript meet limits and typed errors, never a panic, never a partial effect.",
	12: "**Exact composition.** Merge patches are not closed under composition: folding two is exact or does not happen.",
}

// TestLawsAreListed holds docs/laws.md to the tests: a test that names a law
// (TestL3_...) is listed under it with the first sentence of its comment.
func TestLawsAreListed(t *testing.T) {
	want := lawsPage(t)
	path := filepath.Join(root, "docs", "laws.md")
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/laws.md is out of date: run go test ./internal/archtest -run Laws -update")
	}
}

// lawTest is a test that names laws.
type lawTest struct{ file, name, what string }

func lawsPage(t *testing.T) []byte {
	tests := lawTests(t)
	var page bytes.Buffer
	page.WriteString("# The laws, and the tests that hold them\n\nWritten by `go test ./internal/archtest -run Laws -update` from the tests' names and comments.\n")
	for n := 1; n <= len(laws); n++ {
		fmt.Fprintf(&page, "\n## L%d\n\n%s\n\n", n, laws[n])
		if len(tests[n]) == 0 {
			t.Errorf("law L%d has no test", n)
		}
		for _, test := range tests[n] {
			fmt.Fprintf(&page, "- [%s](../%s)", test.name, test.file)
			if test.what != "" {
				fmt.Fprintf(&page, ": %s", test.what)
			}
			page.WriteByte('\n')
		}
	}
	return page.Bytes()
}

var lawName = regexp.MustCompile(`^Test((?:L\d+_)+)`)

// lawTests returns the tests of each law, in the order of their files.
func lawTests(t *testing.T) map[int][]lawTest {
	tests := make(map[int][]lawTest)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != root):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok || !lawName.MatchString(fn.Name.Name) {
				continue
			}
			rel, err := filepath.Rel(root, path)
			if err != nil {
				return err
			}
			test := lawTest{file: filepath.ToSlash(rel), name: fn.Name.Name, what: firstSentence(fn)}
			for law := range strings.SplitSeq(strings.Trim(lawName.FindStringSubmatch(fn.Name.Name)[1], "_"), "_") {
				n, err := strconv.Atoi(law[1:])
				if err != nil || laws[n] == "" {
					return fmt.Errorf("%s: %s names a law that does not exist", rel, fn.Name.Name)
				}
				tests[n] = append(tests[n], test)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, all := range tests {
		slices.SortFunc(all, func(a, b lawTest) int {
			return strings.Compare(a.file+"\x00"+a.name, b.file+"\x00"+b.name)
		})
	}
	return tests
}

// firstSentence returns the first sentence of a test's comment without the test's
// name.
func firstSentence(fn *ast.FuncDecl) string {
	sentence := new(doc.Package).Synopsis(fn.Doc.Text())
	sentence = strings.TrimSpace(strings.TrimPrefix(sentence, fn.Name.Name))
	return strings.TrimSpace(strings.TrimPrefix(sentence, ":"))
}
