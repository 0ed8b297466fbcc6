package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/airatelimit/airatelimit/internal/identity"
	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/operation"
	"github.com/airatelimit/airatelimit/internal/project"
)

// Operations keeps operations.
type Operations interface {
	CreateOperation(ctx context.Context, o operation.Operation) (now operation.Operation, created bool, err error)
	AddBatches(ctx context.Context, project, id string, n int64, batches [][]json.RawMessage) error
	StartOperation(ctx context.Context, project, id string, matched int64, now time.Time) error
	DropOperation(ctx context.Context, project, id string) error
	Operation(ctx context.Context, project, id string) (operation.Operation, error)
	EndOperation(ctx context.Context, project, id string, as operation.State, now time.Time) (operation.Operation, error)
	ClaimBatch(ctx context.Context, now, until time.Time) (o operation.Operation, items []json.RawMessage, ok bool, err error)
	ReleaseBatch(ctx context.Context, o operation.Operation, until time.Time) error
	FinishBatch(ctx context.Context, o operation.Operation, r operation.Result, now time.Time) error
}

// Runner runs the operations of all projects, one batch after the other. Several nodes may run at once: a node claims a
// batch before it runs it, and the ledger applies a batch once if two nodes run it all the same.
type Runner struct {
	Ledger     Ledger
	Projects   identity.Projects
	Operations Operations
	Now        func() time.Time
	Log        *slog.Logger

	wake chan struct{}
}

const (
	// claimFor is how long a node has for a batch. Then another node may run it.
	claimFor = time.Minute
	// retryAfter is how long a batch waits that failed, because the ledger was unavailable.
	retryAfter = 2 * time.Second
	// pollEvery is how often a node looks for batches that other nodes have left.
	pollEvery = 5 * time.Second
)

// NewRunner returns a Runner, which does nothing before Run.
func NewRunner(l Ledger, projects identity.Projects, operations Operations, now func() time.Time, log *slog.Logger) *Runner {
	return &Runner{Ledger: l, Projects: projects, Operations: operations, Now: now, Log: log, wake: make(chan struct{}, 1)}
}

// Wake makes the runner look for batches now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run runs batches until ctx ends. A batch that has begun is completed.
func (r *Runner) Run(ctx context.Context) {
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		worked, err := r.Step(ctx)
		if err != nil && ctx.Err() == nil {
			r.Log.Warn("operation waits", "error", err)
		}
		if worked && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-poll.C:
		}
	}
}

// Step runs one batch. It returns false if there was none.
func (r *Runner) Step(ctx context.Context) (worked bool, err error) {
	now := r.Now()
	o, items, ok, err := r.Operations.ClaimBatch(ctx, now, now.Add(claimFor))
	if err != nil || !ok {
		return false, err
	}
	p, err := r.Projects.Project(ctx, o.Project)
	if errors.Is(err, project.ErrNotFound) || err == nil && p == nil {
		_, err := r.Operations.EndOperation(ctx, o.Project, o.ID, operation.Interrupted, now)
		return true, err
	}
	var done operation.Result
	if err == nil {
		done, err = r.run(ctx, p, &o, items)
	}
	if err != nil {
		return true, errors.Join(fmt.Errorf("batch %d of operation %s: %w", o.Next, o.ID, err),
			r.Operations.ReleaseBatch(context.WithoutCancel(ctx), o, now.Add(retryAfter)))
	}
	return true, r.Operations.FinishBatch(context.WithoutCancel(ctx), o, done, r.Now())
}

// run applies a batch, once.
func (r *Runner) run(ctx context.Context, p *project.Snapshot, o *operation.Operation, items []json.RawMessage) (done operation.Result, err error) {
	b, failed, err := readBatch(p, o.Definition, items)
	if ps, ok := errors.AsType[fieldProblems](err); ok { // the project's settings have changed since: its tier is gone, for example
		return operation.Result{Failed: int64(len(items)), Problems: []operation.Failure{{Message: ps.Error()}}}, nil
	}
	if err != nil || len(b.names) == 0 {
		return operation.Result{Failed: int64(len(failed)), Problems: failed}, err
	}
	keys := make([]ledger.Key, len(b.names))
	for i, name := range b.names {
		keys[i] = ledger.Key{Project: p.Key, Identity: name}
	}
	now := inStore(r.Now())
	out, err := r.Ledger.Change(context.WithoutCancel(ctx), ledger.Change{
		Keys: keys, Period: p.Period, Now: now,
		// No key of a client has a control character.
		Once: &ledger.Once{Key: "\x01" + o.ID + " " + strconv.FormatInt(o.Next, 10), Fingerprint: o.Fingerprint},
		Apply: func(accounts []*ledger.Account) (ledger.Outcome, error) {
			return b.apply(accounts, failed, o.Definition, now)
		},
	})
	if err == nil {
		err = json.Unmarshal(out.Body, &done)
	}
	return done, err
}

// apply changes the accounts of a batch. The outcome's body is the operation.Result.
func (b *batch) apply(accounts []*ledger.Account, failed []operation.Failure, d operation.Definition, now time.Time) (out ledger.Outcome, err error) {
	r := operation.Result{Failed: int64(len(failed)), Problems: failed}
	for i, a := range accounts {
		before := *a
		entries, err := b.actions[i](a, now)
		if ps, ok := errors.AsType[fieldProblems](err); ok {
			*a = before
			r.Failed++
			r.Problems = append(r.Problems, operation.Failure{Identity: b.names[i], Message: ps[0].Message})
			continue
		}
		if err != nil {
			return out, err
		}
		for _, e := range entries {
			e.Actor, e.RequestID = d.Actor, d.RequestID
			out.Audit = append(out.Audit, e)
		}
		r.Applied++
	}
	r.Problems = r.Problems[:min(len(r.Problems), operation.MaxProblems)]
	out.Status = 200
	out.Body, err = json.Marshal(r)
	return out, err
}
