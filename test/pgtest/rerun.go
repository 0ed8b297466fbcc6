package pgtest

import (
	"bufio"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// variable chooses the database that tests run on: AIRATELIMIT_TEST_DATABASE=postgres go test ./test/field -run …
const variable = "AIRATELIMIT_TEST_DATABASE"

// Chosen reports whether tests that run on either database are to run on PostgreSQL.
func Chosen() bool { return os.Getenv(variable) == "postgres" }

// OnlyFile skips a test of what only a SQLite file has.
func OnlyFile(t testing.TB) {
	t.Helper()
	if Chosen() {
		t.Skip("of a SQLite file only")
	}
}

// second is set within the second run.
const second = "AIRATELIMIT_TEST_SECOND_RUN"

// Once keeps a test that is of PostgreSQL alone from being run again within the second run.
func Once(t testing.TB) {
	t.Helper()
	if os.Getenv(second) != "" {
		t.Skip("of PostgreSQL alone, and run before")
	}
}

// Rerun runs the other tests of this binary once more, on PostgreSQL, and reports each as a test within this one.
// A package that tests on either database has one test which calls it. Without PostgreSQL it is skipped, which CI
// takes for a failure.
func Rerun(t *testing.T) {
	if Chosen() {
		return // this is the second run
	}
	t.Parallel()
	_, err := installed()
	check(t, err)
	outcomes, failure := rerun(t)
	reported := 0
	for _, o := range outcomes {
		// The test reports its subtests, whether they passed or failed.
		if strings.Contains(o.name, "/") && o.action != "skip" {
			continue
		}
		reported++
		t.Run(o.name, func(t *testing.T) {
			switch o.action {
			case "fail":
				t.Errorf("on PostgreSQL:\n%s", o.output.String())
			case "skip":
				t.Skip(strings.TrimSpace(o.output.String()))
			}
		})
	}
	if failure != "" && !t.Failed() {
		t.Errorf("the run on PostgreSQL failed:\n%s", failure)
	}
	if reported == 0 {
		t.Error("no test has run on PostgreSQL")
	}
}

// outcome is how a test of the second run ended.
type outcome struct {
	name, action string
	output       *strings.Builder // with that of the tests within it
}

// rerun returns the outcomes in the order of their ends, and what the binary said where it failed.
func rerun(t *testing.T) (outcomes []outcome, failure string) {
	t.Helper()
	args := []string{"tool", "test2json", os.Args[0], "-test.v=test2json", "-test.count=1", "-test.paniconexit0",
		"-test.parallel=" + flag.Lookup("test.parallel").Value.String()}
	// -run TestOnPostgres/TestX runs TestX alone.
	if _, within, ok := strings.Cut(flag.Lookup("test.run").Value.String(), "/"); ok {
		args = append(args, "-test.run="+within)
	}
	if deadline, ok := t.Deadline(); ok {
		args = append(args, "-test.timeout="+(time.Until(deadline)-5*time.Second).String())
	}
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Env = append(os.Environ(), variable+"=postgres", second+"=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	outputs, other := map[string]*strings.Builder{}, new(strings.Builder)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var e struct{ Action, Test, Output string } // see go doc test2json
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		if e.Test == "" {
			other.WriteString(e.Output)
			continue
		}
		top, _, _ := strings.Cut(e.Test, "/")
		for _, name := range []string{top, e.Test} {
			if outputs[name] == nil {
				outputs[name] = new(strings.Builder)
			}
		}
		switch e.Action {
		case "output":
			outputs[top].WriteString(e.Output)
			if top != e.Test {
				outputs[e.Test].WriteString(e.Output)
			}
		case "pass", "fail", "skip":
			outcomes = append(outcomes, outcome{e.Test, e.Action, outputs[e.Test]})
		}
	}
	if err := cmd.Wait(); err != nil {
		failure = err.Error() + "\n" + other.String()
	}
	return outcomes, failure
}
