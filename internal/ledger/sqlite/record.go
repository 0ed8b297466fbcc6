package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/airatelimit/airatelimit/internal/ledger"
	"github.com/airatelimit/airatelimit/internal/limit"
)

// The kinds of changes in a record of the journal. A change is its kind, one byte, and its
// fields in the order in which the functions below write them: numbers are varints, strings
// follow their length. Changes are staged in the order in which they happen and merged when
// they are read.
const (
	changeOpened   byte = iota + 1 // a hold
	changeClosed                   // the end of a hold
	changeUsed                     // an amount to be added to a row of usage
	changeRow                      // an account's row, whole
	changeReset                    // the usage of a period is removed
	changeOldEntry                 // a line in the audit trail, from a version without actors
	changeOnce                     // an idempotency key and the answer
	changeEntry                    // a line in the audit trail
)

// hold is a limit.Hold as the journal and the tables keep it.
type hold struct {
	id              uint64
	key             ledger.Key
	model, tier     string
	at              micros
	amounts, credit limit.Amounts
}

// reset removes the usage of a period.
type reset struct {
	requests, tokens bool
	from, to         int64 // hours
}

// writtenRow is an account's row, read from the journal.
type writtenRow struct {
	known                bool
	isNew                bool   // the identity did not exist before
	settings             string // JSON; "" for none
	credits              limit.Amounts
	unlimited            micros
	burst                int64 // Unix nanoseconds, 0 for none
	createdAt, updatedAt micros
}

type entry struct {
	project string
	at      micros
	ledger.Entry
}

type onceRow struct {
	project string
	once    ledger.Once
	outcome ledger.Outcome // without its audit trail
	at      micros
}

func appendOpened(b []byte, key ledger.Key, h *limit.Hold) []byte {
	b = appendKey(append(b, changeOpened), key)
	b = binary.AppendUvarint(b, h.ID)
	b = appendString(appendString(b, h.Model), h.Tier)
	b = binary.AppendVarint(b, h.At.UnixMicro())
	return appendAmounts(appendAmounts(b, h.Amounts), h.Credit)
}

func appendClosed(b []byte, id uint64) []byte {
	return binary.AppendUvarint(append(b, changeClosed), id)
}

func appendUsed(b []byte, key ledger.Key, u *ledger.UsageRow) []byte {
	b = appendKey(append(b, changeUsed), key)
	b = binary.AppendVarint(b, u.Hour)
	b = appendString(appendString(b, u.Model), u.Tier)
	b = appendAmounts(appendAmounts(b, u.Counted), u.Credited)
	return binary.AppendVarint(binary.AppendVarint(b, u.Input), u.Output)
}

// isKnown and isNew are the bits of a row's flags. Earlier versions read any flags as known.
const isKnown, isNew = 1, 2

// appendRow writes the account's current row.
func appendRow(b []byte, a *account) []byte {
	b = appendKey(append(b, changeRow), a.key)
	b = append(b, a.row.flags())
	a.row.isNew = false
	b = appendAmounts(appendString(b, a.row.settings.text()), a.state.Credits)
	b = binary.AppendVarint(b, int64(microsOf(a.state.UnlimitedUntil)))
	b = binary.AppendVarint(b, nanosOf(a.state.Burst))
	return binary.AppendVarint(binary.AppendVarint(b, int64(a.row.createdAt)), int64(a.row.updatedAt))
}

func appendReset(b []byte, key ledger.Key, r *reset) []byte {
	b = appendKey(append(b, changeReset), key)
	b = appendBool(appendBool(b, r.requests), r.tokens)
	return binary.AppendVarint(binary.AppendVarint(b, r.from), r.to)
}

func appendEntry(b []byte, e *entry) []byte {
	b = appendString(append(b, changeEntry), e.project)
	b = binary.AppendVarint(b, int64(e.at))
	for _, s := range [...]string{e.Identity, e.Action, e.Reason, string(e.Detail), string(e.Actor.Kind), e.Actor.ID,
		e.Actor.Email, e.Target, string(e.Changes), e.RequestID} {
		b = appendString(b, s)
	}
	return b
}

func appendOnce(b []byte, o *onceRow) []byte {
	b = appendString(appendString(append(b, changeOnce), o.project), o.once.Key)
	b = append(b, o.once.Fingerprint[:]...)
	b = binary.AppendVarint(b, int64(o.outcome.Status))
	b = appendString(b, string(o.outcome.Body))
	return binary.AppendVarint(b, int64(o.at))
}

