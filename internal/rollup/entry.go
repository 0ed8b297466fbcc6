// Package rollup adds usage up for reports. It holds what the ledgers, the gateway's counters and the database's rollups
// share: the entries that wait to be added up, the identities with the largest sums, and the figures that reports answer.
//
// A ledger appends the entries of a transaction to that transaction. One process takes them out again, in the transaction
// that adds them to the rollups. So each is counted once, whatever crashes.
package rollup

import (
	"encoding/binary"
	"errors"
)

// Kind says what an entry counts.
type Kind byte

// The kinds. Their numbers are stored.
const (
	// Used is settled usage of an identity: Identity, Model, Tier, Hour, and the amounts.
	Used Kind = iota + 1
	// Created is an identity that did not exist before: Hour.
	Created
	// Ended is requests with one outcome: Outcome, Code, Metric, Model, Tier, Hour, At of the last, and the amounts charged.
	Ended
	// Turned is refused requests of an identity: Identity, Hour, Requests, and in Tokens how many more it may have had.
	Turned
	// Near is how far an identity has used a limit: Identity, Tier, Metric, Scope, Model, At of the reset, Requests for the
	// amount used and Tokens for the limit.
	Near
)

// Entry is one thing to be added to the rollups. Its kind says which fields it has.
type Entry struct {
	Kind                     Kind
	Project, Identity        string
	Model, Tier              string
	Outcome, Code            string
	Metric, Scope            string
	Hour                     int64 // Unix hours
	At                       int64 // Unix microseconds
	Requests, Tokens, Micros int64
}

const (
	mostTexts   = 6
	mostFigures = 5
)

// fields lists the fields that a kind has besides the project, in the order in which they are written. The places after
// them are nil. It reports false for an unknown kind.
func (e *Entry) fields() (texts [mostTexts]*string, figures [mostFigures]*int64, known bool) {
	switch e.Kind {
	case Used:
		return [mostTexts]*string{&e.Identity, &e.Model, &e.Tier}, [mostFigures]*int64{&e.Hour, &e.Requests, &e.Tokens, &e.Micros}, true
	case Created:
		return texts, [mostFigures]*int64{&e.Hour}, true
	case Ended:
		return [mostTexts]*string{&e.Outcome, &e.Code, &e.Metric, &e.Model, &e.Tier},
			[mostFigures]*int64{&e.Hour, &e.At, &e.Requests, &e.Tokens, &e.Micros}, true
	case Turned:
		return [mostTexts]*string{&e.Identity}, [mostFigures]*int64{&e.Hour, &e.Requests, &e.Tokens}, true
	case Near:
		return [mostTexts]*string{&e.Identity, &e.Tier, &e.Metric, &e.Scope, &e.Model},
			[mostFigures]*int64{&e.At, &e.Requests, &e.Tokens}, true
	}
	return texts, figures, false
}

// Writer encodes entries. The zero value is ready. A text that equals the one in the same place of the entry before takes
// one byte.
type Writer struct {
	b    []byte
	last [mostTexts]string
}

// Add appends an entry, whose kind must be known.
func (w *Writer) Add(e *Entry) {
	texts, figures, _ := e.fields()
	w.b = append(w.b, byte(e.Kind))
	w.text(0, e.Project)
	for i, s := range texts {
		if s != nil {
			w.text(1+i, *s)
		}
	}
	for _, n := range figures {
		if n != nil {
			w.b = binary.AppendVarint(w.b, *n)
		}
	}
}

func (w *Writer) text(place int, s string) {
	if w.last[place] == s {
		w.b = append(w.b, 0)
		return
	}
	w.last[place] = s
	w.b = append(binary.AppendUvarint(w.b, uint64(len(s))+1), s...)
}

// Bytes returns the encoded entries, nil if there are none.
func (w *Writer) Bytes() []byte { return w.b }

// Reset makes the writer empty and keeps its memory.
func (w *Writer) Reset() { *w = Writer{b: w.b[:0]} }

// ErrUnreadable means that entries are damaged or of a newer version.
var ErrUnreadable = errors.New("rollup: unreadable entries")

// Read calls do with each entry. The entry is valid until do returns.
func Read(data []byte, do func(e *Entry)) error {
	r := reader{b: data}
	var e Entry
	for len(r.b) > 0 {
		e = Entry{Kind: Kind(r.b[0])}
		r.b = r.b[1:]
		texts, figures, known := e.fields()
		if !known {
			return ErrUnreadable
		}
		e.Project = r.text(0)
		for i, s := range texts {
			if s != nil {
				*s = r.text(1 + i)
			}
		}
		for _, n := range figures {
			if n != nil {
				*n = r.figure()
			}
		}
		if r.failed {
			return ErrUnreadable
		}
		do(&e)
	}
	return nil
}

type reader struct {
	b      []byte
	last   [mostTexts]string
	failed bool
}

func (r *reader) text(place int) string {
	n, size := binary.Uvarint(r.b)
	switch {
	case r.failed || size <= 0 || n > uint64(len(r.b)-size)+1:
		r.failed = true
		return ""
	case n == 0:
		r.b = r.b[size:]
		return r.last[place]
	}
	r.last[place] = string(r.b[size : size+int(n)-1])
	r.b = r.b[size+int(n)-1:]
	return r.last[place]
}

func (r *reader) figure() int64 {
	n, size := binary.Varint(r.b)
	if r.failed || size <= 0 {
		r.failed = true
		return 0
	}
	r.b = r.b[size:]
	return n
}
