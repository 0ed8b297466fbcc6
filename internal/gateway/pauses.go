package gateway

import (
	"time"

	"github.com/airatelimit/airatelimit/internal/wire"
)

// pauses measures how long a stream has sent no text. The model may have been thinking in that time, which is billed. This
// estimate counts if the client leaves before the figures come.
type pauses struct {
	heard int64         // bytes of text that have come
	since time.Duration // when the last text came, after the request began; 0: none has
	long  time.Duration // the sum of all silences beyond usualSilence each
}

const (
	usualSilence = 2 * time.Second // before an answer, and between its words
	thoughtSpeed = 100             // tokens a second that a model may think during a silence
)

// noteText notes how much text has come.
func (c *call) noteText(text int64) {
	if s := &c.pauses; text != s.heard {
		s.heard = text
		c.endPause()
	}
}

// endPause adds the silence that ends now.
func (c *call) endPause() {
	s, now := &c.pauses, c.elapsed()
	s.long += max(0, now-max(s.since, c.at.Sent)-usualSilence)
	s.since = now
}

// unheard estimates, in tokens, the output of an abandoned stream beyond its text: the model's thoughts or unfinished images.
func (c *call) unheard(x *exchange) int64 {
	switch op := c.ep.Operation; {
	case op == wire.ImageGenerations, op == wire.ImageEdits:
		return c.est.unmetered(op, 0, c.env.Answers)
	case !generates(op):
		return 0
	}
	if !x.marked.Load() { // after the end marker the model no longer thinks
		c.endPause()
	}
	thought := int64(c.pauses.long/time.Millisecond) * thoughtSpeed / 1000
	return min(thought, satMul(known(c.est.price.MaxOutput, unknownOutput), c.env.Answers))
}
