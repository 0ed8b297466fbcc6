package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// mostLingered bounds how many bytes of a refused request's body are read and dropped.
const mostLingered = 256 << 20

// LingerTime is how long a client that has been answered may take to finish sending.
const LingerTime = 10 * time.Second

// HasBody reports whether a request has a body, an empty one included whose length was not announced.
func HasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// EarlyAnswer prepares an answer to a request whose body has not ended, before the answer's header is written. Linger
// follows the answer. The client reads the answer while it still sends: net/http alone would wait for the body. The
// connection closes afterwards: whatever arrives on it next is the rest of the body, which net/http would read as a
// request of its own.
func EarlyAnswer(w http.ResponseWriter, r *http.Request) {
	if !HasBody(r) {
		return
	}
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2, and recorders in tests, need none
	w.Header().Set("Connection", "close")
}

// Linger drops what the client still sends after an early answer, so that it reads the answer instead of finding the
// connection reset. It gives up after patience.
func Linger(w http.ResponseWriter, r *http.Request, patience time.Duration) {
	if !HasBody(r) {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.CopyN(io.Discard, r.Body, mostLingered)
}

// Body is a request's body that knows whether it was read to its end.
type Body struct {
	io.ReadCloser
	Ended bool
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF { //nolint:errorlint // a body's end is this very value
		b.Ended = true
	}
	return n, err
}

// Answer is a ResponseWriter for a handler that may answer before the request's body has ended. End follows the handler.
type Answer struct {
	http.ResponseWriter
	Request *http.Request // as net/http made it
	Body    *Body         // the request's, for a handler that reads it; nil: none of it is read
	Status  int           // what was answered; 0 until then

	early bool
	held  bytes.Buffer // an early answer, which needs its length: the client must see where it ends while it still sends
}

// WriteHeader implements http.ResponseWriter.
func (a *Answer) WriteHeader(status int) {
	if a.Status == 0 {
		a.Status = status
		a.early = HasBody(a.Request) && (a.Body == nil || !a.Body.Ended)
	}
	if !a.early {
		a.ResponseWriter.WriteHeader(status)
	}
}

// Write implements io.Writer.
func (a *Answer) Write(p []byte) (int, error) {
	if a.Status == 0 {
		a.WriteHeader(http.StatusOK)
	}
	if a.early {
		return a.held.Write(p)
	}
	return a.ResponseWriter.Write(p)
}

// End lets an early answer out, and lingers.
func (a *Answer) End(patience time.Duration) {
	if !a.early {
		return
	}
	EarlyAnswer(a.ResponseWriter, a.Request)
	if a.held.Len() > 0 {
		a.Header().Set("Content-Length", strconv.Itoa(a.held.Len()))
	}
	a.ResponseWriter.WriteHeader(a.Status)
	_, _ = a.ResponseWriter.Write(a.held.Bytes())
	Linger(a.ResponseWriter, a.Request, patience)
}

// Unwrap is for http.ResponseController.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// NotTaken marks the answer to a request that this server has not looked at: it starts, or is shutting down. The connection is
// closed. Where nginx says that it can, as deploy/nginx.conf has it say, it gives the request to another server: it tells
// such a 503 from a provider's, which must not be sent again, by nothing but this header. An nginx that does not know the
// place would answer 500.
func NotTaken(answer, request http.Header) {
	answer.Set("Connection", "close")
	if request["X-Airatelimit-Another"] != nil {
		answer.Set("X-Accel-Redirect", "@another")
	}
}
