package main

import (
	"fmt"
	"io"

	"github.com/airatelimit/airatelimit/internal/guard"
)

// guardCmd tries the guard without a server.
type guardCmd struct {
	Test guardTestCmd `cmd:"" help:"Print what the guard finds in a text."`
}

type guardTestCmd struct {
	Text       string   `arg:"" optional:"" help:"The text. Without it, standard input is read."`
	Heuristics bool     `help:"Be more suspicious, as with the setting security.heuristics."`
	Allow      []string `placeholder:"PHRASE" help:"A phrase that is never a hit. Can be given several times." sep:"none"`
}

func (guardTestCmd) Help() string {
	return "Prints one line for each hit: category, rule, severity, layer, and the place in bytes. Nothing is kept or sent. The exit code is 0 whether or not there is a hit."
}

func (g guardTestCmd) Run(a *app) error {
	text := g.Text
	if text == "" {
		b, err := io.ReadAll(io.LimitReader(a.in, guard.MaxText))
		if err != nil {
			return fmt.Errorf("read standard input: %w", err)
		}
		text = string(b)
	}
	judge := guard.Default()
	verdict := judge.Judge(text, judge.NewPolicy(nil, g.Heuristics, g.Allow))
	if len(verdict.Hits) == 0 {
		_, err := fmt.Fprintln(a.out, "nothing found")
		return err
	}
	for _, h := range verdict.Hits {
		if _, err := fmt.Fprintf(a.out, "%s %s %s %s %d-%d\n", h.Category, h.Rule, h.Severity, h.Layer, h.Start, h.End); err != nil {
			return err
		}
	}
	return nil
}
