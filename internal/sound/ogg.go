package sound

import (
	"bytes"
	"encoding/binary"
)

// oggStream is a logical stream of an Ogg file.
type oggStream struct {
	codec   byte // 'o'pus, 'v'orbis
	rate    int64
	block   int64 // Vorbis: samples that a packet holds at most
	us      int64 // the length of the packets so far
	granule int64 // the greatest granule position of a page
}

// ogg adds up the packets of all streams (RFC 3533). An Opus packet has its own length, a Vorbis packet is at most as long
// as the larger block. A page's granule position may raise the sum.
func ogg(file []byte) (us int64, known bool) {
	streams := map[uint32]*oggStream{}
	left := len(file) // segments: a file has one byte for each, unless its pages overlap
	for {
		i := bytes.Index(file, []byte("OggS"))
		if i < 0 {
			break
		}
		file = file[i:]
		n, ok := oggPage(file, streams)
		if len(file) > 26 {
			left -= int(file[26])
		}
		if !ok || left < 0 {
			return 0, false
		}
		file = file[n:]
	}
	for _, s := range streams {
		us = plus(us, max(s.us, lasting(s.granule, s.rate)))
	}
	return us, len(streams) > 0
}

// oggPage reads a page and returns its size. ok is false for a stream of another codec.
func oggPage(page []byte, streams map[uint32]*oggStream) (size int, ok bool) {
	const head = 27
	if len(page) < head || len(page) < head+int(page[26]) {
		return 4, true
	}
	lacing := page[head : head+int(page[26])]
	at := head + len(lacing)
	serial := binary.LittleEndian.Uint32(page[14:])
	s := streams[serial]
	if s == nil || page[5]&2 != 0 { // the beginning of a stream, perhaps with the number of an earlier one
		begun, ok := oggCodec(page[min(at, len(page)):])
		if !ok {
			return 0, false
		}
		if s != nil {
			begun.us, begun.granule = s.us, s.granule
		}
		s, streams[serial] = begun, begun
	}
	s.granule = max(s.granule, int64(binary.LittleEndian.Uint64(page[6:])))
	begins := page[5]&1 == 0 // else the first segment continues a packet of the page before
	for _, n := range lacing {
		if at > len(page) {
			at = len(page)
		}
		if begins {
			s.us = plus(s.us, s.packet(page[at:min(at+max(int(n), 2), len(page))]))
		}
		begins = n < 255
		at += int(n)
	}
	return 4, true // not the page's size: a decoder that lost its place looks for the next mark
}

// oggCodec reads the first packet of a stream.
func oggCodec(packet []byte) (*oggStream, bool) {
	switch {
	case bytes.HasPrefix(packet, []byte("OpusHead")): // RFC 7845, section 5.1
		return &oggStream{codec: 'o', rate: 48000}, true
	case bytes.HasPrefix(packet, []byte("\x01vorbis")) && len(packet) >= 29: // Vorbis I, section 4.2.2
		s := &oggStream{codec: 'v', rate: int64(binary.LittleEndian.Uint32(packet[12:])), block: 1 << (packet[28] >> 4)}
		return s, s.rate > 0
	}
	return nil, false
}

func (s *oggStream) packet(p []byte) int64 {
	if s.codec == 'o' {
		return opus(p)
	}
	return lasting(s.block/2, s.rate)
}

// longestOpus is the length of the longest Opus packet, in microseconds (RFC 6716, section 3.2.5).
const longestOpus = 120_000

// opusFrames are the lengths of a frame by the packet's configuration, in microseconds (RFC 6716, section 3.1).
var opusFrames = [32]int64{
	10_000, 20_000, 40_000, 60_000, 10_000, 20_000, 40_000, 60_000, 10_000, 20_000, 40_000, 60_000, // SILK
	10_000, 20_000, 10_000, 20_000, // hybrid
	2_500, 5_000, 10_000, 20_000, 2_500, 5_000, 10_000, 20_000, 2_500, 5_000, 10_000, 20_000, 2_500, 5_000, 10_000, 20_000, // CELT
}

// opus is the length of a packet, from its first two bytes.
func opus(p []byte) int64 {
	if len(p) == 0 {
		return 0
	}
	frames := int64(1)
	switch p[0] & 3 {
	case 1, 2:
		frames = 2
	case 3:
		if len(p) < 2 {
			return longestOpus
		}
		frames = int64(p[1] & 0x3f)
	}
	return min(frames*opusFrames[p[0]>>3], longestOpus)
}
