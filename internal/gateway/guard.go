package gateway

import (
	"hash/maphash"
	"net/http"
	"sync"

	"github.com/airatelimit/airatelimit/internal/guard"
	"github.com/airatelimit/airatelimit/internal/project"
	"github.com/airatelimit/airatelimit/internal/wire"
)

// guarding is what the guard found in a request and its answer.
type guarding struct {
	judgedTurns bool
	barred      error
	alarms      []Alarm
	leaks       leakCheck
}

// parse reads a body, and also the turns of its conversation if the guard has to judge them.
func (c *call) parse(body []byte) (*wire.Envelope, error) {
	contentType := wire.HeaderValue(c.r.Header, "Content-Type")
	if c.guards() {
		return wire.ParseTurns(c.ep, contentType, body)
	}
	return wire.Parse(c.ep, contentType, body)
}

// guards reports whether the guard reads the request: one whose text a model follows.
func (c *call) guards() bool {
	return c.caller.Project.Guarded() && c.ep.Metered() && (c.ep.Operation.Chats() || c.ep.Operation == wire.Completions)
}

// judge lets the guard read what the app's user wrote, once, and returns the refusal.
func (c *call) judge() error {
	if !c.guards() || c.judgedTurns {
		return c.barred
	}
	c.judgedTurns = true
	g := c.caller.Project.Guard()
	if c.env.Tokenised && g.Block {
		c.barred = badRequest("prompt", "This app checks prompts, and a prompt given as token numbers cannot be read. Send it as text.")
		return c.barred
	}
	hits, err := c.hits(g)
	if err != nil {
		return err
	}
	for _, h := range hits {
		c.alarm(h, g.Block && h.Rule != unread)
		if c.barred == nil && g.Block && h.Rule != unread {
			c.barred = securityBlocked(h.Category)
		}
	}
	return c.barred
}

// securityBlocked is the refusal of a message.
func securityBlocked(category guard.Category) error {
	return &wire.Error{Status: http.StatusForbidden, Code: "security_blocked", Message: category.Message(), NoRetry: true,
		Fields: map[string]any{"category": string(category),
			"next": "Remove the refused message from the conversation before the next request: every message is checked again."}}
}

// alarm notes a hit, each rule once a request.
func (c *call) alarm(h guard.Hit, blocked bool) {
	a := Alarm{Category: string(h.Category), Rule: h.Rule, Severity: string(h.Severity), Blocked: blocked}
	for _, known := range c.alarms {
		if known.Category == a.Category && known.Rule == a.Rule {
			return
		}
	}
	c.alarms = append(c.alarms, a)
}

const (
	// mostJudged is how many bytes of a request the guard reads, besides what it has read before.
	mostJudged = guard.MaxText
	// freeCopy is the size of a text, in bytes, up to which its copy takes nothing from the budget for bodies.
	freeCopy = 64 << 10
	// unread is the rule of an event that says that a request was too long to be read whole.
	unread = "unread"
)

// hits judges the turns of the conversation, the latest first. Of a conversation that is too long, the beginnings and ends of
// the texts are read while there is time, and an event says so.
func (c *call) hits(g *project.Guard) (hits []guard.Hit, err error) {
	var turns []wire.Turn
	c.env.Turns(func(t wire.Turn) bool {
		if t.Speaker != wire.SpeakerTool || g.ToolResults {
			turns = append(turns, t)
		}
		return true
	})
	left, skipped := mostJudged, 0
	for i := len(turns) - 1; i >= 0; i-- {
		key := c.g.judged.key(g.Policy, turns[i].Raw)
		found, known := c.g.judged.get(key)
		if !known {
			read := min(len(turns[i].Raw), left)
			left -= read
			skipped += len(turns[i].Raw) - read
			if found, err = c.judgeTurn(g.Policy, turns[i], read); err != nil {
				return nil, err
			}
			if read == len(turns[i].Raw) {
				c.g.judged.put(key, found)
			}
		}
		hits = append(hits, found...)
	}
	if skipped > 0 {
		hits = append(hits, guard.Hit{Category: guard.Obfuscation, Rule: unread, Severity: guard.Low})
	}
	return hits, nil
}

// judgeTurn judges at most read bytes of a text.
func (c *call) judgeTurn(policy *guard.Policy, t wire.Turn, read int) ([]guard.Hit, error) {
	if read > freeCopy {
		if err := c.takeMemory(int64(read), 0); err != nil {
			return nil, err
		}
		defer c.giveMemory(int64(read))
	}
	if read == len(t.Raw) {
		return guard.Default().Judge(t.Text(), policy).Hits, nil
	}
	head, tail := t.Ends(read / 2)
	return append(guard.Default().Judge(head, policy).Hits, guard.Default().Judge(tail, policy).Hits...), nil
}

// judgements remembers what the guard found in a text, so that a long conversation, which comes again with every request, is
// read once. It keeps hashes, no texts. The zero value is ready to use.
type judgements struct {
	mu         sync.Mutex
	young, old map[judged][]guard.Hit
}

// mostRemembered is how many texts each of the two generations has.
const mostRemembered = 1 << 15

// judged names a text that was judged under a policy.
type judged struct {
	policy *guard.Policy
	hash   uint64
	length int
}

// hashSeed makes hashes that nobody can foresee.
var hashSeed = maphash.MakeSeed()

func (*judgements) key(policy *guard.Policy, text []byte) judged {
	return judged{policy, maphash.Bytes(hashSeed, text), len(text)}
}

func (j *judgements) get(key judged) (hits []guard.Hit, known bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if hits, known = j.young[key]; known {
		return hits, true
	}
	if hits, known = j.old[key]; known {
		j.add(key, hits)
	}
	return hits, known
}

func (j *judgements) put(key judged, hits []guard.Hit) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(key, hits)
}

// add adds to the young generation. When that is full, it becomes the old one. The caller holds the mutex.
func (j *judgements) add(key judged, hits []guard.Hit) {
	if len(j.young) >= mostRemembered || j.young == nil {
		j.old, j.young = j.young, make(map[judged][]guard.Hit)
	}
	j.young[key] = hits
}
