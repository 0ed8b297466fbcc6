package wire

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxLingered bounds how many bytes of a refused request's body are read and dropped.
const maxLingered = 256 << 20

// LingerTime is how long a client may take to finish sending after an early answer.
const LingerTime = 10 * time.Second

// HasBody reports whether a request has a body. An empty body of unannounced length counts.
func HasBody(r *http.Request) bool {
	return r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0
}

// EarlyAnswer prepares an answer to a request whose body has not ended. Call it before the answer's header is written, and
// Linger after the answer. The client can then read the answer while it still sends; net/http alone would wait for the
// body. The connection closes afterwards, because net/http would read the rest of the body as another request.
func EarlyAnswer(w http.ResponseWriter, r *http.Request) {
	if !HasBody(r) {
		return
	}
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2, and recorders in tests, need none
	w.Header().Set("Connection", "close")
}

// Linger drops the bytes that the client sends after an early answer, so that the client reads the answer instead of
// finding the connection reset. It gives up after patience.
func Linger(w http.ResponseWriter, r *http.Request, patience time.Duration) {
	if !HasBody(r) {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.CopyN(io.Discard, r.Body, maxLingered)
}

// Body is a request's body that records whether it was read to its end.
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

// Answer is a ResponseWriter for a handler that may answer before the request's body has ended. Call End after the handler.
type Answer struct {
	http.ResponseWriter
	Request *http.Request // as net/http made it
	Body    *Body         // the request's body, if the handler reads it; nil: the handler does not read it
	Status  int           // the answer's status; 0 before the answer

	early bool
	held  bytes.Buffer // an early answer: it needs a length, so that a client that still sends sees its end
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

// End sends a held early answer, and lingers.
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

// NotTaken marks the answer to a request that this server has not processed, because it starts or shuts down. The
// connection is closed. If nginx announces that it can (see deploy/nginx.conf), the header makes it send the request to
// another server. Only this header distinguishes such a 503 from a provider's, which must not be sent again. An nginx
// without that configuration would answer 500.
func NotTaken(answer, request http.Header) {
	answer.Set("Connection", "close")
	if request["X-Airatelimit-Another"] != nil {
		answer.Set("X-Accel-Redirect", "@another")
	}
}
