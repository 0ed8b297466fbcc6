package gateway

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// windowMemory bounds the windows of brotli and zstd, in bytes, of all answers together. Both formats have windows of
// megabytes. A decoder takes more than its window: brotli's tables of codes take up to 3 MB, and its window grows by copying;
// zstd's takes up to twice a window below 2 MB, and 1 MB more than a larger one.
const windowMemory = 256 << 20

// zstdMaxWindow is the largest window of zstd in HTTP (RFC 9659). An answer takes the window of its first frame, and at least
// zstdMinWindow: the windows of further frames are not known in advance. A frame with a larger one than was taken is an error.
const (
	zstdMaxWindow = 8 << 20
	zstdMinWindow = 1 << 20
)

var errEncoding = errors.New("answer in an encoding that cannot be read")

// decoded returns the answer's content and whether the meter can read it. The gateway asks for no compression, but some
// servers compress all the same. An answer that cannot be read could hold the stored key or the stored prompt: where
// there is one it is errEncoding, otherwise it passes as it is. A body without bytes is in no encoding, whatever its header says.
func (c *call) decoded(resp *http.Response) (body io.Reader, readable bool, err error) {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(resp.Header["Content-Encoding"], ",")))
	if encoding == "" || encoding == "identity" {
		return resp.Body, true, nil
	}
	sent := bufio.NewReader(resp.Body) // holds the bytes that are looked at, for an answer that passes as it is
	switch _, err := sent.Peek(1); {
	case errors.Is(err, io.EOF):
		resp.Header.Del("Content-Encoding")
		return http.NoBody, true, nil
	case err != nil:
		return nil, false, err
	}
	switch encoding {
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(sent)
	case "deflate":
		body, err = inflater(sent)
	case "br":
		body, err = c.unbrotli(sent)
	case "zstd":
		body, err = c.unzstd(sent)
	default:
		err = errEncoding
	}
	switch {
	case errors.Is(err, errEncoding) && !c.target.Stored && !c.veil.On:
		return sent, false, nil
	case err != nil:
		return nil, false, err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	return body, true, nil
}

// inflater reads "deflate". By RFC 9110 this is zlib's format, but some servers send bare deflate.
func inflater(r *bufio.Reader) (io.Reader, error) {
	head, _ := r.Peek(2) // the next Read returns the error again
	if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

func (c *call) unbrotli(r *bufio.Reader) (io.Reader, error) {
	head, _ := r.Peek(1) // decoded has looked at it
	if !c.takeWindow(brotliWindow(head[0])) {
		return nil, errEncoding
	}
	return brotli.NewReader(r), nil
}

// brotliWindow is the size of a stream's window in bytes, by the stream's first byte (RFC 7932, section 9.1).
func brotliWindow(first byte) int {
	switch large, small := first>>1&7, first>>4&7; {
	case first&1 == 0:
		return 1 << 16
	case large > 0:
		return 1 << (17 + large)
	case small > 0:
		return 1 << (8 + small)
	}
	return 1 << 17
}

func (c *call) unzstd(r *bufio.Reader) (io.Reader, error) {
	window, err := frameWindow(r)
	if err != nil {
		return nil, err
	}
	if window > zstdMaxWindow || !c.takeWindow(int(window)) {
		return nil, errEncoding
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(window))
}

// frameWindow is the window to take for the frame of zstd that comes next. It looks at no more bytes than the frame's header
// has, so that it waits for none that the server has not sent.
func frameWindow(r *bufio.Reader) (uint64, error) {
	var h zstd.Header
	for n := 1; ; n++ {
		head, err := r.Peek(n)
		if err == nil {
			err = h.Decode(head)
			if errors.Is(err, io.ErrUnexpectedEOF) {
				continue
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return 0, io.ErrUnexpectedEOF
		case err != nil:
			return 0, err
		case h.Skippable:
			return zstdMaxWindow, nil
		case h.SingleSegment:
			return max(h.FrameContentSize, zstdMinWindow), nil
		}
		return max(h.WindowSize, zstdMinWindow), nil
	}
}

// takeWindow takes the memory of a window until the request's end. It reports false if there is no more.
func (c *call) takeWindow(n int) bool {
	if !c.g.windows.Take(n) {
		return false
	}
	c.window += n
	return true
}

// giveWindows gives back what takeWindow took.
func (c *call) giveWindows() {
	c.g.windows.Give(c.window)
	c.window = 0
}
