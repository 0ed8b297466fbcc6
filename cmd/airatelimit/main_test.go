package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/test/pgtest"
	"github.com/airatelimit/airatelimit/test/stack"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"airatelimit": main})
}

// TestScripts runs the command as people do. Each script has a DATA_DIR of its own, and on PostgreSQL a database.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(e *testscript.Env) error {
			e.Setenv("DATA_DIR", e.WorkDir+"/data")
			if pgtest.Chosen() {
				for name, value := range stack.Environment(stack.Database(t)) {
					e.Setenv(name, value)
				}
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name != "postgres" {
				return false, fmt.Errorf("no such condition: %s", name)
			}
			return pgtest.Chosen(), nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){"keep": keep},
	})
}

// keep NAME PREFIX puts the first word of the last output that starts with PREFIX into the variable NAME.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME PREFIX")
	}
	isQuote := func(r rune) bool { return strings.ContainsRune(" \n\t\"':,{}", r) }
	for _, word := range strings.FieldsFunc(ts.ReadFile("stdout"), isQuote) {
		if strings.HasPrefix(word, args[1]) {
			ts.Setenv(args[0], word)
			return
		}
	}
	ts.Fatalf("no word that starts with %s", args[1])
}

// result is what a run of the command in this process gave.
type result struct {
	code     int
	out, err string
}

func runWith(t *testing.T, vars map[string]string, in string, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), args, app{
		in: strings.NewReader(in), out: &out, err: &errs,
		getenv: func(name string) string { return vars[name] },
	})
	return result{code, out.String(), errs.String()}
}
