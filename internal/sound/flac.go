package sound

import (
	"bytes"
	"encoding/binary"
)

// crc8 is the table of x^8+x^2+x+1, the checksum of a FLAC frame's header (RFC 9639, section 9.1.8).
var crc8 = func() (table [256]byte) {
	for i := range table {
		c := byte(i)
		for range 8 {
			if c&0x80 != 0 {
				c = c<<1 ^ 0x07
			} else {
				c <<= 1
			}
		}
		table[i] = c
	}
	return table
}()

// flac adds up every frame that a decoder can find: a frame with a right checksum of its header. The file's own count of
// samples may raise the sum. The file starts with fLaC and STREAMINFO (RFC 9639, section 8.2).
func flac(file []byte) (us int64, known bool) {
	const head = 4 + 4 + 18
	if len(file) < head || file[4]&0x7f != 0 {
		return 0, false
	}
	info := file[8:]
	rate := int64(info[10])<<12 | int64(info[11])<<4 | int64(info[12])>>4
	if rate == 0 {
		return 0, false
	}
	samples := int64(info[13]&0x0f)<<32 | int64(binary.BigEndian.Uint32(info[14:]))
	return max(flacFrames(file, rate), lasting(samples, rate)), true
}

func flacFrames(file []byte, rate int64) (us int64) {
	for {
		i := bytes.IndexByte(file, 0xff)
		if i < 0 {
			return us
		}
		file = file[i:]
		samples, own, ok := flacHeader(file)
		if ok {
			if own == 0 {
				own = rate
			}
			us = plus(us, lasting(samples, own))
		}
		file = file[1:]
	}
}

var flacSampling = [...]int64{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}

// flacHeader reads the header of a frame (RFC 9639, section 9.1). rate is 0 if it is the rate of STREAMINFO.
func flacHeader(p []byte) (samples, rate int64, ok bool) {
	if len(p) < 6 || p[0] != 0xff || p[1]&0xfe != 0xf8 || p[3]&1 != 0 || p[3]>>4 > 10 || p[3]>>1&7 == 3 {
		return 0, 0, false
	}
	size, sampling := p[2]>>4, p[2]&0x0f
	if size == 0 || sampling == 15 {
		return 0, 0, false
	}
	at := 4
	extra := 0
	for mask := byte(0x80); p[at]&mask != 0 && extra < 8; mask >>= 1 {
		extra++ // bytes of the coded number, the first included
	}
	if extra == 1 || extra > 7 {
		return 0, 0, false
	}
	at += max(extra, 1)
	number := func(bytes int) (n int64) {
		for range bytes {
			if at < len(p) {
				n = n<<8 | int64(p[at])
			}
			at++
		}
		return n
	}
	switch {
	case size == 1:
		samples = 192
	case size <= 5:
		samples = 144 << size
	case size == 6:
		samples = number(1) + 1
	case size == 7:
		samples = number(2) + 1
	default:
		samples = 1 << size
	}
	switch sampling {
	case 12:
		rate = number(1) * 1000
	case 13:
		rate = number(2)
	case 14:
		rate = number(2) * 10
	default:
		rate = flacSampling[sampling]
	}
	if at >= len(p) {
		return 0, 0, false
	}
	sum := byte(0)
	for _, b := range p[:at] {
		sum = crc8[sum^b]
	}
	return samples, rate, sum == p[at]
}
