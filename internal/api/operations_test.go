package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/operation"
	"log/slog"
)

func (f *fixture) below(path string) string { return "/api/projects/" + f.project + path }

// start begins an operation and returns its id.
func (f *fixture) start(body string) string {
	f.t.Helper()
	return decode[Started](f.send("POST", f.below("/operations"), body).want(202)).OperationID
}

func (f *fixture) runner() *Runner {
	return NewRunner(f.ledger, f.catalog, f.store, f.clock, slog.New(slog.NewTextHandler(f.log, nil)))
}

// finish runs all batches and returns how many there were.
func (f *fixture) finish() (batches int) {
	f.t.Helper()
	for r := f.runner(); ; batches++ {
		worked, err := r.Step(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		if !worked {
			return batches
		}
	}
}

func (f *fixture) operation(id string) Operation {
	f.t.Helper()
	return decode[Operation](f.send("GET", f.below("/operations/"+id), "").want(200))
}

// crowd makes so many identities, every second one in the tier pro.
func (f *fixture) crowd(n int) {
	f.t.Helper()
	for from := 0; from < n; from += maxBulk {
		var items []string
		for i := from; i < min(n, from+maxBulk); i++ {
			items = append(items, fmt.Sprintf(`{"identity": "user-%04d"%s}`, i, []string{`, "tier": "pro"`, ""}[i%2]))
		}
		f.send("POST", "/bulk", `{"items": [`+strings.Join(items, ", ")+`]}`).want(200)
	}
}

func TestAnOperationChangesWhatItsFilterMatches(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(1201)
	const gift = `{"action": "gift", "filter": {"tier": "pro"}, "params": {"tokens": 5}, "reason": "sorry"%s}`
	f.send("POST", f.below("/operations"), fmt.Sprintf(gift, "")).faults("body.expected")
	dry := decode[Started](f.send("POST", f.below("/operations?dryRun=true"), fmt.Sprintf(gift, "")).want(200))
	if dry != (Started{Matched: 601}) {
		t.Errorf("dry run %+v, want 601 of no operation", dry)
	}
	if p := f.send("POST", f.below("/operations"), fmt.Sprintf(gift, `, "expected": 600`)).problem(409); p.Code != "count_changed" {
		t.Errorf("code %q", p.Code)
	}
	id := f.start(fmt.Sprintf(gift, `, "expected": 601`))
	if o := f.operation(id); o.State != operation.Running || o.Matched != 601 || o.Applied != 0 || *o.Reason != "sorry" {
		t.Errorf("begun: %+v", o)
	}
	if n := f.finish(); n != 2 {
		t.Errorf("%d batches, want 2", n)
	}
	if o := f.operation(id); o.State != operation.Done || o.Applied != 601 || o.Failed != 0 {
		t.Errorf("done: %+v", o)
	}
	if page := decode[Identities](f.send("GET", "?has=credits", "")); *page.Total != 601 {
		t.Errorf("%d have credits, want 601", *page.Total)
	}
	if got := f.audit("user-0000"); len(got) != 2 || got[1] != `giftIdentity|sorry|{"requests":0,"tokens":5,"costUsd":0}` {
		t.Errorf("audit %q", got)
	}
}

func TestEachActionDoesWhatItsCallDoes(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.use("a", 10, 1)
	f.send("POST", "/full/gift", `{"tokens": 1000000000000000}`).want(200)
	for _, tc := range []struct{ body, path, want string }{
		{`{"action": "gift", "items": ["a", "a", "new", "full"], "params": {"tokens": 5}}`, "/a/credits", `"giftedTokens":5,`},
		{`{"action": "promo", "items": ["a"], "params": {"unlimitedUntil": "2026-12-31"}}`, "/a/credits", `"isCurrentlyUnlimited":true`},
		{`{"action": "reset", "items": ["a"], "params": {"resetRequests": false}}`, "/a", `"usage":{"requests":1,"tokens":0,`},
		{`{"action": "disable", "items": ["a"]}`, "/a", `"enabled":false`},
		{`{"action": "enable", "items": ["a"]}`, "/a", `"enabled":true`},
		{`{"action": "setTier", "items": ["a"], "params": {"tier": "pro"}}`, "/a", `"tier":"pro"`},
		{`{"action": "setTier", "items": ["a"], "params": {"tier": null}}`, "/a", `"tier":null`},
	} {
		id := f.start(tc.body)
		f.finish()
		if got := string(f.send("GET", tc.path, "").want(200).body); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s, want %s", tc.body, got, tc.want)
		}
		if o := f.operation(id); o.State != operation.Done || o.Applied == 0 {
			t.Errorf("%s: %+v", tc.body, o)
		}
	}
	id := f.start(`{"action": "delete", "items": ["a", "nobody"]}`)
	f.finish()
	f.send("GET", "/a", "").problem(404)
	if o := f.operation(id); o.Applied != 1 || o.Failed != 1 || o.Problems[0] != (operation.Failure{Identity: "nobody", Message: "is unknown"}) {
		t.Errorf("deleted: %+v", o)
	}
	f.use("old\u200b", 1, 1)
	f.start(`{"action": "disable", "items": ["old\u200b"]}`)
	f.send("POST", f.below("/operations"), `{"action": "disable", "items": ["a", "new\u200b"]}`).faults("body.items[1]")
	for body, fault := range map[string]string{
		`{}`:                                  "body.action",
		`{"action": "explode"}`:               "body.action",
		`{"action": "reset"}`:                 "body",
		`{"action": "reset", "items": []}`:    "body.items",
		`{"action": "reset", "items": [""]}`:  "body.items",
		`{"action": "gift", "items": ["a"]}`:  "body.params",
		`{"action": "promo", "items": ["a"]}`: "body.params.unlimitedUntil",
		`{"action": "enable", "items": ["a"], "params": {"x": 1}}`:          "body.params.x",
		`{"action": "setTier", "items": ["a"], "params": {"tier": "gold"}}`: "body.tier",
		`{"action": "reset", "filter": {"has": "x"}, "expected": 1}`:        "body.filter.has",
		`{"action": "reset", "items": ["a"], "expected": -1}`:               "body.expected",
	} {
		if p := f.send("POST", f.below("/operations"), body).problem(400); p.Errors[0].Location != fault && !strings.Contains(fault, "body.tier") {
			t.Errorf("%s: %+v, want a fault at %s", body, p.Errors, fault)
		}
	}
	f.send("GET", f.below("/operations/op_none"), "").problem(404)
	f.send("POST", f.below("/operations/op_none/cancel"), "").problem(404)
}

