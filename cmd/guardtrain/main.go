// Guardtrain trains the model of internal/guard from collections of attacks and benign texts, and prints its figures. The
// same texts always make the same model.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/airatelimit/airatelimit/internal/guard"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "guardtrain:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	data, out, folds string
	keep, quick      bool
	worst            int
}

func run() error {
	var o options
	flag.StringVar(&o.data, "data", "", "the `folder` of train.jsonl.gz, val.jsonl.gz and threshold.jsonl.gz")
	flag.StringVar(&o.out, "out", "internal/guard", "the `folder` for model.bin and MODEL_NOTICE")
	flag.StringVar(&o.folds, "folds", "", "write the decompositions of characters to this `file`, and nothing else")
	flag.BoolVar(&o.keep, "figures", false, "print the figures of the model that is there, without training")
	flag.BoolVar(&o.quick, "quick", false, "choose thresholds on threshold.jsonl.gz alone, without leaving sources out")
	flag.IntVar(&o.worst, "worst", 0, "also print so many benign texts with the highest scores, and the attacks that are missed")
	flag.Parse()
	if o.folds != "" {
		return writeFolds(o.folds)
	}
	if o.data == "" {
		return errors.New("name the folder of the collections with -data")
	}
	return o.run()
}

func (o *options) run() error {
	start := time.Now()
	rows, err := readRows(o.data, "train.jsonl.gz")
	if err != nil {
		return err
	}
	val, err := readRows(o.data, "val.jsonl.gz")
	if err != nil {
		return err
	}
	extra, err := readRows(o.data, "threshold.jsonl.gz")
	if err != nil {
		return err
	}
	file := filepath.Join(o.out, "model.bin")
	var m *guard.Model
	var benign []scored
	if o.keep {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if m, err = guard.ReadModel(data); err != nil {
			return err
		}
	} else {
		m = train(rows)
		fmt.Printf("trained | all | %s\n", time.Since(start).Round(time.Second))
		benign = scores(guard.New(m), pointers(extra, func(r *row) bool { return !r.attack() }))
		if !o.quick {
			benign = append(benign, leftOut(rows)...)
		}
		m.Alone, m.WithRule = usual.thresholds(benign)
		m.AloneSuspicious, m.WithRuleSuspicious = suspicious.thresholds(benign)
		if err := os.WriteFile(file, m.Bytes(), 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(o.out, "MODEL_NOTICE"), notice(rows), 0o644); err != nil {
			return err
		}
	}
	figures(os.Stdout, m, rows, val, extra, benign)
	if o.worst > 0 {
		worst(os.Stdout, m, benign, o.worst)
		missed(os.Stdout, m, guard.New(m), pointers(val, func(r *row) bool { return r.attack() && !r.own() }))
	}
	fmt.Printf("took | all | %s\n", time.Since(start).Round(time.Second))
	return nil
}
