package echo

import (
	"bytes"
	"net/http"
	"sync"
)

// The bounds of a Recorder.
const (
	maxRecordedModels = 1024
	maxRecordedBody   = 4 << 20 // bytes
)

// Recorder counts the requests that reached a [Provider] and keeps the last one. It is only for tests, because bodies hold
// prompts. The zero value is ready to use, and several goroutines may use it.
type Recorder struct {
	mu    sync.Mutex
	total int
	model map[string]int
	last  Request
}

// Request is one request as it arrived.
type Request struct {
	Method string
	Path   string // as sent, escapes included
	Query  string // as sent, without the question mark
	Model  string
	Header http.Header
	Body   []byte // its first 4 MiB
}

func (rec *Recorder) record(r *http.Request, model string, body []byte) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.total++
	if rec.model == nil {
		rec.model = make(map[string]int)
	}
	if _, known := rec.model[model]; known || len(rec.model) < maxRecordedModels {
		rec.model[model]++
	}
	rec.last = Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Model: model,
		Header: r.Header.Clone(), Body: bytes.Clone(body[:min(len(body), maxRecordedBody)]),
	}
}

// Total returns how many requests arrived, refused and failed ones included.
func (rec *Recorder) Total() int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.total
}

// Count returns how many requests for a model arrived. Only the first 1024 models are counted.
func (rec *Recorder) Count(model string) int {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.model[model]
}

// Last returns the request that arrived last; ok is false if there was none. The caller must not change its header or body.
func (rec *Recorder) Last() (req Request, ok bool) {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return rec.last, rec.total > 0
}
