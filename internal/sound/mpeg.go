package sound

import (
	"bytes"
	"encoding/binary"
)

// slowest is the length in microseconds of so many bytes at MPEG audio's lowest bit rate, 8 kbit/s (ISO/IEC 13818-3,
// table 2.4.2.3: layers II and III at half the sampling rate): a byte a millisecond.
func slowest(size int64) int64 { return min(size*1000, most) }

// Bit rates in kbit/s by version (MPEG-1; MPEG-2 and 2.5), layer and index, from ISO/IEC 11172-3 and 13818-3.
var mpegRates = [2][3][15]int64{
	{
		{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
	},
	{
		{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
	},
}

var mpegSampling = [3]int64{44100, 48000, 32000}

// mpegFrame is a frame's header, decoded.
type mpegFrame struct {
	kind                byte // version and layer
	size, samples, rate int64
}

// mpegHeader reads the header of a frame. ok is false if there is none, or if it is of the free format, which has no size.
func mpegHeader(p []byte) (f mpegFrame, ok bool) {
	if len(p) < 4 || p[0] != 0xff || p[1]&0xe0 != 0xe0 {
		return f, false
	}
	version, layer := p[1]>>3&3, int64(4-p[1]>>1&3) // 3 is MPEG-1, 2 is MPEG-2, 0 is MPEG-2.5
	bitrate, sampling, padding := p[2]>>4, p[2]>>2&3, int64(p[2]>>1&1)
	if version == 1 || layer == 4 || bitrate == 0 || bitrate == 15 || sampling == 3 {
		return f, false
	}
	low := 1
	f.kind = p[1] & 0x1e
	f.rate = mpegSampling[sampling]
	switch version {
	case 3:
		low = 0
	case 2:
		f.rate /= 2
	default:
		f.rate /= 4
	}
	bits := mpegRates[low][layer-1][bitrate] * 1000
	switch {
	case layer == 1:
		f.samples = 384
		f.size = (12*bits/f.rate + padding) * 4
	case layer == 3 && low == 1:
		f.samples = 576
		f.size = 72*bits/f.rate + padding
	default:
		f.samples = 1152
		f.size = 144*bits/f.rate + padding
	}
	return f, f.size > 4
}

// mpeg follows the frames as long as they are alike, as decoders do. The first frame must follow the tag. The rest counts
// at the lowest bit rate.
func mpeg(file []byte) (us int64, known bool) {
	at := id3(file)
	if rest := file[at:]; len(rest) > 3 && string(rest[:4]) == "fLaC" {
		return flac(rest)
	}
	first, ok := mpegHeader(file[at:])
	if !ok {
		return 0, false
	}
	claimed := xing(file[at:], first)
	for f := first; ok && f.kind == first.kind && f.rate == first.rate; f, ok = mpegHeader(file[min(at, int64(len(file))):]) {
		us = plus(us, lasting(f.samples, f.rate))
		at += f.size
	}
	return max(plus(us, slowest(max(int64(len(file))-at, 0))), claimed), true
}

// id3 returns where an ID3v2 tag ends.
func id3(file []byte) int64 {
	if len(file) < 10 || string(file[:3]) != "ID3" {
		return 0
	}
	size := int64(10)
	for _, b := range file[6:10] {
		if b&0x80 != 0 {
			return 0
		}
	}
	size += int64(file[6])<<21 | int64(file[7])<<14 | int64(file[8])<<7 | int64(file[9])
	if file[5]&0x10 != 0 {
		size += 10
	}
	return min(size, int64(len(file)))
}

// xing is the length that the first frame claims for the whole file, 0 if it claims none.
func xing(frame []byte, f mpegFrame) int64 {
	head := frame[:min(f.size, int64(len(frame)))]
	for _, name := range [...]string{"Xing", "Info"} {
		if i := bytes.Index(head, []byte(name)); i >= 0 && len(head) >= i+12 && head[i+7]&1 != 0 {
			return lasting(int64(binary.BigEndian.Uint32(head[i+8:]))*f.samples, f.rate)
		}
	}
	if i := bytes.Index(head, []byte("VBRI")); i >= 0 && len(head) >= i+18 {
		return lasting(int64(binary.BigEndian.Uint32(head[i+14:]))*f.samples, f.rate)
	}
	return 0
}