// forgetful fails, as a process that dies does, after a change was applied and before that is noted.
type forgetful struct{ Operations }

var errDied = errors.New("died")

func (forgetful) FinishBatch(context.Context, operation.Operation, operation.Result, time.Time) error {
	return errDied
}

func TestABatchIsAppliedOnceAfterACrash(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(700)
	id := f.start(`{"action": "gift", "filter": {}, "expected": 700, "params": {"requests": 1}}`)
	for range 3 { // the first batch, again and again
		r := f.runner()
		r.Operations = forgetful{f.store}
		if _, err := r.Step(t.Context()); !errors.Is(err, errDied) {
			t.Fatalf("step: %v", err)
		}
		if worked, err := f.runner().Step(t.Context()); worked || err != nil {
			t.Fatalf("another node has run a claimed batch: %t, %v", worked, err)
		}
		f.now = f.now.Add(claimFor + time.Second)
		f.restart()
	}
	if n := f.finish(); n != 2 {
		t.Errorf("%d batches were left, want 2", n)
	}
	if o := f.operation(id); o.State != operation.Done || o.Applied != 700 || o.Failed != 0 {
		t.Errorf("%+v", o)
	}
	for _, name := range []string{"user-0000", "user-0499", "user-0500", "user-0699"} {
		if got := decode[Credits](f.send("GET", at(name, "/credits"), "")); got.GiftedRequests != 1 {
			t.Errorf("%s has %d credits, want 1", name, got.GiftedRequests)
		}
	}
}

// held is a ledger whose changes wait.
type held struct {
	Ledger
	began, goOn chan struct{}
}

func (l held) Change(ctx context.Context, c ledger.Change) (ledger.Outcome, error) {
	close(l.began)
	<-l.goOn
	return l.Ledger.Change(ctx, c)
}

// Two nodes run the batches of one operation, one batch at a time. While one node has a batch, the other finds none.
func TestTwoNodesShareAnOperation(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(1201)
	id := f.start(`{"action": "gift", "filter": {}, "expected": 1201, "params": {"requests": 1}}`)
	a, b := f.runner(), f.runner()
	slow := held{f.ledger, make(chan struct{}), make(chan struct{})}
	a.Ledger = slow
	first := make(chan error, 1)
	go func() {
		_, err := a.Step(t.Context())
		first <- err
	}()
	<-slow.began
	if worked, err := b.Step(t.Context()); worked || err != nil {
		t.Errorf("a batch that another node runs: %t, %v", worked, err)
	}
	close(slow.goOn)
	if err := <-first; err != nil {
		t.Fatal(err)
	}
	a.Ledger = f.ledger
	for i, r := range []*Runner{b, a} {
		if worked, err := r.Step(t.Context()); !worked || err != nil {
			t.Errorf("batch %d: %t, %v", i+1, worked, err)
		}
	}
	if o := f.operation(id); o.State != operation.Done || o.Applied != 1201 || o.Failed != 0 {
		t.Errorf("%+v", o)
	}
	for _, name := range []string{"user-0000", "user-0500", "user-1200"} {
		if got := decode[Credits](f.send("GET", at(name, "/credits"), "")); got.GiftedRequests != 1 {
			t.Errorf("%s has %d credits, want 1", name, got.GiftedRequests)
		}
	}
}

