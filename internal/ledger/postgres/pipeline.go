package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// session is a connection during one transaction. Statements are sent together: the
// statements between two calls of sync are one round trip.
//
// Statements are prepared if the server process belongs to the connection, which saves the
// server a third of its work. Otherwise they are unnamed, because a pooler may give every
// transaction another process. All parameters are arrays or single values in binary form.
//
// pgx.Batch does not replace this: it takes 50 more allocations a request and 8 % more CPU a
// transaction, and a trip of its own to prepare a statement.
type session struct {
	conn      *pgxpool.Conn
	pipe      *pgconn.Pipeline
	own       *prepared
	preparing []string // statements that were sent to be prepared, in their order
	broken    bool     // the connection must not be used again
}

// prepared is the state that a connection keeps from one session to the next.
type prepared struct {
	direct bool              // the server process of the last transaction belongs to the connection
	names  map[string]string // of prepared statements, by their text
}

// preparedOf returns the state that a connection keeps.
func preparedOf(conn *pgconn.PgConn) *prepared {
	const key = "ledger"
	p, ok := conn.CustomData()[key].(*prepared)
	if !ok {
		p = &prepared{names: make(map[string]string)}
		conn.CustomData()[key] = p
	}
	return p
}

// setServerProcess is called with the id of the server process that runs the transaction. A
// pooler invents the process id that it gives to a new connection. If both ids are the same,
// there is no pooler, or one that leaves the process to the connection.
func (s *session) setServerProcess(pid int64) {
	if s.own.direct = pid == int64(s.conn.Conn().PgConn().PID()); !s.own.direct {
		clear(s.own.names)
	}
}

// connect takes a connection from the pool until ctx ends.
func (l *Ledger) connect(ctx context.Context) (*session, error) {
	conn, err := l.pool.Acquire(ctx)
	if err != nil {
		return nil, &connectError{err}
	}
	c := conn.Conn().PgConn()
	return &session{conn: conn, pipe: c.StartPipeline(ctx), own: preparedOf(c)}, nil
}

// connectError says why there is no connection.
type connectError struct{ error }

func (e *connectError) Error() string { return "connect: " + e.error.Error() }

func (e *connectError) Unwrap() error { return e.error }

var binaryFormat = []int16{1}

// send adds a statement to the next trip.
func (s *session) send(sql string, params ...param) {
	values, oids := make([][]byte, len(params)), make([]uint32, len(params))
	for i, p := range params {
		values[i], oids[i] = p.value, p.oid
	}
	name, ok := s.own.names[sql]
	switch {
	case ok:
		s.pipe.SendQueryPrepared(name, values, binaryFormat, binaryFormat)
	case s.own.direct && sql != begin && sql != beginRead && sql != commit && !slices.Contains(s.preparing, sql): // begin and commit have no plan
		s.preparing = append(s.preparing, sql)
		s.pipe.SendPrepare(nameOf(sql), sql, oids)
		s.pipe.SendQueryPrepared(nameOf(sql), values, binaryFormat, binaryFormat)
	default:
		s.pipe.SendQueryParams(sql, values, oids, binaryFormat, binaryFormat)
	}
}

// nameOf returns the name under which a statement is prepared: its beginning, for people, and
// a hash of its text, so that the name is right even if another client has prepared it. It is
// shorter than the 63 bytes to which PostgreSQL cuts names.
func nameOf(sql string) string {
	sum := sha256.Sum256([]byte(sql))
	return sql[:min(len(sql), 24)] + " " + hex.EncodeToString(sum[:8])
}

// sendTable adds a statement with the rows of a table as its parameters.
func (s *session) sendTable(st statement, t *table) {
	if t.rows == 1 {
		s.send(st.one, t.values()...)
		return
	}
	s.send(st.many, t.arrays()...)
}

// sync makes the round trip. The results are then read statement by statement.
func (s *session) sync() error { return s.pipe.Sync() }

// each reads the rows of the next statement.
func (s *session) each(read func(r *record)) error {
	_, err := s.results(read)
	return err
}

// results is each, and returns how many rows the statement returned or changed.
func (s *session) results(read func(r *record)) (int64, error) {
	results, err := s.pipe.GetResults()
	if _, ok := results.(*pgconn.StatementDescription); ok && err == nil {
		sql := s.preparing[0]
		if s.preparing = s.preparing[1:]; s.own.direct { // this trip may have shown that it is not
			s.own.names[sql] = nameOf(sql)
		}
		results, err = s.pipe.GetResults()
	}
	if err != nil {
		return 0, err
	}
	rows, ok := results.(*pgconn.ResultReader)
	if !ok {
		return 0, fmt.Errorf("expected results, got %T", results)
	}
	var r record
	for rows.NextRow() {
		r.values, r.next = rows.Values(), 0
		if read != nil {
			read(&r)
		}
	}
	done, err := rows.Close()
	return done.RowsAffected(), err
}

// done reads to the end of a trip whose remaining statements return no rows.
func (s *session) done(statements int) error {
	for range statements {
		if err := s.each(nil); err != nil {
			return err
		}
	}
	results, err := s.pipe.GetResults()
	if err != nil {
		return err
	}
	if _, ok := results.(*pgconn.PipelineSync); !ok {
		return fmt.Errorf("expected the end of a round trip, got %T", results)
	}
	return nil
}

