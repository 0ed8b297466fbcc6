package test

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	codeBlock   = regexp.MustCompile("(?ms)^ *```.*?^ *```")
	pageLink    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading     = regexp.MustCompile(`(?m)^#+ (.*)$`)
	namedFile   = regexp.MustCompile("`((?:internal|cmd|test|docs|deploy)/[\\w./-]+)`")
	requestStep = regexp.MustCompile("(?m)^\\| [^`|\n]*`(\\w+)`[^|\n]*\\| `([^`]+)`")
	notInSlug   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Every link between pages leads to a file, and to a heading in it where it names one.
func TestDocs_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	links := 0
	for _, page := range pages(t) {
		for _, m := range pageLink.FindAllStringSubmatch(codeBlock.ReplaceAllString(readPage(t, page), ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("..", target)); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if anchor != "" && !anchors(readPage(t, target))[anchor] {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
	if links < 30 {
		t.Errorf("only %d links were found", links)
	}
}

// The files that pages for developers name are there.
func TestDocs_NamedFilesExist(t *testing.T) {
	t.Parallel()
	named := 0
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "docs/adding-a-provider.md", "docs/adding-a-dialect.md",
		"docs/adding-a-setting.md", "docs/http-api.md", "docs/errors.md"} {
		for _, m := range namedFile.FindAllStringSubmatch(readPage(t, page), -1) {
			named++
			if _, err := os.Stat(filepath.Join("..", m[1])); err != nil {
				t.Errorf("%s names %s: %v", page, m[1], err)
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d files were found", named)
	}
}

// Each step of a request in ARCHITECTURE.md begins with a function that is in the file it names.
func TestDocs_StepsOfARequestExist(t *testing.T) {
	t.Parallel()
	steps := requestStep.FindAllStringSubmatch(section(readPage(t, "ARCHITECTURE.md"), "## One request"), -1)
	for _, m := range steps {
		if source := readPage(t, m[2]); !regexp.MustCompile(`(?m)^func (\([^)]*\) )?` + m[1] + `\(`).MatchString(source) {
			t.Errorf("%s has no function %s", m[2], m[1])
		}
	}
	if len(steps) < 15 {
		t.Errorf("only %d steps were found", len(steps))
	}
}

// Each decision has a number of its own, in the name of its file and in its title.
func TestDocs_DecisionsAreNumbered(t *testing.T) {
	t.Parallel()
	of := map[int]string{}
	files, err := fs.Glob(os.DirFS("../docs/decisions"), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		number, _, _ := strings.Cut(file, "-")
		n, err := strconv.Atoi(number)
		if err != nil {
			t.Errorf("%s does not start with a number: %v", file, err)
			continue
		}
		if of[n] != "" {
			t.Errorf("decision %d is %s and %s", n, of[n], file)
		}
		of[n] = file
		if want := fmt.Sprintf("# %d. ", n); !strings.HasPrefix(readPage(t, "docs/decisions/"+file), want) {
			t.Errorf("%s does not start with %q", file, want)
		}
	}
	for n := 1; n <= len(files); n++ {
		if of[n] == "" {
			t.Errorf("there is no decision %d", n)
		}
	}
}

// pages are the Markdown files of the repository, from its root.
func pages(t *testing.T) (found []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(".."), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && p != "."):
			return fs.SkipDir
		case strings.HasSuffix(p, ".md"):
			found = append(found, p)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func readPage(t *testing.T, page string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// anchors are the names by which a page's headings are linked to, as GitHub makes them.
func anchors(page string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(codeBlock.ReplaceAllString(page, ""), -1) {
		found[strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	return found
}
