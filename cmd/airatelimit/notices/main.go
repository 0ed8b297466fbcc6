// Command notices writes the file that it is given, THIRD_PARTY_NOTICES: the licences of Go, of all modules that are
// linked into airatelimit, and of the price book's data. Most licences demand that their text goes with the binary.
package main

import (
	"bytes"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("usage: notices FILE")
	}
	modules, err := linked()
	if err != nil {
		log.Fatal(err)
	}
	text, err := notices(modules)
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(os.Args[1], text, 0o644); err != nil { //nolint:gosec // everybody may read it
		log.Fatal(err)
	}
}

// module is a module with the folder of its files.
type module struct{ name, dir string }

// systems are those for which the notices hold. Some modules are linked only on one of them.
var systems = []string{"linux", "darwin", "windows"}

// linked returns what airatelimit contains: Go, the data of the price book, and the linked modules, sorted by name.
func linked() ([]module, error) {
	var all []module
	for _, system := range systems {
		cmd := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}|{{.Dir}}{{end}}{{end}}",
			"github.com/airatelimit/airatelimit/cmd/airatelimit")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH=amd64")
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("list the modules for %s: %w", system, err)
		}
		for line := range strings.Lines(string(out)) {
			if name, dir, ok := strings.Cut(strings.TrimSpace(line), "|"); ok {
				all = append(all, module{name, dir})
			}
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.name, b.name) })
	others := []module{{name: "Go's standard library"}, {name: "@pydantic/genai-prices, the data of the price book"}}
	for i, args := range [][]string{
		{"env", "GOROOT"},
		{"list", "-f", "{{.Dir}}", "github.com/airatelimit/airatelimit/internal/price/generate"},
	} {
		dir, err := exec.Command("go", args...).Output()
		if err != nil {
			return nil, fmt.Errorf("find the folder of %s: %w", others[i].name, err)
		}
		others[i].dir = strings.TrimSpace(string(dir))
	}
	return append(others, slices.Compact(all)...), nil
}

// legal matches the names of files with licences and notices.
var legal = regexp.MustCompile(`(?i)^(genai-prices\.)?(licen[cs]e|copying|notice|patents)`)

const (
	preface = "airatelimit contains the following software. Each licence stands below the names of what it covers.\n"
	rule    = "\n================================================================================\n\n"
)

// notices returns the text of the file. A text that several modules share stands there once.
func notices(modules []module) ([]byte, error) {
	var texts []string
	covers := make(map[string][]string)
	for _, m := range modules {
		files, err := os.ReadDir(m.dir)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		found := false
		for _, f := range files {
			if f.IsDir() || !legal.MatchString(f.Name()) {
				continue
			}
			data, err := os.ReadFile(filepath.Join(m.dir, f.Name()))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", m.name, err)
			}
			text := strings.TrimSpace(strings.ReplaceAll(string(data), "\r\n", "\n"))
			if covers[text] == nil {
				texts = append(texts, text)
			}
			covers[text] = append(covers[text], m.name)
			found = true
		}
		if !found {
			return nil, errors.New(m.name + ": has no file with a licence")
		}
	}
	var out bytes.Buffer
	out.WriteString(preface)
	for _, text := range texts {
		fmt.Fprintf(&out, "%s%s\n\n%s\n", rule, strings.Join(covers[text], "\n"), text)
	}
	return out.Bytes(), nil
}
