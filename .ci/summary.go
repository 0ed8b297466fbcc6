//go:build ignore

// Command summary reads the events of go test -json. It prints a line for each package, the output of failed tests,
// the skipped tests, and a sum at the end. It fails if a test failed, if none ran, or if a test was skipped that CI
// must run.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// excused are parts of the reasons for which CI may skip a test.
var excused = []string{
	"recordings",                          // the vendors' answers are not part of this repository
	"reference",                           // nor are the prices to compare with
	"the list is not here",                // nor is the list of failures in the field
	"the guard's texts",                   // nor are the collections that its model was trained on
	"LONG",                                // takes long
	"_SDKS=",                              // needs packages of another language
	"of a SQLite file only",               // the tests run on PostgreSQL
	"of PostgreSQL alone, and run before", // the run on SQLite has run it
}

// event is described in go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64 // seconds
}

type name struct{ pkg, test string }

func main() {
	var (
		output                  = map[name]*strings.Builder{}
		passed, failed, skipped []name
		unexcused               int
	)
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		var e event
		if json.Unmarshal(line, &e) != nil {
			fmt.Printf("%s", line) // not an event, but the output of another failure
			continue
		}
		key := name{e.Package, e.Test}
		if e.Package == "" {
			key.pkg = e.ImportPath
		}
		if output[key] == nil {
			output[key] = new(strings.Builder)
		}
		switch e.Action {
		case "output", "build-output":
			output[key].WriteString(e.Output)
		case "build-fail":
			failed = append(failed, key)
			fmt.Print(output[key])
		case "pass":
			if e.Test != "" {
				passed = append(passed, key)
				delete(output, key)
			} else {
				fmt.Printf("ok    %6.1f s  %s\n", e.Elapsed, e.Package)
			}
		case "fail":
			failed = append(failed, key)
			fmt.Printf("FAIL  %6.1f s  %s %s\n%s", e.Elapsed, e.Package, e.Test, output[key])
		case "skip":
			if e.Test == "" {
				continue // a package without tests
			}
			skipped = append(skipped, key)
			reason := output[key].String()
			if !slices.ContainsFunc(excused, func(part string) bool { return strings.Contains(reason, part) }) {
				unexcused++
				fmt.Printf("FAIL  skipped in CI: %s %s\n%s", e.Package, e.Test, reason)
			}
		}
	}
	for _, s := range skipped {
		fmt.Printf("skipped  %s %s\n", s.pkg, s.test)
	}
	fmt.Printf("%d passed, %d failed, %d skipped (%d of them without an excuse)\n", len(passed), len(failed), len(skipped), unexcused)
	if len(failed) > 0 || unexcused > 0 || len(passed) == 0 {
		os.Exit(1)
	}
}
