// Package operation has the types of operations: changes of many identities that go on after the call that began them, batch
// by batch. A store keeps them, so that they survive the process. A batch is one change of the ledger with a key of its own,
// so each identity is changed once, whatever crashes.
package operation

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/airatelimit/airatelimit/internal/ledger"
)

// BatchSize is how many identities a batch has at most.
const BatchSize = 500

// ErrUnknown means that a project has no such operation.
var ErrUnknown = errors.New("unknown operation")

// State is the state of an operation, as it is stored and shown.
type State string

// The states.
const (
	Preparing   State = "preparing"   // its batches are being stored
	Running     State = "running"     // some batches are left
	Done        State = "done"        // no batch is left
	Cancelled   State = "cancelled"   // somebody has stopped it between two batches
	Interrupted State = "interrupted" // it waited for too long, or its project was deleted
)

// Operation is one operation.
type Operation struct {
	Project, ID string
	Definition  Definition
	Fingerprint [32]byte // of the request that began it
	State       State
	Matched     int64 // identities in all batches
	Applied     int64
	Failed      int64
	Next        int64     // the batch to run next
	Problems    []Failure // some of those of the failed ones
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Import is the action of an operation that an import begins.
const Import = "import"

// Definition is what an operation does.
type Definition struct {
	Action    string          `json:"action"`
	Params    json.RawMessage `json:"params,omitempty"`
	Reason    string          `json:"reason,omitempty"`
	Actor     ledger.Actor    `json:"actor"`
	RequestID string          `json:"requestId"`
}

// Failure says why an identity was not changed.
type Failure struct {
	Identity string `json:"identity"`
	Message  string `json:"message" doc:"What is wrong, and what is right."`
}

// MaxProblems is how many problems an operation keeps.
const MaxProblems = 20

// Result is what a batch has done.
type Result struct {
	Applied  int64     `json:"applied"`
	Failed   int64     `json:"failed"`
	Problems []Failure `json:"problems,omitempty"`
}
