package wire

import (
	"io"
	"net/http"
	"time"
)

// mostLingered bounds what of a refused request's body is read and dropped.
const mostLingered = 256 << 20

// LingerTime is how long who is refused may take to finish sending.
const LingerTime = 10 * time.Second

// EarlyAnswer is called before an answer is written to a client that may still be sending: net/http would wait for the
// body otherwise. Linger is called after it.
func EarlyAnswer(w http.ResponseWriter) {
	_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2, and recorders in tests, need none
}

// Linger drops what the client is still sending when it has been answered, so that it reads the answer instead of
// finding the connection reset. It gives up after patience.
func Linger(w http.ResponseWriter, r *http.Request, patience time.Duration) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	ctl := http.NewResponseController(w)
	_ = ctl.Flush()
	_ = ctl.SetReadDeadline(time.Now().Add(patience))
	_, _ = io.CopyN(io.Discard, r.Body, mostLingered)
}