// close rolls back a transaction that is not committed, and returns the connection to the pool.
func (s *session) close() {
	c := s.conn.Conn()
	if err := s.pipe.Close(); err != nil {
		_, refused := errors.AsType[*pgconn.PgError](err)
		s.broken = s.broken || !refused
	}
	// If not all results were read, it is unknown which statements were prepared.
	s.broken = s.broken || len(s.preparing) > 0
	if !s.broken && c.PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.Background(), attemptTimeout)
		defer cancel()
		_, err := c.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		s.broken = err != nil
	}
	if !s.broken {
		s.conn.Release()
		return
	}
	// A broken connection leaves the pool at once: its place must not wait for a server that
	// hangs.
	c = s.conn.Hijack()
	ctx, cancel := context.WithTimeout(context.Background(), closeConnTimeout)
	defer cancel()
	_ = c.Close(ctx)
}

// closeConnTimeout limits the closing of a broken connection.
const closeConnTimeout = 100 * time.Millisecond

// query runs one statement in a transaction of its own, and returns how many rows it changed
// or returned.
func (l *Ledger) query(ctx context.Context, sql string, read func(r *record), params ...param) (rows int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	s, err := l.connect(ctx)
	if err != nil {
		return 0, err
	}
	defer s.close()
	s.send(setLimits, textParam(statementTimeout), textParam(changeLockTimeout))
	s.send(sql, params...)
	if err = errors.Join(s.sync(), s.each(nil)); err == nil {
		if rows, err = s.results(read); err == nil {
			err = s.done(0)
		}
	}
	s.broken = err != nil
	return rows, err
}

// param is a parameter in binary form.
type param struct {
	oid   uint32
	value []byte
}

// The types of parameters: their ids in PostgreSQL's catalog.
const boolOID, byteaOID, int8OID, textOID = 16, 17, 20, 25

// columnType is the type of a column: of a single value, and of an array of values.
type columnType struct{ element, array uint32 }

// columnTypes are the types that columns of statements may have.
var columnTypes = map[string]columnType{"bool": {boolOID, 1000}, "bytea": {byteaOID, 1001}, "int8": {int8OID, 1016}, "text": {textOID, 1009}}

func intParam(n int64) param {
	return param{int8OID, binary.BigEndian.AppendUint64(nil, uint64(n))}
}

func textParam(s string) param { return param{textOID, []byte(s)} }

func bytesParam(b []byte) param {
	if b == nil {
		b = []byte{} // nil would be NULL
	}
	return param{byteaOID, b}
}

// table is the rows of parameters of a statement. Each column is kept in the form in which an
// array is sent.
type table struct {
	types   []columnType
	columns [][]byte
	next    int
	rows    int
}

// arrayHeader is the length of what precedes an array's elements: dimensions, flags, the
// elements' type, their number, the first index.
const arrayHeader = 20

// rowsOf returns a table for a statement, and for other statements with the same columns.
func rowsOf(s statement) table { return table{types: s.types} }

// row begins a row. The caller then adds its columns in their order.
func (t *table) row() *table {
	if t.columns == nil {
		t.columns = make([][]byte, len(t.types))
	}
	t.rows, t.next = t.rows+1, 0
	return t
}

// add begins the next column's element of size bytes, which the caller then appends.
func (t *table) add(size int) *[]byte {
	c := &t.columns[t.next]
	t.next++
	if *c == nil {
		*c = make([]byte, arrayHeader, 64)
	}
	*c = binary.BigEndian.AppendUint32(*c, uint32(size))
	return c
}

func (t *table) text(values ...string) *table {
	for _, s := range values {
		c := t.add(len(s))
		*c = append(*c, s...)
	}
	return t
}

func (t *table) bytes(b []byte) *table {
	c := t.add(len(b))
	*c = append(*c, b...)
	return t
}

func (t *table) int(values ...int64) *table {
	for _, n := range values {
		c := t.add(8)
		*c = binary.BigEndian.AppendUint64(*c, uint64(n))
	}
	return t
}

func (t *table) bool(b bool) *table {
	c := t.add(1)
	if b {
		*c = append(*c, 1)
	} else {
		*c = append(*c, 0)
	}
	return t
}

// values returns the values of the only row.
func (t *table) values() []param {
	params := make([]param, len(t.columns))
	for i, c := range t.columns {
		params[i] = param{t.types[i].element, c[arrayHeader+4:]} // after the element's length
	}
	return params
}

// arrays returns the columns as arrays. The table must have at least one row.
func (t *table) arrays() []param {
	params := make([]param, len(t.columns))
	for i, c := range t.columns {
		binary.BigEndian.PutUint32(c[0:], 1)
		binary.BigEndian.PutUint32(c[8:], t.types[i].element)
		binary.BigEndian.PutUint32(c[12:], uint32(t.rows))
		binary.BigEndian.PutUint32(c[16:], 1)
		params[i] = param{t.types[i].array, c}
	}
	return params
}

// record is a row of a result, read column by column.
type record struct {
	values [][]byte
	next   int
}

func (r *record) bytes() []byte {
	v := r.values[r.next]
	r.next++
	return v
}

func (r *record) text() string { return string(r.bytes()) }

func (r *record) bool() bool { return r.bytes()[0] != 0 }

// int reads an integer of any size.
func (r *record) int() int64 {
	switch v := r.bytes(); len(v) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(v)))
	case 4:
		return int64(int32(binary.BigEndian.Uint32(v)))
	default:
		return int64(binary.BigEndian.Uint64(v))
	}
}
