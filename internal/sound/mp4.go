package sound

import "encoding/binary"

// mp4File collects the contents of the boxes of an MP4 or M4A file (ISO/IEC 14496-12).
type mp4File struct {
	claimed int64 // the longest length that any box claims, in microseconds
	movie   int64 // the movie's time units a second
	media   int64 // the time units a second of the current or last track
	frames  int64 // samples in the tables of all tracks
	rate    int64 // the lowest sampling rate of any track; 0: none yet
	foreign bool  // a track has a codec whose frames have no known length
	broken  bool
}

// aacFrame is the length of a frame of AAC in samples at the core's sampling rate (ISO/IEC 14496-3).
const aacFrame = 1024

// mp4 returns the longer of two lengths: that of the frames in the file's tables, at its lowest sampling rate, and the
// longest that a box claims.
func mp4(file []byte) (us int64, known bool) {
	var f mp4File
	f.boxes(file, 0)
	if f.broken || f.foreign || f.rate == 0 {
		return 0, false
	}
	return max(f.claimed, lasting(f.frames*aacFrame, f.rate)), true
}

// boxes reads the boxes of a container.
func (f *mp4File) boxes(p []byte, depth int) {
	for len(p) >= 8 && !f.broken {
		size, head := int64(binary.BigEndian.Uint32(p)), int64(8)
		kind := string(p[4:8])
		switch {
		case size == 1 && len(p) >= 16:
			size, head = int64(binary.BigEndian.Uint64(p[8:])), 16
		case size == 0:
			size = int64(len(p))
		}
		if size > int64(len(p)) && kind == "mdat" {
			return // cut off in the middle of the sound
		}
		if size < head || size > int64(len(p)) || depth > 12 {
			f.broken = true
			return
		}
		f.box(kind, p[head:size], depth)
		p = p[size:]
	}
}

func (f *mp4File) box(kind string, p []byte, depth int) {
	switch kind {
	case "moov", "trak", "mdia", "minf", "stbl", "edts", "mvex", "moof", "traf":
		f.boxes(p, depth+1)
	case "mvhd":
		f.movie = f.header(p)
	case "mdhd":
		f.media = f.header(p)
	case "tkhd": // its length is that of its edits, in the movie's time units
		f.claim(field(p, 20, 28), f.movie)
	case "mehd":
		f.claim(field(p, 4, 4), f.movie)
	case "elst":
		f.edits(p)
	case "stts":
		f.times(p)
	case "stsz", "stz2":
		f.count(p, 8)
	case "trun":
		f.run(p)
	case "stsd":
		f.description(p)
	}
}

// field reads a time: by the box's version, 32 bits at the offset short or 64 bits at the offset long.
func field(p []byte, short, long int) int64 {
	switch {
	case len(p) > 0 && p[0] == 1 && len(p) >= long+8:
		return int64(binary.BigEndian.Uint64(p[long:]) &^ (1 << 63))
	case len(p) > 0 && p[0] == 0 && len(p) >= short+4:
		if n := binary.BigEndian.Uint32(p[short:]); n != 0xffffffff {
			return int64(n)
		}
	}
	return 0
}

func (f *mp4File) claim(n, scale int64) {
	if n > 0 {
		f.claimed = max(f.claimed, lasting(n, scale))
	}
}

// header reads mvhd or mdhd and returns its time units a second.
func (f *mp4File) header(p []byte) int64 {
	at := 12
	if len(p) > 0 && p[0] == 1 {
		at = 20
	}
	if len(p) < at+8 {
		f.broken = true
		return 0
	}
	scale := int64(binary.BigEndian.Uint32(p[at:]))
	f.claim(field(p, 16, 24), scale)
	return scale
}

// edits adds up the segments of an edit list, which may show the same sound more than once.
func (f *mp4File) edits(p []byte) {
	entry, sum := 12, int64(0)
	if len(p) > 0 && p[0] == 1 {
		entry = 20
	}
	for at := 8; at+entry <= len(p); at += entry {
		n := int64(binary.BigEndian.Uint32(p[at:]))
		if entry == 20 {
			n = int64(binary.BigEndian.Uint64(p[at:]) &^ (1 << 63))
		}
		sum = plus(sum, n)
	}
	f.claim(sum, f.movie)
}