func appendKey(b []byte, key ledger.Key) []byte {
	return appendString(appendString(b, key.Project), key.Identity)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendAmounts(b []byte, a limit.Amounts) []byte {
	for _, n := range a {
		b = binary.AppendVarint(b, n)
	}
	return b
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// errUnreadable is for changes that are complete but unknown. They are not damaged, so the
// process must not start without them.
var errUnreadable = errors.New("the journal has changes that this version cannot read: start a version that is not older than the one that wrote it")

// decoder reads the output of the functions above. After a failure it returns zeros.
type decoder struct {
	b      []byte
	failed bool
	m      *merge
}

// decode adds the changes of a record to m.
func decode(changes []byte, m *merge) error {
	d := decoder{b: changes, m: m}
	for len(d.b) > 0 && !d.failed {
		kind := d.b[0]
		d.b = d.b[1:]
		switch kind {
		case changeOpened:
			m.open(d.hold())
		case changeClosed:
			m.close(d.uint())
		case changeUsed:
			delta := m.delta(d.bytes(), d.bytes())
			delta.usage = ledger.AddUsage(delta.usage, d.usage())
		case changeRow:
			m.delta(d.bytes(), d.bytes()).setRow(d.row())
		case changeReset:
			m.delta(d.bytes(), d.bytes()).reset = d.reset()
		case changeOldEntry:
			e := d.oldEntry()
			e.Actor.Kind = ledger.SecretKey // there was no other caller
			m.entries = append(m.entries, e)
		case changeEntry:
			m.entries = append(m.entries, d.entry())
		case changeOnce:
			m.onces = append(m.onces, d.once())
		default:
			return fmt.Errorf("%w: kind %d", errUnreadable, kind)
		}
	}
	if d.failed {
		return errUnreadable
	}
	return nil
}

func (d *decoder) hold() hold {
	return hold{key: ledger.Key{Project: d.name(), Identity: d.string()}, id: d.uint(), model: d.name(), tier: d.name(),
		at: micros(d.int()), amounts: d.amounts(), credit: d.amounts()}
}

func (d *decoder) usage() ledger.UsageRow {
	return ledger.UsageRow{Hour: d.int(), Model: d.name(), Tier: d.name(),
		Counted: d.amounts(), Credited: d.amounts(), Input: d.int(), Output: d.int()}
}

func (d *decoder) row() *writtenRow {
	flags := d.flags()
	return &writtenRow{known: flags&isKnown != 0, isNew: flags&isNew != 0, settings: d.string(), credits: d.amounts(),
		unlimited: micros(d.int()), burst: d.int(), createdAt: micros(d.int()), updatedAt: micros(d.int())}
}

func (d *decoder) reset() *reset {
	return &reset{requests: d.bool(), tokens: d.bool(), from: d.int(), to: d.int()}
}

func (d *decoder) entry() entry {
	e := d.oldEntry()
	e.Actor = ledger.Actor{Kind: ledger.ActorKind(d.string()), ID: d.string(), Email: d.string()}
	e.Target, e.Changes, e.RequestID = d.string(), []byte(d.string()), d.string()
	return e
}

func (d *decoder) oldEntry() entry {
	return entry{project: d.string(), at: micros(d.int()),
		Entry: ledger.Entry{Identity: d.string(), Action: d.string(), Reason: d.string(), Detail: []byte(d.string())}}
}

func (d *decoder) once() onceRow {
	o := onceRow{project: d.string(), once: ledger.Once{Key: d.string()}}
	copy(o.once.Fingerprint[:], d.take(uint64(len(o.once.Fingerprint))))
	o.outcome.Status, o.outcome.Body, o.at = int(d.int()), []byte(d.string()), micros(d.int())
	return o
}

// take returns the next n bytes, which are part of the record.
func (d *decoder) take(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	p := d.b[:n]
	d.b = d.b[n:]
	return p
}

func (d *decoder) bytes() []byte  { return d.take(d.uint()) }
func (d *decoder) string() string { return string(d.bytes()) }

// name reads a string that is in many changes.
func (d *decoder) name() string { return d.m.name(d.bytes()) }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.b)
	if d.skip(size) {
		return n
	}
	return 0
}

func (d *decoder) int() int64 {
	n, size := binary.Varint(d.b)
	if d.skip(size) {
		return n
	}
	return 0
}

// skip skips a varint of a size that encoding/binary has returned. A size that is not positive
// means that there is no varint.
func (d *decoder) skip(size int) bool {
	if d.failed || size <= 0 {
		d.failed = true
		return false
	}
	d.b = d.b[size:]
	return true
}

func (d *decoder) bool() bool { return d.flags() != 0 }

func (d *decoder) flags() byte {
	if b := d.take(1); len(b) == 1 {
		return b[0]
	}
	return 0
}

func (d *decoder) amounts() (a limit.Amounts) {
	for m := range a {
		a[m] = d.int()
	}
	return a
}
