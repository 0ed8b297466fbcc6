package sound

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
)

func le16(n int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(n)) }
func le32(n int) []byte { return binary.LittleEndian.AppendUint32(nil, uint32(n)) }
func be16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func be32(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func wavOf(kind, channels, rate, bits int, data int) []byte {
	format := join(le16(kind), le16(channels), le32(rate), le32(rate*channels*bits/8), le16(channels*bits/8), le16(bits))
	return join([]byte("RIFF"), le32(36+data), []byte("WAVE"), []byte("JUNK"), le32(3), make([]byte, 4), []byte("fmt "), le32(len(format)), format,
		[]byte("data"), le32(data), make([]byte, data))
}

// mp3Of has frames of MPEG-1, layer III, at 128 kbit/s and 44,100 Hz.
func mp3Of(frames int) []byte {
	frame := append([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 144*128000/44100-4)...)
	return bytes.Repeat(frame, frames)
}

func flacFrame(number byte) []byte {
	head := []byte{0xff, 0xf8, 0xc9, 0x00, number} // 4,096 samples at 44,100 Hz
	sum := byte(0)
	for _, b := range head {
		sum = crc8[sum^b]
	}
	return append(append(head, sum), 0, 7, 0, 0)
}

func flacOf(claimed int, frames int) []byte {
	info := join(be16(4096), be16(4096), make([]byte, 6), []byte{44100 >> 12, 44100 >> 4 & 0xff, 44100 & 0x0f << 4, 0xf0}, be32(claimed), make([]byte, 16))
	out := join([]byte("fLaC"), []byte{0x80, 0, 0, byte(len(info))}, info)
	for i := range frames {
		out = append(out, flacFrame(byte(i&0x7f))...)
	}
	return out
}

func oggPageOf(flags byte, granule int64, packets ...[]byte) []byte {
	lacing := make([]byte, 0, len(packets))
	for _, p := range packets {
		lacing = append(lacing, byte(len(p)))
	}
	return join([]byte("OggS"), []byte{0, flags}, binary.LittleEndian.AppendUint64(nil, uint64(granule)), le32(7), le32(0), le32(0),
		[]byte{byte(len(lacing))}, lacing, bytes.Join(packets, nil))
}

func opusOf(granule int64, packets ...[]byte) []byte {
	return join(oggPageOf(2, 0, []byte("OpusHead\x01\x01\x00\x00\x80\xbb\x00\x00\x00\x00\x00")), oggPageOf(0, granule, packets...))
}

func box(kind string, body ...[]byte) []byte {
	p := join(body...)
	return join(be32(8+len(p)), []byte(kind), p)
}

// m4aOf has frames of AAC at 44,100 Hz, and boxes that claim another length.
func m4aOf(frames, claimedSeconds int, config []byte, extra ...[]byte) []byte {
	esds := box("esds", make([]byte, 4), []byte{3, 25}, make([]byte, 3), []byte{4, 17, 0x40}, make([]byte, 12), []byte{5, byte(len(config))}, config)
	entry := box("mp4a", make([]byte, 8), make([]byte, 16), be16(44100), be16(0), esds)
	return join(box("ftyp", []byte("M4A \x00\x00\x00\x00")), box("moov",
		box("mvhd", make([]byte, 12), be32(1000), be32(claimedSeconds*1000), make([]byte, 80)),
		box("trak", box("mdia",
			box("mdhd", make([]byte, 12), be32(44100), be32(claimedSeconds*44100), make([]byte, 4)),
			box("minf", box("stbl", box("stsd", make([]byte, 4), be32(1), entry), box("stsz", make([]byte, 8), be32(frames)))))), join(extra...)),
		box("mdat", make([]byte, 100)))
}

func element(id uint32, body []byte) []byte {
	raw := be32(int(id))
	return join(bytes.TrimLeft(raw, "\x00"), []byte{0x08}, be32(len(body)), body)
}

// webmOf has blocks of Opus packets in a cluster of unknown size, as browsers record.
func webmOf(codec string, blocks int, packet ...byte) []byte {
	out := join([]byte("\x1a\x45\xdf\xa3\x84\x42\x86\x81\x01"), []byte{0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		element(ebmlTracks, element(ebmlEntry, join(element(ebmlNumber, []byte{1}), element(ebmlCodec, []byte(codec))))),
		[]byte{0x1f, 0x43, 0xb6, 0x75, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, element(ebmlTime, []byte{0}))
	for i := range blocks {
		out = append(out, element(ebmlSimple, join([]byte{0x81}, be16(i), []byte{0x80}, packet))...)
	}
	return out
}

func repeat(p []byte, n int) (out [][]byte) {
	for range n {
		out = append(out, p)
	}
	return out
}

func TestLongest(t *testing.T) {
	t.Parallel()
	lc := []byte{0x12, 0x10} // AAC LC, 44,100 Hz, stereo
	for _, c := range []struct {
		name        string
		file        []byte
		least, most int64 // milliseconds; most 0 where the length is not known
	}{
		{"Nothing", nil, 0, 0},
		{"Text", []byte("ID3 this is no recording"), 0, 0},
		{"Unknown", bytes.Repeat([]byte{0, 1, 2}, 1000), 0, 0},
		{"WAV", wavOf(wavePCM, 1, 16000, 16, 320_000), 10_000, 10_010},
		{"WAVStereoFloat", wavOf(waveFloat, 2, 48000, 32, 384_000), 1_000, 1_010},
		{"WAVMuLaw", wavOf(waveMuLaw, 1, 8000, 8, 8_000), 1_000, 1_010},
		{"WAVADPCM", wavOf(waveIMAADPCM, 1, 8000, 4, 8_000), 2_000, 2_020},
		{"WAVOfAnUnknownCodec", wavOf(0x31, 1, 8000, 0, 8_000), 0, 0},
		{"WAVThatClaimsFewerBytes", bytes.Replace(wavOf(wavePCM, 1, 8000, 8, 80_000), append([]byte("data"), le32(80_000)...), append([]byte("data"), le32(8)...), 1), 10_000, 10_010},
		{"MP3", mp3Of(100), 2_612, 2_614},
		{"MP3WithTags", join([]byte("ID3\x04\x00\x00\x00\x00\x00\x05hello"), mp3Of(100), []byte("TAG"), make([]byte, 125)), 2_612 + 128, 2_614 + 128},
		{"MP3ThatChangesItsRate", join(mp3Of(1), []byte{0xff, 0xf3, 0x14, 0xc4}, make([]byte, 1000)), 26 + 1004, 27 + 1004},
		{"MP3ThatClaimsMore", join([]byte{0xff, 0xfb, 0x90, 0x00}, make([]byte, 32), []byte("Xing"), be32(1), be32(100_000), make([]byte, 369)), 2_612_244, 2_612_300},
		{"MP3OfJunkBehind", join(mp3Of(1), bytes.Repeat([]byte{9}, 50_000)), 50_000, 50_030},
		{"FLAC", flacOf(40960, 10), 929, 940},
		{"FLACThatClaimsLess", flacOf(1, 10_000), 928_798, 929_000},
		{"FLACThatClaimsMore", flacOf(44_100_000, 1), 1_000_000, 1_000_001},
		{"FLACBehindATag", join([]byte("ID3\x04\x00\x00\x00\x00\x00\x00"), flacOf(1, 10)), 929, 940},
		{"Opus", opusOf(48_000, repeat([]byte{0x78, 1, 2, 3}, 50)...), 1_000, 1_120},
		{"OpusOfSilence", opusOf(1, repeat([]byte{0x1b, 0x02}, 200)...), 24_000, 24_120},
		{"OpusThatClaimsMore", opusOf(48_000*3600, []byte{0x78, 1}), 3_600_000, 3_600_000},
		{"Vorbis", join(oggPageOf(2, 0, join([]byte("\x01vorbis"), le32(0), []byte{1}, le32(44100), make([]byte, 12), []byte{0xb8, 1})), oggPageOf(0, 44100, repeat([]byte{1}, 100)...)), 2_300, 2_400},
		{"OggOfAnUnknownCodec", oggPageOf(2, 0, []byte("Speex   1.2")), 0, 0},
		{"M4A", m4aOf(431, 10, lc), 10_000, 10_010},
		{"M4AThatClaimsLess", m4aOf(43_067, 1, lc), 1_000_000, 1_000_100},
		{"M4AThatClaimsMore", m4aOf(1, 3600, lc), 3_600_000, 3_600_000},
		{"M4AOfALowerRate", m4aOf(1000, 1, []byte{0x15, 0x88}), 128_000, 128_000},
		{"M4AInFragments", m4aOf(0, 0, lc, box("moof", box("traf", box("trun", be32(0), be32(431))))), 10_000, 10_010},
		{"M4AThatRepeats", m4aOf(1, 1, lc, box("edts", box("elst", be32(0), be32(2), be32(60_000), make([]byte, 8), be32(60_000), make([]byte, 8)))), 120_000, 120_000},
		{"M4AOfAnUnknownCodec", bytes.Replace(m4aOf(1, 1, lc), []byte("mp4a"), []byte("alac"), 1), 0, 0},
		{"M4AWithoutTables", box("ftyp", []byte("M4A \x00\x00\x00\x00")), 0, 0},
		{"WebM", webmOf("A_OPUS", 500, 0x78, 1, 2), 10_000, 10_200},
		{"WebMOfSilence", webmOf("A_OPUS", 500, 0x1b, 0x02), 60_000, 60_200},
		{"WebMOfAnUnknownCodec", webmOf("A_VORBIS", 5, 1), 0, 0},
		{"WebMWithJunk", join(webmOf("A_OPUS", 5, 0x78), make([]byte, 100)), 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, known := Longest(c.file)
			if known != (c.most > 0) || got < c.least || got > c.most {
				t.Errorf("Longest = %d ms, %v; want %d to %d", got, known, c.least, c.most)
			}
		})
	}
}

// The length of a truncated recording is never more than the whole's, and never negative.
func TestLongestOfAPrefix(t *testing.T) {
	t.Parallel()
	for name, file := range map[string][]byte{"WAV": wavOf(wavePCM, 1, 8000, 8, 3000), "FLAC": flacOf(5000, 20), "Opus": opusOf(960, repeat([]byte{0x78, 1}, 20)...),
		"M4A": m4aOf(50, 2, []byte{0x12, 0x10}), "WebM": webmOf("A_OPUS", 20, 0x78, 1), "MP3": mp3Of(5)} {
		whole, _ := Longest(file)
		for n := range len(file) {
			if got, known := Longest(file[:n]); known && (got < 0 || got > whole+1000) {
				t.Errorf("%s: the first %d of %d bytes are %d ms long, the whole is %d", name, n, len(file), got, whole)
			}
		}
	}
}

func FuzzLongest(f *testing.F) {
	for _, seed := range [][]byte{wavOf(wavePCM, 1, 8000, 8, 10), mp3Of(2), flacOf(9, 2), opusOf(1, []byte{0x78}), m4aOf(2, 1, []byte{0x12, 0x10}), webmOf("A_OPUS", 2, 0x78),
		[]byte(strings.Repeat("OggS", 20))} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		got, known := Longest(file)
		if got < 0 || !known && got != 0 || got > math.MaxInt64/1000 {
			t.Errorf("Longest = %d, %v", got, known)
		}
	})
}

func BenchmarkLongest_flac25MB(b *testing.B) {
	file := bytes.Repeat([]byte{0xff, 1, 2, 3, 4, 5, 6, 7}, 25<<17)
	copy(file, flacOf(1, 1))
	b.SetBytes(int64(len(file)))
	for b.Loop() {
		Longest(file)
	}
}

// Overlapping pages would be read once for each overlap, so the length of such a file is unknown.
func TestLongest_refusesOverlappingPages(t *testing.T) {
	t.Parallel()
	overlapping := strings.Repeat("OggS\x00\x00\x00\x00", 1<<12)
	first := "OggS\x00\x02" + strings.Repeat("\x00", 8) + overlapping[14:18] + strings.Repeat("\x00", 8) + "\x01\x13OpusHead" + strings.Repeat("\x00", 11)
	if millis, known := Longest([]byte(first + overlapping)); known {
		t.Errorf("pages in each other last %d ms", millis)
	}
	if _, known := Longest([]byte(first)); !known {
		t.Error("one page is not known")
	}
}
