package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// row is one text of a collection.
type row struct {
	Text    string `json:"text"`
	Label   string `json:"label"` // attack or benign
	Kind    string `json:"kind"`
	Lang    string `json:"lang"`
	Source  string `json:"source"`
	Licence string `json:"licence"`
}

func (r *row) attack() bool { return r.Label == "attack" }

// own reports whether the row was written for this project, by a grammar.
func (r *row) own() bool { return strings.HasPrefix(r.Source, "own-") }

// ordinary reports whether the row is an everyday message, and not one that resembles an attack.
func (r *row) ordinary() bool { return r.Kind == "ordinary" }

// readRows reads a file of JSON lines, packed or not.
func readRows(dir, name string) ([]row, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	var rows []row
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", name, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rows, nil
}
