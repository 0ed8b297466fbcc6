package sound

import "encoding/binary"

// Formats of WAVE_FORMAT_*, from Microsoft's mmreg.h.
const (
	wavePCM        = 0x0001
	waveMSADPCM    = 0x0002
	waveFloat      = 0x0003
	waveALaw       = 0x0006
	waveMuLaw      = 0x0007
	waveIMAADPCM   = 0x0011
	waveMPEG       = 0x0050
	waveMP3        = 0x0055
	waveExtensible = 0xfffe
)

// wav reads the first format chunk, which decoders use. Every byte of the file may be a sample in that format.
func wav(file []byte) (us int64, known bool) {
	for at := int64(12); at+8 <= int64(len(file)); {
		size := int64(binary.LittleEndian.Uint32(file[at+4:]))
		if string(file[at:at+4]) != "fmt " {
			at += 8 + size + size&1
			continue
		}
		chunk := file[at+8 : min(at+8+size, int64(len(file)))]
		if len(chunk) < 16 {
			return 0, false
		}
		return wavBytes(chunk, int64(len(file)))
	}
	return 0, false
}

func wavBytes(format []byte, size int64) (us int64, known bool) {
	kind := binary.LittleEndian.Uint16(format)
	channels := int64(binary.LittleEndian.Uint16(format[2:]))
	rate := int64(binary.LittleEndian.Uint32(format[4:]))
	bits := int64(binary.LittleEndian.Uint16(format[14:]))
	if kind == waveExtensible && len(format) >= 26 {
		kind = binary.LittleEndian.Uint16(format[24:])
	}
	switch kind {
	case wavePCM, waveFloat:
		if bits%8 != 0 {
			return 0, false
		}
	case waveALaw, waveMuLaw:
		bits = 8
	case waveMSADPCM, waveIMAADPCM:
		bits = 4
	case waveMPEG, waveMP3:
		return slowest(size), true
	default:
		return 0, false
	}
	if channels == 0 || rate == 0 || bits == 0 {
		return 0, false
	}
	return lasting((8*size+channels*bits-1)/(channels*bits), rate), true
}
