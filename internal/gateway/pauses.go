package gateway

import (
	"time"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// pauses are how long a stream has had no text for its client: models think unseen, and are paid for it. It counts where the
// client leaves before the figures come.
type pauses struct {
	heard int64         // bytes of text that have come
	since time.Duration // when the last of them came, after the request began; 0: none has
	long  time.Duration // of all silences, what was longer than is usual
}

const (
	usualSilence = 2 * time.Second // before an answer, and between its words
	thoughtSpeed = 100             // tokens a second that a model may think meanwhile
)

// hears notes how much text has come.
func (c *call) hears(text int64) {
	if s := &c.pauses; text != s.heard {
		s.heard = text
		c.endPause()
	}
}

// endPause adds up the silence that ends now.
func (c *call) endPause() {
	s, now := &c.pauses, c.elapsed()
	s.long += max(0, now-max(s.since, c.at.Sent)-usualSilence)
	s.since = now
}

// unheard estimates the output of a stream that its client has left beyond the text that had come, in tokens: what the model
// may have thought, or the images that it was drawing.
func (c *call) unheard(x *exchange) int64 {
	switch op := c.ep.Operation; {
	case op == wire.ImageGenerations, op == wire.ImageEdits:
		return c.est.unmetered(op, 0, c.env.Answers)
	case !generates(op):
		return 0
	}
	if !x.marked.Load() { // else it has ended, and its figures were waited for
		c.endPause()
	}
	thought := int64(c.pauses.long/time.Millisecond) * thoughtSpeed / 1000
	return min(thought, satMul(known(c.est.price.MaxOutput, unknownOutput), c.env.Answers))
}
