// Package sound tells how long a recording can be at most, from its bytes alone.
//
// Vendors bill a transcription by the length that they find in the file; so what is found here must never be less than what
// any decoder finds, whatever the file says about itself and whoever made it. Lengths come from the frames and packets
// themselves: a header that claims more raises the answer, one that claims less does not lower it. Where a format's
// frames cannot be counted the file counts at the format's lowest bit rate, and where it has none its length is not known.
package sound

import "bytes"

// Longest returns how long a recording can be at most, in milliseconds, rounded up. known is false where the bytes are of
// no format that is read here, or of one whose frames have no least size.
func Longest(file []byte) (millis int64, known bool) {
	var us int64
	switch {
	case len(file) > 12 && (string(file[:4]) == "RIFF" || string(file[:4]) == "RF64") && string(file[8:12]) == "WAVE":
		us, known = wav(file)
	case bytes.HasPrefix(file, []byte("fLaC")):
		us, known = flac(file)
	case bytes.HasPrefix(file, []byte("OggS")):
		us, known = ogg(file)
	case len(file) > 12 && string(file[4:8]) == "ftyp":
		us, known = mp4(file)
	case bytes.HasPrefix(file, []byte("\x1a\x45\xdf\xa3")):
		us, known = webm(file)
	case bytes.HasPrefix(file, []byte("ID3")), len(file) > 1 && file[0] == 0xff && file[1]&0xe0 == 0xe0:
		us, known = mpeg(file)
	}
	if !known {
		return 0, false
	}
	return (us + 999) / 1000, true
}

// most is the longest length, in microseconds, that is told apart from any longer: 30 years.
const most = 1 << 50

// plus adds two lengths, none of them negative.
func plus(a, b int64) int64 { return min(a+min(b, most), most) }

// lasting is the length in microseconds of n samples, rounded up.
func lasting(n, rate int64) int64 {
	switch {
	case n <= 0:
		return 0
	case rate <= 0, n > most/1_000_000:
		return most
	}
	return min((n*1_000_000+rate-1)/rate, most)
}