// times adds up the lengths that stts gives its samples.
func (f *mp4File) times(p []byte) {
	sum, count := int64(0), int64(0)
	for at := 8; at+8 <= len(p); at += 8 {
		n, each := int64(binary.BigEndian.Uint32(p[at:])), int64(binary.BigEndian.Uint32(p[at+4:]))
		count = plus(count, n)
		if n > 0 && each > most/n {
			sum = most
		} else {
			sum = plus(sum, n*each)
		}
	}
	f.claim(sum, f.media)
}

func (f *mp4File) count(p []byte, at int) {
	if len(p) < at+4 {
		f.broken = true
		return
	}
	f.frames += int64(binary.BigEndian.Uint32(p[at:]))
}

// run reads the number and the length of a fragment's samples. The length is in the track's time units.
func (f *mp4File) run(p []byte) {
	f.count(p, 4)
	if len(p) < 8 {
		return
	}
	flags := binary.BigEndian.Uint32(p) & 0xffffff
	at, entry := 8, 0
	for _, flag := range [...]uint32{0x1, 0x4} {
		if flags&flag != 0 {
			at += 4
		}
	}
	for _, flag := range [...]uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&flag != 0 {
			entry += 4
		}
	}
	if flags&0x100 == 0 {
		return
	}
	sum := int64(0)
	for ; at+entry <= len(p); at += entry {
		sum = plus(sum, int64(binary.BigEndian.Uint32(p[at:])))
	}
	f.claimed = plus(f.claimed, lasting(sum, f.media))
}

// description reads the codec and the sampling rate of a track.
func (f *mp4File) description(p []byte) {
	for p = p[min(8, len(p)):]; len(p) >= 36; {
		size := int64(binary.BigEndian.Uint32(p))
		if size < 36 || size > int64(len(p)) {
			f.broken = true
			return
		}
		entry := p[:size]
		p = p[size:]
		switch string(entry[4:8]) {
		case "mp4a":
			rate := int64(binary.BigEndian.Uint16(entry[32:]))
			if own := aacRate(entry[36:]); own > 0 {
				rate = min(rate, own)
			} else {
				f.foreign = true
			}
			if rate == 0 {
				f.foreign = true
			} else if f.rate == 0 || rate < f.rate {
				f.rate = rate
			}
		case "avc1", "avc3", "hvc1", "hev1", "mp4v", "av01", "vp09", "tx3g", "text", "tmcd": // video and subtitles
		default:
			f.foreign = true
		}
	}
}

var aacSampling = [...]int64{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// aacRate finds the decoder's configuration in a sample entry's esds box and returns the core's sampling rate, 0 if it is
// not AAC (ISO/IEC 14496-1, section 7.2.6; 14496-3, section 1.6.2.1).
func aacRate(boxes []byte) int64 {
	at := 0
	for ; at+8 <= len(boxes) && string(boxes[at+4:at+8]) != "esds"; at++ {
	}
	p := boxes[min(at+12, len(boxes)):]
	for len(p) >= 2 {
		tag, size, n := p[0], 0, 1
		for n < len(p) && n <= 4 {
			size = size<<7 | int(p[n]&0x7f)
			n++
			if p[n-1]&0x80 == 0 {
				break
			}
		}
		p = p[n:]
		switch tag {
		case 3: // the stream: its id and flags, then its contents
			p = p[min(3, len(p)):]
		case 4: // the decoder: MPEG-4 audio or MPEG-2's three profiles of AAC
			if len(p) < 13 || p[0] != 0x40 && (p[0] < 0x66 || p[0] > 0x68) {
				return 0
			}
			p = p[13:]
		case 5:
			return aacConfig(p[:min(size, len(p))])
		default:
			p = p[min(size, len(p)):]
		}
	}
	return 0
}

func aacConfig(p []byte) int64 {
	if len(p) < 2 {
		return 0
	}
	bits := uint64(0)
	for i := range 8 {
		bits <<= 8
		if i < len(p) {
			bits |= uint64(p[i])
		}
	}
	take := func(n uint) uint64 {
		v := bits >> (64 - n)
		bits <<= n
		return v
	}
	switch take(5) {
	case 1, 2, 3, 4, 5, 29: // AAC, with or without spectral band replication
	default:
		return 0
	}
	index := take(4)
	if index == 15 {
		return int64(take(24))
	}
	if index >= uint64(len(aacSampling)) {
		return 0
	}
	return aacSampling[index]
}
