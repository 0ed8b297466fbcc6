package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/airatelimit/airatelimit/internal/limit"
	"github.com/airatelimit/airatelimit/internal/meter"
	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// compressed is text in an encoding. zstd has a window of that size and no announced length.
func compressed(t *testing.T, encoding, text string, window int) []byte {
	t.Helper()
	var (
		buf bytes.Buffer
		w   io.WriteCloser
		err error
	)
	switch encoding {
	case "br":
		w = brotli.NewWriter(&buf)
	case "gzip":
		w = gzip.NewWriter(&buf)
	case "zstd":
		w, err = zstd.NewWriter(&buf, zstd.WithWindowSize(window))
	}
	if err == nil {
		_, err = io.WriteString(w, text[:1])
	}
	if z, ok := w.(*zstd.Encoder); ok && err == nil {
		err = z.Flush() // the frame's header then has the window, and not the length
	}
	if err == nil {
		_, err = io.WriteString(w, text[1:])
	}
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// encodedAnswer is a provider's answer in an encoding.
func encodedAnswer(status int, encoding string, body []byte) *http.Response {
	return &http.Response{StatusCode: status, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body)),
		Header: http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {encoding}}}
}

// With the client's own key an answer that there is no memory to decompress passes as it came, from its first byte.
func TestDecode_WithoutMemoryAnswersPassWhole(t *testing.T) {
	t.Parallel()
	long := `{"error":"` + strings.Repeat("no such thing ", 2000) + `"}`
	for _, encoding := range []string{"br", "zstd"} {
		sent := compressed(t, encoding, long, 1<<20)
		for name, tc := range map[string]struct {
			status int
			body   string
		}{
			"Answer": {200, chat}, "Stream": {200, streamChat}, "Error": {429, chat}, "ErrorOfStream": {400, streamChat},
		} {
			asked := 0
			e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, r.Body)
				asked++
				return encodedAnswer(tc.status, encoding, sent), nil
			})
			e.windows = meter.NewMemory(100)
			got := e.send("/v1/chat/completions", tc.body, 0)
			if got.Code != tc.status || got.Header().Get("Content-Encoding") != encoding || !bytes.Equal(got.Body.Bytes(), sent) || asked != 1 {
				t.Errorf("%s, %s: status %d, encoding %q, %d bytes, asked %d times; want %d, %q, the provider's %d, once",
					encoding, name, got.Code, got.Header().Get("Content-Encoding"), got.Body.Len(), asked, tc.status, encoding, len(sent))
			}
			if used := e.windows.Used(); used != 0 {
				t.Errorf("%s, %s: %d bytes of windows were not given back", encoding, name, used)
			}
		}
	}
}

// An answer in zstd takes the memory that its own window needs.
func TestDecode_ZstdTakesItsOwnWindow(t *testing.T) {
	t.Parallel()
	single := func(texts ...string) (sent []byte) {
		z, err := zstd.NewWriter(nil, zstd.WithSingleSegment(true))
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			sent = z.EncodeAll([]byte(text), sent)
		}
		return sent
	}
	spaces := strings.Repeat(" ", 600<<10)
	for name, tc := range map[string]struct {
		sent   []byte
		memory int64
		read   bool
	}{
		"Small":     {compressed(t, "zstd", answered, 64<<10), 1 << 20, true},
		"Exact":     {compressed(t, "zstd", answered, 2<<20), 2 << 20, true},
		"Short":     {compressed(t, "zstd", answered, 2<<20), 2<<20 - 1, false},
		"Widest":    {compressed(t, "zstd", answered, 8<<20), 8 << 20, true},
		"TooWide":   {compressed(t, "zstd", answered, 16<<20), 256 << 20, false},
		"Single":    {single(answered), 1 << 20, true},
		"Frames":    {single(answered[:5], answered[5:], spaces), 1 << 20, true},
		"Skippable": {append([]byte("\x50\x2a\x4d\x18\x03\x00\x00\x00abc"), single(answered)...), 8 << 20, true},
	} {
		e := newExchangeTest(t, `{"name":"test","tokenLimit":1000000}`, func(r *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, r.Body)
			return encodedAnswer(200, "zstd", tc.sent), nil
		})
		e.windows = meter.NewMemory(tc.memory)
		got := e.send("/v1/chat/completions", chat, 0)
		want := string(tc.sent)
		if tc.read {
			want = answered
		}
		if body := strings.TrimRight(got.Body.String(), " "); got.Code != 200 || (got.Header().Get("Content-Encoding") == "") != tc.read || body != want {
			t.Errorf("%s: status %d, encoding %q, %.100q; want it decompressed: %v", name, got.Code, got.Header().Get("Content-Encoding"), body, tc.read)
		}
		if used := e.windows.Used(); used != 0 {
			t.Errorf("%s: %d bytes of windows were not given back", name, used)
		}
	}
}

// inPieces is a body that comes in pieces.
type inPieces struct{ pieces [][]byte }

func (p *inPieces) Read(b []byte) (int, error) {
	if len(p.pieces) == 0 {
		return 0, errors.New("read although the bytes before were enough")
	}
	n := copy(b, p.pieces[0])
	p.pieces = p.pieces[1:]
	return n, nil
}

// The first bytes of a stream in zstd are not held back, however few they are.
func TestDecode_ZstdReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	first := compressed(t, "zstd", ":\n", 1<<10)[:4+2+3+1] // the frame's header and a block of one byte
	c := &call{g: New(Options{})}
	resp := encodedAnswer(200, "zstd", nil)
	resp.Body = io.NopCloser(&inPieces{[][]byte{first[:1], first[1:]}})
	body, _, err := c.decoded(resp)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 1)
	if n, err := body.Read(got); n != 1 || err != nil || got[0] != ':' {
		t.Errorf("read %d bytes %q, %v; want the first byte", n, got, err)
	}
}

// A body without bytes is in no encoding: a provider's error passes with its status, and costs nothing.
func TestDecode_EmptyBodiesHaveNoEncoding(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd"} {
		for _, status := range []int{200, 429, 503} {
			a := new(account)
			got, _ := serve(t, a, func(r *http.Request) (*http.Response, error) {
				_, _ = io.Copy(io.Discard, r.Body)
				return encodedAnswer(status, encoding, nil), nil
			})
			if got.Code != status || got.Body.Len() != 0 || got.Header().Get("Content-Encoding") != "" {
				t.Errorf("%s, %d: status %d, encoding %q, %q; want the provider's status", encoding, status, got.Code, got.Header().Get("Content-Encoding"), got.Body)
			}
			if status != 200 && (len(a.settled) != 1 || a.settled[0].Amounts != (limit.Amounts{})) {
				t.Errorf("%s, %d: charged %v, want nothing", encoding, status, a.settled)
			}
		}
		asked := 0
		e := newExchangeTest(t, `{"name":"test"}`, func(r *http.Request) (*http.Response, error) {
			asked++
			body, _ := io.ReadAll(r.Body)
			if strings.Contains(string(body), "stream_options") {
				return encodedAnswer(400, encoding, nil), nil
			}
			return answering("data: [DONE]\n\n")(r)
		})
		if got := e.send("/v1/chat/completions", streamChat, 0); got.Code != 200 || asked != 2 {
			t.Errorf("%s: status %d, asked %d times; want an empty refusal to be asked again", encoding, got.Code, asked)
		}
	}
}
