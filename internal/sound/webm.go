package sound

import (
	"bytes"
	"encoding/binary"
	"math"
)

// Elements of Matroska and WebM (RFC 9559, section 5.1).
const (
	ebmlSegment   = 0x18538067
	ebmlInfo      = 0x1549a966
	ebmlScale     = 0x2ad7b1
	ebmlDuration  = 0x4489
	ebmlTracks    = 0x1654ae6b
	ebmlEntry     = 0xae
	ebmlNumber    = 0xd7
	ebmlCodec     = 0x86
	ebmlEncodings = 0x6d80
	ebmlCluster   = 0x1f43b675
	ebmlTime      = 0xe7
	ebmlSimple    = 0xa3
	ebmlGroup     = 0xa0
	ebmlBlock     = 0xa1
	ebmlBlockTime = 0x9b
)

// cutOff is the most bytes that a truncated file can have of its last element.
const cutOff = 16

// webmFile collects the contents of the elements.
type webmFile struct {
	scale    int64           // nanoseconds a unit of time
	duration float64         // in those units
	opus     map[uint64]bool // the tracks of Opus, by number
	foreign  bool            // a track of another codec
	number   uint64          // the number of the current track
	cluster  int64           // the time of the current cluster
	last     int64           // the latest time of a block, in units
	us       int64           // the length of the packets so far
}

// webm adds up the packets of Opus. Other elements can only raise the sum.
func webm(file []byte) (us int64, known bool) {
	f := webmFile{scale: 1_000_000, opus: map[uint64]bool{}}
	for len(file) > 0 {
		id, n := ebmlID(file)
		size, m, endless := ebmlSize(file[n:])
		if n == 0 || m == 0 {
			if len(file) > cutOff {
				return 0, false // a decoder looks for the next element; its finding is unknown
			}
			break
		}
		file = file[n+m:]
		switch id {
		case ebmlEntry:
			f.number = 0
			continue
		case ebmlSegment, ebmlInfo, ebmlTracks, ebmlCluster, ebmlGroup:
			continue // their content follows; their end does not matter
		}
		if endless || size > uint64(len(file)) && id != ebmlSimple && id != ebmlBlock {
			return 0, false
		}
		body := file[:min(size, uint64(len(file)))]
		f.element(id, body)
		file = file[len(body):]
	}
	if f.foreign || len(f.opus) == 0 {
		return 0, false
	}
	ends := float64(f.last)
	claimed := math.Max(ends, f.duration) * float64(f.scale) / 1000
	if !(claimed < most) {
		return most, true
	}
	return max(f.us, int64(claimed)+longestOpus), true
}

func (f *webmFile) element(id uint64, p []byte) {
	switch id {
	case ebmlScale:
		f.scale = max(f.scale, min(ebmlInt(p), most))
	case ebmlDuration:
		switch len(p) {
		case 4:
			f.duration = math.Max(f.duration, float64(math.Float32frombits(binary.BigEndian.Uint32(p))))
		case 8:
			f.duration = math.Max(f.duration, math.Float64frombits(binary.BigEndian.Uint64(p)))
		}
	case ebmlNumber:
		f.foreign = f.foreign || f.number != 0
		f.number = uint64(ebmlInt(p))
	case ebmlEncodings:
		f.foreign = true // the first bytes of the packets are stored elsewhere
	case ebmlCodec:
		switch {
		case f.number == 0:
			f.foreign = true // the codec came before its track's number; no recorder writes that
		case string(p) == "A_OPUS":
			f.opus[f.number] = true
		case !bytes.HasPrefix(p, []byte("V_")) && !bytes.HasPrefix(p, []byte("S_")):
			f.foreign = true
		}
	case ebmlTime:
		f.cluster = min(ebmlInt(p), most)
	case ebmlBlockTime:
		f.last = max(f.last, plus(f.last, min(ebmlInt(p), most)))
	case ebmlSimple, ebmlBlock:
		f.block(p)
	}
}

// block reads the packets of a block. A laced block, which recorders do not write, counts as long as it can be.
func (f *webmFile) block(p []byte) {
	track, n, _ := ebmlSize(p)
	if n == 0 || len(p) < n+3 || !f.opus[track] {
		return
	}
	at, flags := int64(int16(binary.BigEndian.Uint16(p[n:]))), p[n+2]
	f.last = max(f.last, f.cluster+at)
	p = p[n+3:]
	if flags&0x06 != 0 {
		frames := int64(1)
		if len(p) > 0 {
			frames += int64(p[0])
		}
		f.us = plus(f.us, frames*longestOpus)
		return
	}
	f.us = plus(f.us, opus(p))
}

// ebmlID reads an element's id with its marker; n is 0 if there is none.
func ebmlID(p []byte) (id uint64, n int) {
	if len(p) == 0 {
		return 0, 0
	}
	for n = 1; n <= 4; n++ {
		if p[0]&(0x80>>(n-1)) != 0 {
			break
		}
	}
	if n > 4 || len(p) < n {
		return 0, 0
	}
	for _, b := range p[:n] {
		id = id<<8 | uint64(b)
	}
	return id, n
}

// ebmlSize reads an element's size, or a track's number, without its marker; n is 0 if there is none. endless says that
// the size is unknown.
func ebmlSize(p []byte) (size uint64, n int, endless bool) {
	if len(p) == 0 {
		return 0, 0, false
	}
	for n = 1; n <= 8; n++ {
		if p[0]&(0x80>>(n-1)) != 0 {
			break
		}
	}
	if n > 8 || len(p) < n {
		return 0, 0, false
	}
	size = uint64(p[0]) &^ (0x80 >> (n - 1))
	for _, b := range p[1:n] {
		size = size<<8 | uint64(b)
	}
	return size, n, size == 1<<(7*n)-1
}

func ebmlInt(p []byte) (n int64) {
	for _, b := range p[:min(len(p), 8)] {
		n = n<<8 | int64(b)
	}
	return n &^ math.MinInt64
}