func TestAnOperationIsCancelledBetweenBatches(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	f.crowd(700)
	id := f.start(`{"action": "disable", "filter": {"q": "user-"}, "expected": 700}`)
	if worked, err := f.runner().Step(t.Context()); !worked || err != nil {
		t.Fatalf("%t, %v", worked, err)
	}
	got := decode[Operation](f.send("POST", f.below("/operations/"+id+"/cancel"), "").want(200))
	if got.State != operation.Cancelled || got.Applied != 500 {
		t.Errorf("cancelled: %+v", got)
	}
	if trail := decode[AuditTrail](f.send("GET", f.path("/audit?action=cancelOperation"), "").want(200)); len(trail.Items) != 1 || trail.Items[0].Target != "operations."+id {
		t.Errorf("the audit trail has %+v", trail)
	}
	if n := f.finish(); n != 0 {
		t.Errorf("%d batches after it was cancelled", n)
	}
	if page := decode[Identities](f.send("GET", "?enabled=false", "")); *page.Total != 500 {
		t.Errorf("%d are disabled, want 500", *page.Total)
	}
	done := f.start(`{"action": "enable", "items": ["user-0001"]}`)
	f.finish()
	if got := decode[Operation](f.send("POST", f.below("/operations/"+done+"/cancel"), "").want(200)); got.State != operation.Done {
		t.Errorf("an operation that has ended is %s", got.State)
	}
}

func TestAnOperationThatWaitsTooLongIsInterrupted(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	id := f.start(`{"action": "enable", "items": ["a"]}`)
	f.now = f.now.Add(21 * time.Hour)
	if n := f.finish(); n != 0 {
		t.Errorf("%d batches ran", n)
	}
	if o := f.operation(id); o.State != operation.Interrupted || o.Applied != 0 {
		t.Errorf("%+v", o)
	}
	// The answers that show what was applied are kept for a day.
	f.send("GET", "/a", "").problem(404)
}

func TestARepeatedOperationIsTheSame(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	const body = `{"action": "gift", "items": ["a"], "params": {"tokens": 1}}`
	first := f.send("POST", f.below("/operations"), body, "Idempotency-Key", "k").want(202)
	f.finish()
	again := f.send("POST", f.below("/operations"), body, "Idempotency-Key", "k").want(202)
	if diff := cmp.Diff(string(first.body), string(again.body)); diff != "" {
		t.Errorf("repeated (-first +again):\n%s", diff)
	}
	f.send("POST", f.below("/operations"), strings.Replace(body, "1", "2", 1), "Idempotency-Key", "k").problem(409)
	if n := f.finish(); n != 0 {
		t.Errorf("%d more batches", n)
	}
}

// unreachable is a ledger that is away.
type unreachable struct{ Ledger }

func (unreachable) Change(context.Context, ledger.Change) (ledger.Outcome, error) {
	return ledger.Outcome{}, ledger.ErrUnavailable
}

func TestABatchWaitsForItsDatabase(t *testing.T) {
	t.Parallel()
	f := setup(t, someProject)
	id := f.start(`{"action": "enable", "items": ["a"]}`)
	r := f.runner()
	r.Ledger = unreachable{f.ledger}
	if _, err := r.Step(t.Context()); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("step: %v", err)
	}
	f.now = f.now.Add(retryAfter + time.Second)
	if n := f.finish(); n != 1 || f.operation(id).State != operation.Done {
		t.Errorf("%d batches, %+v", n, f.operation(id))
	}
}

func TestAFailedItemChangesNothing(t *testing.T) {
	t.Parallel()
	b := batch{names: []string{"a"}, actions: []action{creating(func(a *ledger.Account, now time.Time) (ledger.Entry, error) {
		return giveTo(a, limit.Amounts{0, maxCount + 1, 0}, "", now)
	})}}
	a := ledger.Account{Key: ledger.Key{Identity: "a"}}
	out, err := b.apply([]*ledger.Account{&a}, nil, operation.Definition{}, noon)
	var r operation.Result
	if err := errors.Join(err, json.Unmarshal(out.Body, &r)); err != nil || r.Failed != 1 || a.Known || len(out.Audit) > 0 {
		t.Errorf("%+v, known %t, audit %v, %v", r, a.Known, out.Audit, err)
	}
}
