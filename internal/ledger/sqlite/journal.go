package sqlite

import (
	"bufio"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math"
	"os"
)

// The journal is two files beside the database, the segments. Records are appended to one of
// them. A segment begins with magic and the epoch of its process, 8 bytes each. Records follow:
//
//	checksum  uint32  CRC-32C of all that follows
//	length    uint32  of the changes, in bytes
//	sequence  uint64  the sequence of the previous record plus one
//	changes           see record.go
//
// Numbers are little-endian. A record is valid only if it is complete and all records before
// it are valid.
const (
	magic         = "airljnl\x01"
	segmentHeader = 16
	recordHeader  = 16
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// The reasons why the reading of a segment ends, besides io.EOF.
var (
	errTorn    = errors.New("the journal ends within a record")
	errCorrupt = errors.New("the journal is damaged")
	errGap     = errors.New("records are missing between the database and its journal")
	errForeign = errors.New("the journal belongs to another state of the database")
)

// seal fills in the header of a record, which is followed by its changes.
func seal(record []byte, sequence uint64) {
	binary.LittleEndian.PutUint32(record[4:], uint32(len(record)-recordHeader))
	binary.LittleEndian.PutUint64(record[8:], sequence)
	binary.LittleEndian.PutUint32(record, crc32.Checksum(record[4:], castagnoli))
}

// segment is one of the journal's files.
type segment struct {
	file *os.File
	size int64 // of the complete records; a failed append may have left bytes after them
}

func openSegment(path string) (*segment, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &segment{file: f, size: size}, nil
}

// append adds complete records. The bytes that a failed append leaves in the file do no harm:
// the next append overwrites them, and after a crash they end the reading of the journal.
func (s *segment) append(epoch uint64, records []byte) error {
	at := s.size
	if at == 0 {
		header := binary.LittleEndian.AppendUint64([]byte(magic), epoch)
		if _, err := s.file.WriteAt(header, 0); err != nil {
			return err
		}
		at = segmentHeader
	}
	if _, err := s.file.WriteAt(records, at); err != nil {
		return err
	}
	s.size = at + int64(len(records))
	return nil
}

// clear makes the segment empty.
func (s *segment) clear() error {
	if err := s.file.Truncate(0); err != nil {
		return err
	}
	s.size = 0
	return nil
}

// close closes the file, and removes it if remove is true.
func (s *segment) close(remove bool) error {
	err := s.file.Close()
	if remove {
		err = errors.Join(err, os.Remove(s.file.Name()))
	}
	return err
}

// records reads the segment from its beginning. It returns errForeign if the segment is of
// another epoch.
func (s *segment) records(epoch uint64) (*records, error) {
	return readRecords(s.file, s.size, epoch)
}

// first returns the sequence of the first record, or the highest number if there is none.
func (s *segment) first(epoch uint64) uint64 {
	rs, err := s.records(epoch)
	if err != nil {
		return math.MaxUint64
	}
	sequence, _, err := rs.next()
	if err != nil {
		return math.MaxUint64
	}
	return sequence
}

// records reads records one after the other. A damaged length cannot make it take more memory
// than there are bytes left to read.
type records struct {
	r        *bufio.Reader
	left     int64 // bytes that are not read yet
	sequence uint64
	record   []byte
}

func readRecords(r io.ReaderAt, size int64, epoch uint64) (*records, error) {
	rs := &records{r: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), left: size}
	if size == 0 {
		return rs, nil
	}
	var header [segmentHeader]byte
	if err := rs.read(header[:]); err != nil {
		return rs, err
	}
	switch {
	case string(header[:8]) != magic:
		return rs, errCorrupt
	case binary.LittleEndian.Uint64(header[8:]) != epoch:
		return rs, errForeign
	}
	return rs, nil
}

// next returns the changes of the next record, which are valid until the next call. It
// returns io.EOF at the end, errTorn if the segment ends within a record, and errCorrupt if
// the checksum or the sequence of the record is wrong.
func (rs *records) next() (sequence uint64, changes []byte, err error) {
	if rs.left == 0 {
		return 0, nil, io.EOF
	}
	left := rs.left
	defer func() {
		if err != nil {
			rs.left = left // the record was not read
		}
	}()
	rs.record = append(rs.record[:0], make([]byte, recordHeader)...)
	if err := rs.read(rs.record); err != nil {
		return 0, nil, err
	}
	length := int64(binary.LittleEndian.Uint32(rs.record[4:]))
	if length > rs.left {
		return 0, nil, errTorn
	}
	rs.record = append(rs.record, make([]byte, length)...)
	if err := rs.read(rs.record[recordHeader:]); err != nil {
		return 0, nil, err
	}
	sequence = binary.LittleEndian.Uint64(rs.record[8:])
	if crc32.Checksum(rs.record[4:], castagnoli) != binary.LittleEndian.Uint32(rs.record) ||
		rs.sequence != 0 && sequence != rs.sequence+1 {
		return 0, nil, errCorrupt
	}
	rs.sequence = sequence
	return sequence, rs.record[recordHeader:], nil
}

func (rs *records) read(p []byte) error {
	if int64(len(p)) > rs.left {
		return errTorn
	}
	n, err := io.ReadFull(rs.r, p)
	rs.left -= int64(n)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errTorn // the file is shorter than when it was opened
	}
	return err
}
