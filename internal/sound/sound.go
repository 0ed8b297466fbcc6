// Package sound finds an upper bound of a recording's length from its bytes alone.
//
// Vendors bill a transcription by the length that they find in the file. The length found here must never be less than
// what any decoder finds, even in a file that was made to deceive. Lengths come from the frames and packets themselves: a
// header that claims more raises the length, a header that claims less does not lower it. If a format's frames cannot be
// counted, the file counts at the format's lowest bit rate. If the format has no lowest bit rate, the length is unknown.
package sound

import "bytes"

// Longest returns the longest that a recording can be, in milliseconds, rounded up. known is false if the format is not
// known here, or its frames have no smallest size.
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

// most is the largest length in microseconds, 30 years. Longer ones are lowered to it.
const most = 1 << 50

// plus adds two lengths that are not negative.
func plus(a, b int64) int64 { return min(a+min(b, most), most) }

// lasting is the length of n samples in microseconds, rounded up.
func lasting(n, rate int64) int64 {
	switch {
	case n <= 0:
		return 0
	case rate <= 0, n > most/1_000_000:
		return most
	}
	return min((n*1_000_000+rate-1)/rate, most)
}
