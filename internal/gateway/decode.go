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

// windowMemory bounds the memory, in bytes, that the decompression of brotli and zstd takes for all answers together. Both
// formats have windows of megabytes.
const windowMemory = 256 << 20

// zstdWindow is the largest window of zstd in HTTP (RFC 9659).
const zstdWindow = 8 << 20

var errEncoding = errors.New("answer in an encoding that cannot be read")

// decoded returns the answer's content and whether the meter can read it. The gateway asks for no compression, but some
// servers compress all the same. An answer that cannot be read could hold the stored key: with a stored key it is
// errEncoding, otherwise it passes as it is.
func (c *call) decoded(resp *http.Response) (body io.Reader, readable bool, err error) {
	switch strings.ToLower(strings.TrimSpace(strings.Join(resp.Header["Content-Encoding"], ","))) {
	case "", "identity":
		return resp.Body, true, nil
	case "gzip", "x-gzip":
		body, err = gzip.NewReader(resp.Body)
	case "deflate":
		body, err = inflater(resp.Body)
	case "br":
		body, err = c.unbrotli(resp.Body)
	case "zstd":
		body, err = c.unzstd(resp.Body)
	default:
		err = errEncoding
	}
	switch {
	case errors.Is(err, errEncoding) && !c.target.Stored:
		return resp.Body, false, nil
	case err != nil:
		return nil, false, err
	}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	return body, true, nil
}

// inflater reads "deflate". By RFC 9110 this is zlib's format, but some servers send bare deflate.
func inflater(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	head, _ := buffered.Peek(2) // the next Read returns the error again
	if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}

func (c *call) unbrotli(r io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(r)
	head, err := buffered.Peek(1)
	if err != nil {
		return nil, err
	}
	if !c.takeWindow(brotliWindow(head[0])) {
		return r, errEncoding
	}
	return brotli.NewReader(buffered), nil
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

func (c *call) unzstd(r io.Reader) (io.Reader, error) {
	if !c.takeWindow(zstdWindow) {
		return r, errEncoding
	}
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(zstdWindow))
}

// takeWindow takes the memory of a window until the request's end. It reports false if there is no more.
func (c *call) takeWindow(n int) bool {
	if !c.g.windows.Take(n) {
		return false
	}
	c.window += n
	return true
}
